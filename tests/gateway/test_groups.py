"""A group is a conversation of its own: what is written in it, sent to it, and told of it."""

import json
from functools import partial
from typing import Any

import pytest
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.model.content import (
    Choices,
    FormRequest,
    Location,
    Option,
    Reaction,
    Template,
    Text,
)
from omni_actors.model.groups import GroupChange
from omni_actors.model.reports import IdentityKey
from omni_actors.model.requests import Delivery, To
from tests.gateway.faults import Arrival
from tests.gateway.kit import ADA, BOB, NUMBER, OPERATOR, Rig, caller, statuses

GROUP = "Y2FwaV9ncm91cDptYWRl"
TO = To("wa", f"group:{GROUP}")


async def meet(rig: Rig) -> None:
    """Somebody writes in the group."""
    await rig.platform.write("Bus at nine?", group_id=GROUP)
    await rig.quiet(for_s=0.1)


async def arrived(rig: Rig, count: int = 1) -> list[Arrival]:
    await rig.until(lambda: len(rig.platform.arrivals) >= count)
    return rig.platform.arrivals


def told(arrival: Arrival, status: str, member: str | None, **more: Any) -> dict[str, Any]:
    """What became of a message for one member, or for all."""
    named = {} if member is None else {"recipient_participant_id": member}
    return {
        "id": arrival.external_id,
        "status": status,
        "timestamp": "1790000720",
        "recipient_id": GROUP,
        "recipient_type": "group",
        "biz_opaque_callback_data": arrival.part_id,
        **named,
        **more,
    }


async def members_told(rig: Rig) -> list[tuple[str, str]]:
    events = await rig.events("message.member")
    return [(str(each.detail["participant"]), str(each.detail["status"])) for each in events]


