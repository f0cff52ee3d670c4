"""Sending over Messenger and Instagram: to whom, as what, and what an answer means."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import Medium, PartToSend, Sent
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.instagram import outbound as instagram
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.messenger import outbound as messenger
from omni_actors.model.content import Action, Card, Media, MediaKind, Reaction, Template, Text
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import Auth, HttpReply
from tests.adapters.kit import play
from tests.adapters.meta.kit import (
    ACCEPTED,
    ANA,
    ANA_THERE,
    BY_FACEBOOK,
    BY_INSTAGRAM,
    CHECKS,
    FILM,
    IG_ID,
    PAGE,
    PAGE_ID,
    PICTURE,
    answered,
    body_of,
    on_instagram,
    sending,
)

HELLO = Text("Hello")


def key(kind: str, value: str, scope: str = PAGE_ID) -> IdentityKey:
    return IdentityKey(kind, value, scope)


def failure_of(reply: HttpReply, **more: Any) -> Failure:
    with pytest.raises(SendFailure) as failed:
        sending("text", HELLO, reply=reply, **more)
    return failed.value.failure


def refused(code: int, subcode: int | None = None, status: int = 400) -> HttpReply:
    error = {"message": "no", "code": code, "error_subcode": subcode}
    return answered({"error": error}, status)


@pytest.mark.parametrize(
    ("adapter", "settings", "url", "auth"),
    [
        (MESSENGER, PAGE, f"https://graph.facebook.com/v25.0/{PAGE_ID}/messages", Auth.PROOF),
        (
            INSTAGRAM,
            BY_FACEBOOK,
            f"https://graph.facebook.com/v25.0/{PAGE_ID}/messages",
            Auth.PROOF,
        ),
        (
            INSTAGRAM,
            BY_INSTAGRAM,
            f"https://graph.instagram.com/v25.0/{IG_ID}/messages",
            Auth.BEARER,
        ),
    ],
)
def test_each_flavour_has_its_own_address(
    adapter: Any, settings: Any, url: str, auth: Auth
) -> None:
    call, sent = sending("text", HELLO, adapter=adapter, settings=settings)

    assert (call.method, call.url, call.auth, call.idempotent) == ("POST", url, auth, False)
    assert sent == Sent(("m_OutSize09",))


@pytest.mark.parametrize(
    ("named", "recipient", "kind"),
    [
        (key("psid", "73"), {"id": "73"}, "RESPONSE"),
        (key("user_ref", "ref-1"), {"user_ref": "ref-1"}, "UPDATE"),
        (key("comment_id", "88_901"), {"comment_id": "88_901"}, "RESPONSE"),
        (key("post_id", f"{PAGE_ID}_88"), {"post_id": f"{PAGE_ID}_88"}, "RESPONSE"),
        (key("one_time_notif_token", "44"), {"one_time_notif_token": "44"}, "UPDATE"),
        (
            key("notification_messages_token", "88"),
            {"notification_messages_token": "88"},
            "UPDATE",
        ),
    ],
)
def test_a_person_is_named_by_what_is_known_of_them(
    named: IdentityKey, recipient: dict[str, str], kind: str
) -> None:
    body = body_of("text", HELLO, to=(named,))

    assert (body["recipient"], body["messaging_type"]) == (recipient, kind)


def test_an_id_is_better_than_the_comment_that_it_was_learned_by() -> None:
    body = body_of("text", HELLO, to=(key("comment_id", "88_901"), ANA))

    assert body["recipient"] == {"id": ANA.value}


def test_a_comment_on_a_live_broadcast_is_answered_as_any_other() -> None:
    live = key("live_comment_id", "179", IG_ID)

    body = on_instagram("text", HELLO, to=(live,))

    assert body["recipient"] == {"comment_id": "179"}
    assert live.kind in INSTAGRAM.capabilities.windowless


def test_a_private_reply_teaches_who_it_was() -> None:
    _call, sent = sending("text", HELLO, to=(key("comment_id", "88_901"),))
    _call, there = sending("text", HELLO, adapter=INSTAGRAM, to=(key("comment_id", "179", IG_ID),))

    assert sent.aliases == (key("psid", "7300000000000001"),)
    assert there.aliases == (key("igsid", "7300000000000001", IG_ID),)


def test_a_person_of_whom_no_id_is_known_cannot_be_written_to() -> None:
    with pytest.raises(SendFailure) as failed:
        sending("text", HELLO, to=(key("email", "a@b.example"),))

    assert failed.value.failure.reason is Reason.NO_IDENTITY


def test_a_humans_words_past_the_window_carry_the_tag_of_a_human() -> None:
    told = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}

    assert body_of("text", HELLO, late=True, human=True).items() >= told.items()
    assert on_instagram("text", HELLO, late=True, human=True).items() >= told.items()


@pytest.mark.parametrize("told", [{"human": True}, {"late": True}, {}])
def test_nobody_else_carries_a_tag(told: dict[str, bool]) -> None:
    assert "tag" not in body_of("text", HELLO, **told)
    assert "messaging_type" not in on_instagram("text", HELLO, **told)


def test_a_window_that_the_platform_finds_closed_lets_a_humans_words_out_with_the_tag() -> None:
    part = PartToSend("prt_1", "text", HELLO, (ANA,), human=True)

    calls, sent = play(messenger.send(part, PAGE), refused(10, 2018278), ACCEPTED)

    assert [call.json.get("tag") for call in calls] == [None, "HUMAN_AGENT"]
    assert calls[1].json["messaging_type"] == "MESSAGE_TAG"
    assert calls[1].json["message"] == calls[0].json["message"]
    assert sent == Sent(("m_OutSize09",))


@pytest.mark.parametrize("told", [{}, {"human": True, "late": True}])
def test_a_bots_words_and_tagged_ones_are_not_sent_again(told: dict[str, bool]) -> None:
    failure = failure_of(refused(10, 2018278), **told)

    assert failure.reason is Reason.OUTSIDE_WINDOW


PERMISSIONS = {
    "the tag of a human": ({"human": True, "late": True}, "text", 10, Reason.OUTSIDE_WINDOW),
    "a template": ({}, "utility", 10, Reason.PERMISSION_DENIED),
    "a private reply": (
        {"to": (key("comment_id", "88_901"),)},
        "text",
        200,
        Reason.PERMISSION_DENIED,
    ),
}


@pytest.mark.parametrize(
    ("told", "form", "code", "reason"), PERMISSIONS.values(), ids=PERMISSIONS.keys()
)
def test_a_permission_that_only_some_sends_need_stops_no_others(
    told: dict[str, Any], form: str, code: int, reason: Reason
) -> None:
    content = Template("order_shipped", "en_US") if form == "utility" else HELLO

    with pytest.raises(SendFailure) as failed:
        sending(form, content, reply=refused(code), **told)

    failure = failed.value.failure
    assert (failure.kind, failure.reason, failure.scope) == (Kind.REJECTED, reason, Scope.PART)
    assert "Everything else goes on." in (failure.advice or "")
    assert failure_of(refused(code)).kind is Kind.BROKEN


@pytest.mark.parametrize(
    "tag",
    ["CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE", "CUSTOMER_FEEDBACK"],
)
def test_a_tag_that_the_platform_has_removed_is_refused_before_the_call(tag: str) -> None:
    with pytest.raises(SendFailure, match=tag) as failed:
        body_of("text", HELLO, override={"messaging_type": "MESSAGE_TAG", "tag": tag})

    assert failed.value.failure.kind is Kind.REJECTED
    assert failed.value.failure.reason is Reason.POLICY_REJECTED


def test_a_bot_cannot_say_that_it_is_human() -> None:
    asked = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}

    with pytest.raises(SendFailure, match=r"author\.type"):
        body_of("text", HELLO, override=asked)
    assert body_of("text", HELLO, override=asked, human=True)["tag"] == "HUMAN_AGENT"


def test_a_message_says_what_it_answers() -> None:
    quoting = {"mid": "m_QK77aa01"}

    assert body_of("text", HELLO, reply_to="m_QK77aa01")["reply_to"] == quoting
    assert on_instagram("text", HELLO, reply_to="m_QK77aa01")["reply_to"] == quoting


def test_with_instagram_login_it_cannot_and_says_so() -> None:
    call, sent = sending("text", HELLO, adapter=INSTAGRAM, settings=BY_INSTAGRAM, reply_to="aWdf01")

    assert "reply_to" not in call.json
    assert sent.note is not None
    assert "answers" in sent.note


def test_callers_add_keys_but_never_the_recipient_or_the_callback() -> None:
    override = {
        "recipient": {"id": "1"},
        "notification_type": "SILENT_PUSH",
        "message": {"metadata": "mine", "text": "Bye"},
    }

    call, sent = sending("text", HELLO, override=override)

    assert call.json == {
        "recipient": {"id": ANA.value},
        "messaging_type": "RESPONSE",
        "notification_type": "SILENT_PUSH",
        "message": {"text": "Bye", "metadata": "prt_1"},
    }
    assert sent.note == "override ignored: recipient"


def test_null_takes_a_key_away_so_that_another_template_can_be_made_of_one() -> None:
    card = Card("Our mugs", actions=(Action("All", id="ALL"),))
    asked = {"template_type": "one_time_notif_req", "title": "When it is back?", "payload": "R:9"}
    override = {"message": {"attachment": {"payload": {**asked, "elements": None}}}}

    call, _sent = sending("generic", card, override=override)

    assert call.json["message"]["attachment"]["payload"] == asked
    CHECKS["messenger"](call.json)


def test_a_persona_speaks_by_its_id() -> None:
    assert MESSENGER.personas is not None
    assert MESSENGER.personas.spelled("9900") == {"persona_id": "9900"}


@pytest.mark.parametrize(
    ("emoji", "told"),
    [
        ("👋", {"sender_action": "react", "payload": {"message_id": "m_1", "reaction": "👋"}}),
        ("", {"sender_action": "unreact", "payload": {"message_id": "m_1"}}),
    ],
)
def test_a_reaction_and_its_taking_back_are_actions(emoji: str, told: dict[str, Any]) -> None:
    reply = answered({"recipient_id": "7300000000000001"})

    call, sent = sending("reaction", Reaction(emoji), reply_to="m_1", reply=reply)

    assert call.json == {"recipient": {"id": ANA.value}, **told}
    assert call.idempotent
    assert sent == Sent(())


def test_a_reaction_whose_answer_is_bad_may_be_made_again() -> None:
    with pytest.raises(SendFailure) as failed:
        sending("reaction", Reaction("👋"), reply_to="m_1", reply=refused(1))

    assert failed.value.failure.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("module", "settings", "person"),
    [(messenger, PAGE, ANA), (instagram, BY_INSTAGRAM, ANA_THERE)],
)
def test_a_person_sees_that_they_were_read_and_that_somebody_types(
    module: Any, settings: Any, person: IdentityKey
) -> None:
    done = answered({"recipient_id": person.value})
    (read,), _ = play(module.mark_read("m_1", (person,), settings), done)
    (types,), _ = play(module.typing("m_1", (person,), settings), done)
    (stops,), _ = play(module.stop_typing("m_1", (person,), settings), done)

    assert read.json == {"recipient": {"id": person.value}, "sender_action": "mark_seen"}
    assert types.json == {"recipient": {"id": person.value}, "sender_action": "typing_on"}
    assert stops.json == {"recipient": {"id": person.value}, "sender_action": "typing_off"}


def test_a_picture_that_is_to_be_a_file_goes_along_with_the_message() -> None:
    call, _sent = sending("document", Media(MediaKind.DOCUMENT, "med_1"))

    assert call.json is None
    assert call.form is not None
    assert call.upload is not None
    assert json.loads(call.form["recipient"]) == {"id": ANA.value}
    assert call.form["messaging_type"] == "RESPONSE"
    assert json.loads(call.form["message"]) == {
        "attachment": {"type": "file", "payload": {}},
        "metadata": "prt_1",
    }
    assert (call.upload.field_name, call.upload.filename) == ("filedata", "p.png")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (refused(1), "the platform does not know"),
        (refused(1, 1357046), "the messages were sent, and the answer was bad"),
        (HttpReply(502, body=b"<html>"), "something between spoke"),
        (answered({"recipient_id": "73"}), "a good answer without an id"),
    ],
)
def test_what_may_have_been_sent_is_unknown_and_not_failed(reply: HttpReply, why: str) -> None:
    assert failure_of(reply).kind is Kind.UNKNOWN, why


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (True, Reason.OUTSIDE_WINDOW),
        (False, Reason.RECIPIENT_UNREACHABLE),
    ],
)
def test_one_code_means_a_closed_window_where_it_is_closed(late: bool, reason: Reason) -> None:
    assert failure_of(refused(551, 1545041), late=late).reason is reason


def test_a_refusal_is_named_by_both_of_its_numbers() -> None:
    failure = failure_of(refused(10, 2018278))

    assert (failure.code, failure.reason) == ("10/2018278", Reason.OUTSIDE_WINDOW)


def test_a_budget_that_is_used_up_is_waited_for() -> None:
    header = {PAGE_ID: [{"type": "messenger", "estimated_time_to_regain_access": 3}]}
    reply = HttpReply(
        400,
        {"x-business-use-case-usage": json.dumps(header)},
        b'{"error": {"message": "no", "code": 80006}}',
    )

    failure = failure_of(reply)

    assert (failure.scope, failure.retry_after_s) == (Scope.ACCOUNT, 180.0)


@pytest.mark.parametrize(
    ("medium", "kind"),
    [
        (PICTURE, "image"),
        (FILM, "video"),
        (Medium("m", "b", "audio/mp4; codecs=x", 1), "audio"),
        (Medium("m", "b", "application/pdf", 1), "file"),
        (Medium("m", "b", "image/png", 8_000_001), "file"),
        (Medium("m", "b", "image/webp", 1), "file"),
    ],
)
def test_a_medium_is_uploaded_as_what_it_is(medium: Medium, kind: str) -> None:
    done = answered({"attachment_id": "1857700000000001"})

    (call,), uploaded = play(messenger.upload(medium, PAGE), done)

    assert call.url == f"https://graph.facebook.com/v25.0/{PAGE_ID}/message_attachments"
    assert call.form is not None
    assert json.loads(call.form["message"]) == {
        "attachment": {"type": kind, "payload": {"is_reusable": True}}
    }
    assert call.idempotent
    assert uploaded.external_id == "1857700000000001"


@pytest.mark.parametrize(("settings", "named"), [(BY_FACEBOOK, True), (BY_INSTAGRAM, False)])
def test_a_page_is_told_that_a_medium_is_for_instagram(settings: Any, named: bool) -> None:
    (call,), _ = play(instagram.upload(PICTURE, settings), answered({"attachment_id": "1"}))

    assert call.form is not None
    assert ("platform" in call.form) is named


@pytest.mark.parametrize("bad", [answered({}), refused(1), refused(2)])
def test_an_upload_that_went_wrong_may_be_made_again(bad: HttpReply) -> None:
    with pytest.raises(SendFailure) as failed:
        play(messenger.upload(PICTURE, PAGE), bad)

    assert failed.value.failure.kind is Kind.TRANSIENT


def test_a_medium_that_the_platform_has_forgotten_is_uploaded_anew() -> None:
    forgotten, other = failure_of(refused(100, 2018074)), failure_of(refused(100))

    assert MESSENGER.upload_gone(forgotten)
    assert not MESSENGER.upload_gone(other)


def test_a_part_of_a_person_on_both_keeps_to_its_own_adapter() -> None:
    part = PartToSend("prt_1", "text", HELLO, (ANA_THERE,))

    (call,), _sent = play(INSTAGRAM.send(part, BY_INSTAGRAM), ACCEPTED)

    assert call.json["recipient"] == {"id": ANA_THERE.value}
