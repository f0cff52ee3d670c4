"""The calls about groups, and how their answers are read."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import BadAddress, PartToSend
from omni_actors.adapters.whatsapp.groups import GROUPS
from omni_actors.adapters.whatsapp.outbound import send
from omni_actors.adapters.whatsapp.people import address
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.content import Text
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.groups import (
    Decided,
    GroupChange,
    GroupInfo,
    GroupPage,
    JoinRequest,
    JoinRequestPage,
    NewGroup,
    NotDecided,
)
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

NUMBER = WhatsAppSettings("770011223344556")
BASE = "https://graph.facebook.com/v25.0"
ID = "Y2FwaV9ncm91cDptYWRl"
ASKED = {"messaging_product": "whatsapp", "request_id": "r1"}
PRODUCT = {"messaging_product": "whatsapp"}


def said(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def test_the_address_of_a_group_is_its_id() -> None:
    assert address(f" group:{ID}") == (IdentityKey("group", ID),)


@pytest.mark.parametrize("written", ["group:", "group:a b", "group:" + "x" * 257])
def test_what_is_no_id_is_no_address_of_a_group(written: str) -> None:
    with pytest.raises(BadAddress, match="the address of a group"):
        address(written)


def test_a_message_to_a_group_names_it_and_learns_no_other_key() -> None:
    part = PartToSend("prt_1", "text", Text("hi"), (IdentityKey("group", ID),))
    answer = {"contacts": [{"input": ID, "wa_id": ID}], "messages": [{"id": "wamid.1"}]}

    [call], sent = play(send(part, NUMBER), said(answer))

    assert (call.json["recipient_type"], call.json["to"]) == ("group", ID)
    assert sent.aliases == ()


def test_a_group_is_asked_for() -> None:
    wanted = NewGroup("Tea lovers", "All about tea", approval=True)

    [call], request = play(GROUPS.create(wanted, NUMBER), said(ASKED))

    assert (call.method, call.url) == ("POST", f"{BASE}/770011223344556/groups")
    assert call.json == {
        **PRODUCT,
        "subject": "Tea lovers",
        "description": "All about tea",
        "join_approval_mode": "approval_required",
    }
    assert not call.idempotent
    assert request == "r1"


def test_a_group_is_read_with_who_is_in_it() -> None:
    answer = {
        "id": ID,
        "subject": "Tea lovers",
        "description": "All about tea",
        "suspended": False,
        "creation_timestamp": "1790000000",
        "participants": [{"wa_id": "447700900123"}, {"user_id": "GB.8"}, {}],
        "join_approval_mode": "auto_approve",
    }

    [call], found = play(GROUPS.get(ID, NUMBER), said(answer))

    assert call.url == f"{BASE}/{ID}"
    assert "participants" in call.query["fields"]
    assert found == GroupInfo(
        ID, "Tea lovers", "All about tea", 1_790_000_000.0, False, False, ("+447700900123", "GB.8")
    )


@pytest.mark.parametrize(("next_", "cursor"), [("https://more", "c2"), (None, None)])
def test_groups_are_listed_a_slice_at_a_time(next_: str | None, cursor: str | None) -> None:
    paging = {"cursors": {"after": "c2"}, **({"next": next_} if next_ else {})}
    groups = [{"id": ID, "subject": "Tea", "created_at": "1790000000"}, {"subject": "no id"}]
    answer = {"data": {"groups": groups}, "paging": paging}

    [call], page = play(GROUPS.page("c1", NUMBER), said(answer))

    assert call.query["after"] == "c1"
    assert page == GroupPage((GroupInfo(ID, "Tea", created_at=1_790_000_000.0),), cursor)


def test_a_cursor_that_is_good_no_more_is_told() -> None:
    _, page = play(GROUPS.page("c1", NUMBER), said({"error": {"code": 131059}}, 400))

    assert page is None


def test_a_group_is_called_something_else() -> None:
    [call], request = play(GROUPS.change(ID, GroupChange(subject="Tea"), NUMBER), said(ASKED))

    assert (call.method, call.json) == ("POST", {**PRODUCT, "subject": "Tea"})
    assert request == "r1"


def test_a_group_is_ended() -> None:
    [call], _ = play(GROUPS.delete(ID, NUMBER), said({"success": True}))

    assert (call.method, call.url, call.json) == ("DELETE", f"{BASE}/{ID}", None)


@pytest.mark.parametrize(("fresh", "method"), [(False, "GET"), (True, "POST")])
def test_the_invite_link_is_read_or_made_anew(*, fresh: bool, method: str) -> None:
    answer = {"invite_link": "https://chat.whatsapp.com/abc"}

    [call], link = play(GROUPS.invite_link(ID, fresh, NUMBER), said(answer))

    assert (call.method, call.url) == (method, f"{BASE}/{ID}/invite_link")
    assert link == "https://chat.whatsapp.com/abc"


def test_members_are_removed_by_number_or_id() -> None:
    members = ("+44 7700 900123", "GB.8")

    [call], _ = play(GROUPS.remove(ID, members, NUMBER), said(ASKED))

    assert call.method == "DELETE"
    assert call.json["participants"] == [{"user": "+447700900123"}, {"user": "GB.8"}]


def test_who_asks_to_be_let_in_is_listed() -> None:
    asked = {"join_request_id": "q1", "wa_id": "447700900123", "creation_timestamp": 1_790_000_000}

    _, page = play(GROUPS.requests(ID, "", NUMBER), said({"data": [asked, {}]}))

    assert page == JoinRequestPage((JoinRequest("q1", "+447700900123", 1_790_000_000.0),), None)


@pytest.mark.parametrize(
    ("approve", "method", "word"), [(True, "POST", "approved"), (False, "DELETE", "rejected")]
)
def test_requests_are_decided_and_what_failed_says_why(
    *, approve: bool, method: str, word: str
) -> None:
    failed = {"join_request_id": "q2", "errors": [{"code": 131213, "message": "gone"}]}
    answer = {f"{word}_join_requests": ["q1"], "failed_join_requests": [failed]}

    [call], found = play(GROUPS.decide(ID, ("q1", "q2"), approve, NUMBER), said(answer))

    assert (call.method, call.json["join_requests"]) == (method, ["q1", "q2"])
    assert found == Decided(("q1",), (NotDecided("q2", "131213: gone"),))


def test_a_request_that_failed_without_words_says_what_its_code_means() -> None:
    failed = {"join_request_id": "q2", "errors": [{"code": 131213}]}

    _, found = play(
        GROUPS.decide(ID, ("q2",), True, NUMBER), said({"failed_join_requests": [failed]})
    )

    [one] = found.failed
    assert one.why == "131213: There is no such request to join; list the requests again."


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (7, {"type": "pin", "message_id": "wamid.1", "expiration_days": 7}),
        (None, {"type": "unpin", "message_id": "wamid.1"}),
    ],
)
def test_a_message_is_pinned_and_unpinned(days: int | None, told: dict[str, Any]) -> None:
    [call], _ = play(GROUPS.pin(ID, "wamid.1", days, NUMBER), said({"messages": [{"id": "w"}]}))

    assert call.json == {
        **PRODUCT,
        "recipient_type": "group",
        "to": ID,
        "type": "pin",
        "pin": told,
    }


def test_a_refusal_is_a_failure() -> None:
    with pytest.raises(SendFailure) as refused:
        play(GROUPS.get(ID, NUMBER), said({"error": {"code": 131041, "message": "no"}}, 400))

    assert (refused.value.failure.kind, refused.value.failure.code) == (Kind.REJECTED, "131041")
