"""Mail in the house: by hook and by mailbox, answered, bounced, with attachments, and never for
ever."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.content import Text
from omni_actors.model.requests import SendRequest
from omni_actors.policy.loops import SAME_MAX
from omni_actors.policy.signing import mail_signature
from omni_actors.store.queries import DeadLetters
from omni_actors.store.rows import ANY_TENANT, Message
from tests.gateway.kit import OPERATOR
from tests.gateway.mail_kit import (
    ADA,
    HOOK,
    HOOK_SECRET,
    START,
    MailRig,
    Office,
    letter,
    open_mail_rig,
    plan,
    spec,
    thread_of,
)

BOB = "bob@example.org"


@pytest.fixture
def rig(mail_rig: MailRig) -> MailRig:
    return mail_rig


def proof(raw: bytes, at: float, secret: str = HOOK_SECRET) -> dict[str, str]:
    """The headers of a mail that is handed over."""
    timestamp = str(int(at))
    return {
        "X-Omni-Timestamp": timestamp,
        "X-Omni-Signature": mail_signature(secret, timestamp, raw),
    }


async def hand_over(rig: MailRig, raw: bytes, *, late_s: float = 0.0) -> int:
    headers = proof(raw, rig.clock.now() - late_s)
    return await rig.gateway.receive(HOOK, headers, raw)


async def message_of(rig: MailRig, external_id: str) -> Message:
    """A mail that was told of."""
    told = await rig.events("message.received")
    [found] = [e.message for e in told if e.message and e.message.external_id == external_id]
    return found


async def answer(rig: MailRig, to: Message, text: str = "Good morning") -> Message:
    """We answer a mail; what was sent."""
    request = SendRequest(Text(text), conversation_id=to.conversation_id)
    answered = await rig.gateway.submit(OPERATOR, request, None, "")
    sent = await rig.gateway.message(OPERATOR, str(answered.body["id"]))

    async def gone() -> bool:
        return (await rig.gateway.message(OPERATOR, sent.id)).status == "sent"

    await rig.until(gone)
    return await rig.gateway.message(OPERATOR, sent.id)


# ------------------------------------------------------------ by hook


async def test_a_mail_can_be_handed_over(rig: MailRig, clock: MockClock) -> None:
    assert await hand_over(rig, letter("1")) == 200

    assert await rig.received() == ["1"]
    assert (await message_of(rig, "1")).channel_id == "mail"


@pytest.mark.slow
async def test_the_same_mail_by_hook_and_by_mailbox_is_one(rig: MailRig, clock: MockClock) -> None:
    await hand_over(rig, letter("1"))
    rig.office.deliver(letter("1"))
    rig.office.deliver(letter("2"))

    await rig.came(2)

    assert await rig.received() == ["1", "2"]
    assert rig.office.subjects("Processed") == ["1", "2"]


@pytest.mark.parametrize("late_s", [301.0, -301.0])
async def test_an_old_proof_proves_nothing(rig: MailRig, clock: MockClock, late_s: float) -> None:
    assert await hand_over(rig, letter("1"), late_s=late_s) == 403


async def test_a_strangers_mail_is_refused(rig: MailRig, clock: MockClock) -> None:
    raw = letter("1")
    now = rig.clock.now()

    for headers in ({}, proof(raw, now, "another secret of theirs"), proof(raw + b" ", now)):
        assert await rig.gateway.receive(HOOK, headers, raw) == 403
    assert await rig.received() == []


async def test_a_mail_that_cannot_be_read_is_kept_and_can_be_read_again(
    rig: MailRig, clock: MockClock
) -> None:
    assert await hand_over(rig, letter("1", crash=True)) == 200

    [dead] = (await rig.store.ask(DeadLetters(ANY_TENANT))).rows
    redriven = await rig.gateway.redrive(OPERATOR, ids=[dead.id])

    assert dead.reason == "unparsed"
    assert redriven["unread"] == [dead.id]


@pytest.mark.slow
async def test_a_mail_of_a_mailbox_can_be_read_again(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1", crash=True))
    await rig.until(lambda: rig.office.subjects("Failed") == ["1"])
    [dead] = (await rig.store.ask(DeadLetters(ANY_TENANT))).rows

    redriven = await rig.gateway.redrive(OPERATOR, ids=[dead.id])

    assert redriven["unread"] == [dead.id]


async def test_a_mail_for_a_channel_that_comes_later_keeps_the_time_of_its_arrival(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    channel = spec(reads=False)
    late = evolve(plan(channel), channels=())
    async with open_mail_rig(tmp_path, office, late) as rig:
        assert await hand_over(rig, letter("1")) == 200
        await trio.sleep(300.0)
        await rig.house.reload(plan(channel))

        async def told() -> object:
            return await rig.received()

        await rig.until(told)
        [event] = await rig.events("message.received")
        assert event.at < START + 200.0


# ------------------------------------------------------------ answers and tokens


@pytest.mark.slow
async def test_an_answer_is_threaded_and_its_reply_is_found_by_the_token(
    rig: MailRig, clock: MockClock
) -> None:
    rig.office.deliver(letter("1", thread={"subject": "Shoes"}))
    await rig.came(1)
    sent = await answer(rig, await message_of(rig, "1"))
    [call] = rig.office.sent
    headers = dict(call.mail.headers)

    clue = {"rule": "reply_token", "token": headers["token"].upper()}
    rig.office.deliver(letter("2", clues=[clue]))
    await rig.came(2)

    reply = await message_of(rig, "2")
    assert headers["subject"] == "Shoes"
    assert reply.reply_to == sent.id
    assert thread_of(reply)["rule"] == "reply_token"


@pytest.mark.slow
async def test_a_token_that_somebody_made_up_is_no_clue(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1"))
    await rig.came(1)
    sent = await answer(rig, await message_of(rig, "1"))
    forged = sent.parts[0].id.removeprefix("prt_") + "a" * 10

    rig.office.deliver(letter("2", clues=[{"rule": "reply_token", "token": forged}]))
    await rig.came(2)

    reply = await message_of(rig, "2")
    assert (reply.reply_to, reply.notes) == (None, None)


@pytest.mark.slow
async def test_a_token_in_somebody_elses_hands_is_told_of(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1"))
    await rig.came(1)
    first = await message_of(rig, "1")
    await answer(rig, first)
    token = dict(rig.office.sent[0].mail.headers)["token"]

    clue = {"rule": "reply_token", "token": token}
    rig.office.deliver(letter("2", sender=BOB, clues=[clue]))
    await rig.came(2)

    strange = await message_of(rig, "2")
    assert strange.conversation_id != first.conversation_id
    assert thread_of(strange)["other"] is True


@pytest.mark.slow
@pytest.mark.parametrize(("proved", "status"), [(True, "failed"), (False, "sent")])
async def test_only_a_bounce_with_our_token_changes_anything(
    rig: MailRig, clock: MockClock, proved: bool, status: str
) -> None:
    rig.office.deliver(letter("1"))
    await rig.came(1)
    sent = await answer(rig, await message_of(rig, "1"))
    token = dict(rig.office.sent[0].mail.headers)["token"]

    clue = {"rule": "bounce_token", "token": token if proved else "0" * 36}
    own_id = {"rule": "original_id", "external_id": sent.external_id}
    rig.office.deliver(letter("b", status="failed", clues=[own_id, clue]))
    await rig.until(lambda: "b" in rig.office.subjects("Processed"))

    assert (await rig.gateway.message(OPERATOR, sent.id)).status == status


@pytest.mark.slow
async def test_after_a_lost_answer_the_adapter_is_told_and_writes_the_same_mail(
    rig: MailRig, clock: MockClock
) -> None:
    rig.office.deliver(letter("1"))
    await rig.came(1)
    rig.office.answers_lost = 1

    sent = await answer(rig, await message_of(rig, "1"))

    first, second = rig.office.sent
    assert first == second
    assert sent.parts[0].maybe_duplicate is False  # because the adapter says that it was found


# ------------------------------------------------------------ attachments


async def test_attachments_are_decoded_out_of_the_mail(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1", parts={"2": ["first ", "and ", "second"]}))
    await rig.came(1)

    async def ready() -> bool:
        return bool(await rig.events("media.ready"))

    await rig.until(ready)
    [told] = await rig.events("media.ready")
    medium = await rig.gateway.medium(OPERATOR, str(told.detail["media_id"]))
    async with rig.gateway.open_medium(medium) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b"first and second"


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [(["x" * 60, "y" * 60], "media_too_large"), (None, "media_unreachable")],
)
async def test_what_cannot_be_had_of_a_mail_fails(
    rig: MailRig, clock: MockClock, pieces: list[str] | None, reason: str
) -> None:
    rig.office.deliver(letter("1", parts={"2": pieces}))
    await rig.came(1)

    async def failed() -> bool:
        return bool(await rig.events("media.failed"))

    await rig.until(failed)
    [told] = await rig.events("media.failed")
    failure: Any = told.detail["failure"]
    assert failure["reason"] == reason


# ------------------------------------------------------------ machines


@pytest.mark.slow
async def test_a_machine_is_not_answered_by_one(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, plan(bot="echo")) as rig:
        office.deliver(letter("1", automatic=True))
        office.deliver(letter("2", text="I am a person", subject="Hello"))
        await rig.came(2)
        await rig.until(lambda: len(office.sent) == 1)
        await trio.sleep(60)

        assert [call.mail.text for call in office.sent] == ["I am a person"]
        assert (await message_of(rig, "1")).notes == {"automatic": True}


@pytest.mark.slow
async def test_two_machines_that_hide_it_do_not_talk_for_ever(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, plan(bot="echo")) as rig:
        for number in range(SAME_MAX + 3):
            office.deliver(letter(str(number), text="I am away"))
        office.deliver(letter("bob", sender=BOB))
        await rig.came(SAME_MAX + 4)
        await rig.until(lambda: len(office.sent) == SAME_MAX + 1)
        await trio.sleep(60)

        assert sum(call.recipients == (ADA,) for call in office.sent) == SAME_MAX
