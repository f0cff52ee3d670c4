"""Groups of the pretend WhatsApp: who is in them, what they take, and what is told of them."""

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import ADA, KEY, TEXT, Play, code_of

BOB = "447700900456"
PRODUCT = {"messaging_product": "whatsapp"}
BUTTONS = {
    "type": "interactive",
    "interactive": {
        "type": "button",
        "body": {"text": "When?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "A"}}]},
    },
}


async def made(play: Play, **more: Any) -> str:
    """A new group; its id, as the webhook tells it."""
    answer = await play.client.post(
        f"/v25.0/{KEY}/groups", json={**PRODUCT, "subject": "Tea lovers", **more}
    )
    assert answer.status_code == 200, answer.text
    (value,) = (await play.hook.values(1))[-1:]
    (item,) = value["groups"]
    assert item["request_id"] == answer.json()["request_id"]
    return str(item["group_id"])


async def joins(play: Play, group_id: str, *people: str) -> None:
    """People follow the invite link."""
    item = {
        "group_id": group_id,
        "type": "group_participants_add",
        "reason": "invite_link",
        "added_participants": [{"wa_id": who} for who in people],
    }
    await play.write({"field": "group_participants_update", "value": {"groups": [item]}}, wait=1)


async def send(play: Play, group_id: str, body: dict[str, Any] = TEXT) -> httpx.Response:
    return await play.send({**body, "recipient_type": "group"}, to=group_id)


async def call(play: Play, method: str, path: str, body: Any = None) -> httpx.Response:
    json = None if body is None else {**PRODUCT, **body}
    return await play.client.request(method, f"/v25.0/{path}", json=json)


async def test_a_message_to_a_group_is_told_of_for_all_and_for_each(play: Play) -> None:
    group_id = await made(play)
    await joins(play, group_id, ADA, BOB)
    await play.write({"type": "text", "text": {"body": "hi"}, "group_id": group_id}, wait=1)
    before = len(play.hook.knocks)

    answer = await send(play, group_id)

    assert answer.json()["contacts"] == [{"input": group_id, "wa_id": group_id}]
    told = (await play.hook.statuses(before + 3))[-5:]
    assert [each["status"] for each in told] == ["sent", "delivered", "delivered", "read", "read"]
    assert {each["recipient_id"] for each in told} == {group_id}
    assert [each.get("recipient_participant_id") for each in told[1:3]] == [ADA, BOB]
    assert (await play.outbox())[-1]["to"] == group_id


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "a question": (BUTTONS, 130501),
    "a place": ({"type": "location", "location": {"latitude": 1, "longitude": 1}}, 130501),
    "a pin without its days": ({"type": "pin", "pin": {"type": "pin", "message_id": "m"}}, 131008),
}


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_group_takes_no_more_than_it_may(
    play: Play, body: dict[str, Any], code: int
) -> None:
    group_id = await made(play)
    await joins(play, group_id, ADA)
    await play.write({"type": "text", "text": {"body": "hi"}, "group_id": group_id})

    assert code_of(await send(play, group_id, body)) == code


async def test_a_group_without_members_or_words_of_theirs_takes_nothing(play: Play) -> None:
    group_id = await made(play)
    alone = code_of(await send(play, group_id))
    await joins(play, group_id, ADA)

    assert alone == 131020
    assert code_of(await send(play, group_id)) == 131047
    assert code_of(await send(play, "Y2Fw")) == 131041


async def test_a_message_is_pinned_in_its_group_only(play: Play) -> None:
    await play.write({"type": "text", "text": {"body": "hi"}, "group_id": "Y2Fw"})
    pin = {"type": "pin", "pin": {"type": "pin", "message_id": "m", "expiration_days": 7}}

    assert (await send(play, "Y2Fw", pin)).status_code == 200
    assert code_of(await play.send(pin)) != 0


async def test_a_group_is_shown_changed_and_ended(play: Play) -> None:
    group_id = await made(play, description="All about tea")
    await joins(play, group_id, ADA)

    shown = await call(play, "GET", f"{group_id}?fields=subject,participants,join_approval_mode")
    renamed = await call(play, "POST", group_id, {"subject": "Tea"})
    listed = await call(play, "GET", f"{KEY}/groups")
    gone = await call(play, "DELETE", group_id)

    assert shown.json()["participants"][0]["wa_id"] == ADA
    assert shown.json()["join_approval_mode"] == "auto_approve"
    assert "request_id" in renamed.json()
    assert [one["subject"] for one in listed.json()["data"]["groups"]] == ["Tea"]
    assert gone.status_code == 200
    assert code_of(await call(play, "GET", group_id)) != 0
    assert code_of(await send(play, group_id)) == 131041


async def test_a_fresh_link_is_another_one(play: Play) -> None:
    group_id = await made(play)

    first = (await call(play, "GET", f"{group_id}/invite_link")).json()["invite_link"]
    fresh = (await call(play, "POST", f"{group_id}/invite_link", {})).json()["invite_link"]

    assert first != fresh
    assert (await call(play, "GET", f"{group_id}/invite_link")).json()["invite_link"] == fresh


async def test_people_are_let_in_turned_down_and_taken_out(play: Play) -> None:
    group_id = await made(play, join_approval_mode="approval_required")
    for n, who in enumerate((ADA, BOB)):
        item = {
            "group_id": group_id,
            "type": "group_join_request_created",
            "join_request_id": f"q{n}",
            "wa_id": who,
        }
        await play.write({"field": "group_participants_update", "value": {"groups": [item]}})

    asked = await call(play, "GET", f"{group_id}/join_requests")
    yes = await call(play, "POST", f"{group_id}/join_requests", {"join_requests": ["q0", "q9"]})
    no = await call(play, "DELETE", f"{group_id}/join_requests", {"join_requests": ["q1"]})
    there = await call(play, "GET", f"{group_id}?fields=participants")
    users = {"participants": [{"user": f"+{ADA}"}, {"user": f"+{BOB}"}]}
    await call(play, "DELETE", f"{group_id}/participants", users)
    left = await call(play, "GET", f"{group_id}?fields=total_participant_count")

    assert [each["join_request_id"] for each in asked.json()["data"]] == ["q0", "q1"]
    assert yes.json()["approved_join_requests"] == ["q0"]
    assert yes.json()["failed_join_requests"][0]["join_request_id"] == "q9"
    assert no.json()["rejected_join_requests"] == ["q1"]
    assert [each["wa_id"] for each in there.json()["participants"]] == [ADA]
    assert left.json()["total_participant_count"] == 0


async def test_a_suspended_group_takes_nothing_until_it_is_restored(play: Play) -> None:
    await play.write({"type": "text", "text": {"body": "hi"}, "group_id": "Y2Fw"})
    for kind, code in (("group_suspend", 131207), ("group_suspend_cleared", 0)):
        item = {"group_id": "Y2Fw", "type": kind}
        await play.write({"field": "group_status_update", "value": {"groups": [item]}})

        assert code_of(await send(play, "Y2Fw")) == code


async def test_an_unfit_group_is_not_made(play: Play) -> None:
    assert code_of(await call(play, "POST", f"{KEY}/groups", {"subject": "x" * 129})) == 100
    assert code_of(await call(play, "POST", f"{KEY}/groups", {})) == 131008
