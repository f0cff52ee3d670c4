"""Receiving: what is answered 200 is kept, and nothing good is ever refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.intake import INLINE_BYTES_MAX, PARSED_BYTES_MAX
from omni_actors.model.json import Json
from omni_actors.model.reports import Report
from omni_actors.store.contract import StoreFailed
from omni_actors.store.queries import Figures, IntakeBody
from tests.gateway.kit import (
    ADA,
    HOOK,
    OPERATOR,
    Platform,
    Rig,
    document,
    inbound,
    message_of,
    open_rig,
    open_window,
    plan,
    signed,
    statuses,
)


def hello(id: str = "wamid.A", text: str = "hi", sender: str = ADA) -> bytes:
    said = {"type": "text", "text": {"body": text}}
    return inbound([message_of(id, sender, 1_790_000_000, said)])


async def test_an_unknown_hook_is_not_found(rig: Rig, autojump_clock: MockClock) -> None:
    body = hello()

    assert await rig.gateway.receive("nobody", signed(body), body) == 404


@pytest.mark.parametrize("headers", [{}, signed(b"other"), signed(hello(), "wrong")])
async def test_what_the_platform_did_not_sign_is_refused_and_not_kept(
    headers: dict[str, str], rig: Rig, autojump_clock: MockClock
) -> None:
    assert await rig.gateway.receive(HOOK, headers, hello()) == 403

    assert await rig.events() == []


async def test_a_message_is_stored_once_however_often_it_is_told(
    rig: Rig, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(rig.knock, hello())
    assert await rig.knock(hello()) == 200

    assert len(await rig.events("message.received")) == 1


@pytest.mark.parametrize("told", [0.0, 1e15])
async def test_a_time_that_cannot_be_is_the_time_of_the_arrival(
    told: float, rig: Rig, autojump_clock: MockClock
) -> None:
    said = {"type": "text", "text": {"body": "hi"}}

    await rig.knock(inbound([message_of("wamid.A", ADA, told, said)]))

    [event] = await rig.events("message.received")
    assert event.message is not None
    assert event.message.sent_at == event.message.received_at == event.at


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 100_000,
        b'{"object": "user", "entry": []}',
        b'{"object": 5}',
        b"\xff\xfe",
    ],
)
async def test_what_cannot_be_read_is_kept_as_a_dead_letter_and_accepted(
    body: bytes, rig: Rig, autojump_clock: MockClock, tmp_path: Path
) -> None:
    rig.house.ground.blobs.prepare()

    assert await rig.knock(body) == 200

    letters = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows
    assert [letter.kind for letter in letters] == ["intake"]
    kept = await rig.store.ask(IntakeBody(letters[0].ref))
    assert kept is not None
    assert kept.size == len(body)


async def test_one_bad_item_costs_no_neighbour(rig: Rig, autojump_clock: MockClock) -> None:
    said = {"type": "text", "text": {"body": "good"}}
    good = message_of("wamid.B", ADA, 1_790_000_000, said)

    assert await rig.knock(document({"messages": [None, {"type": 7}, good]})) == 200

    assert len(await rig.events("message.received")) == 1
    assert len(await rig.events("unsupported")) == 2


async def test_text_that_no_database_takes_is_mended(rig: Rig, autojump_clock: MockClock) -> None:
    body = hello(text="a\\ud800b").replace(b"\\\\ud800", b"\\ud800")

    assert await rig.knock(body) == 200

    assert len(await rig.events("message.received")) == 1


async def test_a_report_of_a_channel_that_we_do_not_know_is_kept_unclaimed(
    rig: Rig, autojump_clock: MockClock
) -> None:
    said = {"type": "text", "text": {"body": "hi"}}
    body = inbound([message_of("wamid.C", ADA, 1_790_000_000, said)], number="999999999999999")

    assert await rig.knock(body) == 200

    assert await rig.events("message.received") == []
    assert (await rig.store.ask(Figures()))["unclaimed"] == 1


async def test_a_body_over_the_inline_bound_goes_to_a_blob_first(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.house.ground.blobs.prepare()
    padded = json.loads(hello())
    padded["padding"] = "x" * INLINE_BYTES_MAX
    body = json.dumps(padded).encode()

    assert await rig.knock(body) == 200

    assert len(await rig.events("message.received")) == 1
    assert len([p for p in rig.house.ground.blobs.root.glob("??/*") if p.is_file()]) == 1


async def test_a_body_over_the_parsing_bound_is_kept_unread(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.house.ground.blobs.prepare()
    body = hello() + b" " * PARSED_BYTES_MAX

    assert await rig.knock(body) == 200

    assert await rig.events("message.received") == []
    letters = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows
    assert len(letters) == 1


async def test_without_room_for_a_blob_the_platform_must_come_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    body = hello() + b" " * INLINE_BYTES_MAX  # the blobs' folders were never made

    assert await rig.knock(body) == 503


async def test_a_failed_store_is_told_to_the_platform(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.quiet()
        rig.store.broken(OSError("the disk is gone"), ())

        assert await rig.knock(hello()) == 503
        assert not rig.gateway.readiness().ready
    assert isinstance(rig.failures[0], StoreFailed)


async def test_a_status_before_its_message_is_parked_and_takes_effect_later(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.latency_s = lambda _to: 10.0
    answer = await rig.submit()
    await rig.until(lambda: rig.platform.arrivals)
    arrival = rig.platform.arrivals[0]
    told = {
        "id": arrival.external_id,
        "status": "read",
        "timestamp": "1790000001",
        "recipient_id": ADA,
    }

    assert await rig.knock(statuses([told])) == 200
    early = (await rig.message(answer.message_id)).status
    await rig.reached(answer.message_id, "read", within_s=20)

    assert early == "sending"


async def test_statuses_in_any_order_and_number_give_the_same(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    answer = await rig.submit()
    await rig.reached(answer.message_id, "sent")

    for status in ("read", "sent", "delivered", "read", "failed", "sent"):
        assert await rig.platform.tell(rig.platform.arrivals[0], status) == 200

    assert (await rig.message(answer.message_id)).status == "read"


async def test_an_intake_that_still_cannot_be_read_is_told_of(
    rig: Rig, autojump_clock: MockClock
) -> None:
    assert await rig.knock(b"not json") == 200
    letter = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows[0]

    told = await rig.gateway.redrive(OPERATOR, ids=[letter.id])

    assert told == {"redriven": [], "skipped": [], "unread": [letter.id]}
    assert len((await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows) == 1


async def test_receiving_goes_on_while_the_channel_is_paused(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.gateway.pause(OPERATOR, "wa")

    assert await rig.knock(hello()) == 200

    assert len(await rig.events("message.received")) == 1


async def test_a_report_that_cannot_be_stored_costs_its_neighbours_nothing(
    rig: Rig, autojump_clock: MockClock
) -> None:
    whatsapp = rig.house.ground.adapters["whatsapp"]
    said = {"type": "text", "text": {"body": "hi"}}
    body = inbound([message_of(f"wamid.{n}", ADA, 1_790_000_000, said) for n in range(3)])

    def one_unstorable(document: Json) -> list[Report]:
        unfit: Any = object()
        first, second, third = whatsapp.parse(document)
        return [first, evolve(second, event_key=unfit), third]

    adapters = {"whatsapp": evolve(whatsapp, parse=one_unstorable)}
    receiver = evolve(rig.house.receiver, adapters=adapters)

    assert await receiver.receive(HOOK, signed(body), body) == 200

    told = [event.message for event in await rig.events("message.received")]
    assert [message.external_id for message in told if message] == ["wamid.0", "wamid.2"]
    [letter] = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows
    await rig.gateway.redrive(OPERATOR, ids=[letter.id])
    assert len(await rig.events("message.received")) == 3


async def test_a_report_that_cannot_be_stored_is_a_dead_letter_and_accepted(
    rig: Rig, autojump_clock: MockClock
) -> None:
    whatsapp = rig.house.ground.adapters["whatsapp"]

    def unstorable(document: Json) -> list[Report]:
        unfit: Any = object()
        return [evolve(report, event_key=unfit) for report in whatsapp.parse(document)]

    receiver = evolve(rig.house.receiver, adapters={"whatsapp": evolve(whatsapp, parse=unstorable)})

    assert await receiver.receive(HOOK, signed(hello()), hello()) == 200

    letter = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows[0]
    intake = await rig.store.ask(IntakeBody(letter.ref))
    assert letter.kind == "intake"
    assert intake is not None
    assert intake.body == hello()
    assert (intake.problem or "").startswith("a bug of ours: ")
    assert await rig.knock(hello()) == 200
    assert len(await rig.events("message.received")) == 1