async def test_who_writes_in_a_group_writes_in_its_conversation(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    await rig.platform.write("I can drive", sender=BOB, group_id=GROUP)
    await rig.platform.write("and alone", sender=BOB)
    await rig.quiet()

    first, second, alone = await rig.events("message.received")
    assert first.conversation_id == second.conversation_id != alone.conversation_id
    message = await rig.message(second.message_id or "")
    assert message.notes == {
        "group_id": GROUP,
        "member": {"keys": [{"kind": "phone", "value": BOB}], "name": "N456"},
    }


async def test_what_is_written_in_a_group_opens_the_window_to_all_of_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    with pytest.raises(RequestError) as closed:
        await rig.submit("hello", to=TO)
    await meet(rig)

    assert closed.value.code is Code.OUTSIDE_WINDOW
    await rig.submit("hello all", to=TO)
    [arrival] = await arrived(rig)
    assert arrival.body["recipient_type"] == "group"
    assert arrival.body["to"] == GROUP
    assert arrival.body["text"] == {"body": "hello all"}


async def test_a_question_goes_to_a_group_as_text_and_any_member_answers_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    question = Choices("When?", (Option("mon", "Monday"), Option("tue", "Tuesday")))

    answer = await rig.submit(question, to=TO)
    [arrival] = await arrived(rig)
    await rig.platform.write("2", sender=BOB, group_id=GROUP)
    await rig.quiet()

    rendering: Any = answer.body["rendering"]
    assert [note["level"] for note in rendering] == ["flattened"]
    assert arrival.body["type"] == "text"
    [picked] = await rig.events("choice.selected")
    assert picked.detail["option_id"] == "tue"


async def test_a_place_goes_to_a_group_as_text(rig: Rig, autojump_clock: MockClock) -> None:
    await meet(rig)
    await rig.submit(Location(51.5, -0.1, "Our shop"), to=TO)

    [arrival] = await arrived(rig)
    assert "Our shop" in arrival.body["text"]["body"]


@pytest.mark.parametrize(
    "content",
    [FormRequest("Two questions", form_id="7"), Reaction("👍", message_id="msg_1")],
    ids=["form", "reaction"],
)
async def test_what_a_group_cannot_get_is_refused(
    rig: Rig, content: Any, autojump_clock: MockClock
) -> None:
    await meet(rig)
    if isinstance(content, Reaction):
        [received] = await rig.events("message.received")
        content = Reaction("👍", message_id=received.message_id)

    with pytest.raises(RequestError) as refused:
        await rig.submit(content, to=TO)

    assert refused.value.code is Code.CONTENT_UNSUPPORTED


async def test_a_question_to_a_group_that_must_not_be_flattened_is_refused(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    question = Choices("When?", (Option("mon", "Monday"),))

    with pytest.raises(RequestError) as refused:
        await rig.submit(question, to=TO, delivery=Delivery(on_unsupported="fail"))

    assert refused.value.code is Code.CONTENT_UNSUPPORTED


async def test_an_authentication_template_never_goes_to_a_group(
    rig: Rig, autojump_clock: MockClock
) -> None:
    code = Template("code", "en_GB", {"body": ["1"]}, category="authentication")

    answer = await rig.submit(code, to=TO)
    message = await rig.reached(answer.message_id, "failed")

    assert rig.platform.arrivals == []
    assert message.parts[0].failure is not None
    assert message.parts[0].failure.reason == "content_unsupported"


# ---------------------------------------------------------------- statuses


async def test_the_furthest_that_a_message_came_with_any_member_counts(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    answer = await rig.submit("hello all", to=TO)
    [arrival] = await arrived(rig)

    await rig.knock(statuses([told(arrival, "sent", None)]))
    await rig.knock(statuses([told(arrival, "delivered", who) for who in (ADA, BOB)]))
    await rig.knock(statuses([told(arrival, "read", BOB)]))

    await rig.reached(answer.message_id, "read")
    assert await members_told(rig) == [(ADA, "delivered"), (BOB, "delivered"), (BOB, "read")]
    assert [event.detail.get("participant") for event in await rig.events("message.read")] == [BOB]


async def test_that_one_member_did_not_get_it_fails_no_message(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    answer = await rig.submit("hello all", to=TO)
    [arrival] = await arrived(rig)
    error = {"code": 131050, "title": "stopped", "message": "stopped"}

    await rig.knock(statuses([told(arrival, "failed", ADA, errors=[error])]))
    await rig.knock(statuses([told(arrival, "delivered", BOB)]))
    await rig.quiet()

    message = await rig.message(answer.message_id)
    assert message.status == "delivered"
    assert await members_told(rig) == [(ADA, "failed"), (BOB, "delivered")]
    assert await rig.events("identity.preference", "message.failed", "delivery.dead") == []


async def test_a_lost_link_of_one_member_sends_nothing_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    await rig.submit("hello all", to=TO)
    [arrival] = await arrived(rig)
    error = {"code": 131053, "title": "upload", "message": "upload"}

    await rig.knock(statuses([told(arrival, "failed", ADA, errors=[error])]))
    await rig.quiet(for_s=60)

    assert len(rig.platform.arrivals) == 1


async def test_a_message_that_the_whole_group_did_not_get_has_failed(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    answer = await rig.submit("hello all", to=TO)
    [arrival] = await arrived(rig)
    error = {"code": 131020, "title": "alone", "message": "alone"}

    await rig.knock(statuses([told(arrival, "failed", None, errors=[error])]))

    message = await rig.reached(answer.message_id, "failed")
    assert message.parts[0].failure is not None
    assert message.parts[0].failure.reason == "recipient_invalid"


async def test_statuses_of_members_that_come_before_the_answer_wait_for_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await meet(rig)
    early = {
        "id": "wamid.000002",
        "status": "delivered",
        "timestamp": "1790000720",
        "recipient_id": GROUP,
        "recipient_type": "group",
    }
    both = [{**early, "recipient_participant_id": who} for who in (ADA, BOB)]
    await rig.knock(statuses(both))

    answer = await rig.submit("hello all", to=TO)
    await rig.reached(answer.message_id, "delivered")

    assert sorted(await members_told(rig)) == [(ADA, "delivered"), (BOB, "delivered")]


# ---------------------------------------------------------------- news


def news(topic: str, *items: dict[str, Any]) -> bytes:
    """A webhook about groups."""
    metadata = {"display_phone_number": "442079460100", "phone_number_id": NUMBER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "groups": list(items)}
    entry = {"id": "900", "changes": [{"field": topic, "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


async def test_a_group_is_a_contact_by_its_name_once_it_is_made(
    rig: Rig, autojump_clock: MockClock
) -> None:
    made = {"timestamp": "1790000001", "group_id": GROUP, "type": "group_create"}
    link = "https://chat.whatsapp.com/abc"

    await rig.knock(
        news("group_lifecycle_update", {**made, "subject": "Tea lovers", "invite_link": link})
    )
    await meet(rig)

    [event] = await rig.events("channel.reported")
    assert (event.detail["kind"], event.conversation_id is not None) == ("group", True)
    detail: Any = event.detail["detail"]
    assert detail["invite_link"] == link
    contacts = (
        await rig.gateway.contacts(caller(), after="", limit=10, identity=("group", GROUP))
    ).rows
    [identity] = contacts[0].identities
    assert identity.name == "Tea lovers"
    assert identity.keys == (IdentityKey("group", GROUP),)
    [received] = await rig.events("message.received")
    assert received.conversation_id == event.conversation_id


async def test_only_messages_of_a_group_can_be_pinned(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.platform.write("alone")
    await rig.quiet(for_s=0.1)
    [received] = await rig.events("message.received")
    message = await rig.message(received.message_id or "")

    with pytest.raises(RequestError) as refused:
        await rig.gateway.groups.pin(OPERATOR, message, 7)

    assert refused.value.code is Code.CONTENT_UNSUPPORTED


async def test_a_text_is_the_same_to_a_group_as_to_one(rig: Rig, autojump_clock: MockClock) -> None:
    await meet(rig)
    answer = await rig.submit(Text("**Hi**", format="markdown"), to=TO)

    [arrival] = await arrived(rig)
    assert arrival.body["text"] == {"body": "*Hi*"}
    await rig.reached(answer.message_id, "sent")


NOT_GROUPS = [
    "770011223344556",
    "8840012",
    "me",
    "..",
    "wamid.HQstmb81jC4HGIIs5Hyox0",
    "upload:MTphdHRhY2",
]


@pytest.mark.parametrize("group_id", NOT_GROUPS)
async def test_nothing_but_groups_is_reached_by_the_calls_of_groups(
    rig: Rig, group_id: str, autojump_clock: MockClock
) -> None:
    groups = rig.gateway.groups

    for call in (
        partial(groups.get, OPERATOR, "wa", group_id),
        partial(groups.delete, OPERATOR, "wa", group_id),
        partial(groups.change, OPERATOR, "wa", group_id, GroupChange("Tea")),
        partial(groups.remove, OPERATOR, "wa", group_id, [ADA]),
        partial(groups.requests, OPERATOR, "wa", group_id, ""),
        partial(groups.invite_link, OPERATOR, "wa", group_id, fresh=True),
        partial(groups.decide, OPERATOR, "wa", group_id, ["q1"], approve=True),
    ):
        with pytest.raises(RequestError, match="is not the id of a group") as refused:
            await call()
        assert refused.value.code is Code.NOT_FOUND


async def test_a_change_of_nothing_is_refused(rig: Rig, autojump_clock: MockClock) -> None:
    with pytest.raises(RequestError, match="nothing is to be changed") as refused:
        await rig.gateway.groups.change(OPERATOR, "wa", GROUP, GroupChange())

    assert refused.value.code is Code.INVALID


async def test_a_group_is_no_member_of_a_group(rig: Rig, autojump_clock: MockClock) -> None:
    with pytest.raises(RequestError) as refused:
        await rig.gateway.groups.remove(OPERATOR, "wa", GROUP, [f"+{ADA}", f"group:{GROUP}"])

    assert refused.value.code is Code.BAD_ADDRESS
    assert [mistake.pointer for mistake in refused.value.mistakes] == ["/members/1"]
