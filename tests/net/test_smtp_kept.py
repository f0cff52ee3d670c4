"""Connections of mail that are kept: how many, for how long, and what becomes of dead ones."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Stage
from tests.net.mail_kit import ACCOUNT, CALL, Peer, friendly, scripted


async def test_a_connection_is_used_again(autojump_clock: MockClock) -> None:
    async with scripted(friendly) as (hands, server):
        for _ in range(5):
            await hands.make(CALL, ACCOUNT, Trace())

    assert len(server.peers) == 1


@pytest.mark.slow
async def test_a_connection_is_worn_out_by_a_hundred_mails(autojump_clock: MockClock) -> None:
    async with scripted(friendly) as (hands, server):
        for _ in range(101):
            await hands.make(CALL, ACCOUNT, Trace())

    assert len(server.peers) == 2


async def test_a_connection_is_closed_when_it_is_idle_for_five_minutes(
    autojump_clock: MockClock,
) -> None:
    async with scripted(friendly) as (hands, server):
        await hands.make(CALL, ACCOUNT, Trace())
        await trio.sleep(299)
        assert server.open == 1
        await trio.sleep(3)
        assert server.open == 0

    assert server.peers[0].heard[-1] == "QUIT"


async def test_a_channel_has_three_connections_at_most(autojump_clock: MockClock) -> None:
    most = 0

    async def script(peer: Peer) -> None:
        nonlocal most
        most = max(most, server.open)
        await peer.open()
        again = False
        while True:
            await trio.sleep(1)
            await peer.take(again=again)
            again = True

    async with scripted(script) as (hands, server), trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(hands.make, CALL, ACCOUNT, Trace())

    assert most == 3


@pytest.mark.parametrize("bye", ["", "421 4.4.2 idle for too long"])
async def test_a_kept_connection_that_died_costs_no_mail(
    bye: str, autojump_clock: MockClock
) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        await peer.take()
        if peer.number == 0:
            await peer.line()  # hung up just when the next mail begins
            if bye:
                await peer.say(bye)

    trace = Trace()
    async with scripted(script) as (hands, server):
        await hands.make(CALL, ACCOUNT, Trace())
        reply = await hands.make(CALL, ACCOUNT, trace)

    assert reply.reply.code == 250
    assert len(server.peers) == 2
    assert trio.current_time() < 5


async def test_a_mail_that_was_refused_leaves_the_connection_whole(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        for _ in range(3):
            await peer.line()
        await peer.say("250 ok", "550 5.1.1 nobody", "554 no valid recipients")
        await peer.take(again=True)

    async with scripted(script) as (hands, server):
        refused = await hands.make(CALL, ACCOUNT, Trace())
        taken = await hands.make(CALL, ACCOUNT, Trace())

    assert (refused.stage, refused.reply.code) == (Stage.RCPT, 550)
    assert taken.reply.code == 250
    assert len(server.peers) == 1


async def test_too_many_connections_makes_fewer_after_a_while(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        if peer.number == 0:
            for _ in range(3):
                await peer.line()
            await peer.say("432 4.3.2 concurrent connections", "503 no", "503 no")
        else:
            await trio.sleep(1)
            again = False
            while True:
                await peer.take(again=again)
                again = True

    async with scripted(script) as (hands, server):
        reply = await hands.make(CALL, ACCOUNT, Trace())
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(hands.make, CALL, ACCOUNT, Trace())
        waited = trio.current_time()

    assert reply.reply.code == 432
    assert waited >= 15
    assert len(server.peers) == 1 + 2


async def test_channels_do_not_share_a_connection(autojump_clock: MockClock) -> None:
    async with scripted(friendly) as (hands, server):
        await hands.make(CALL, ACCOUNT, Trace())
        await hands.make(CALL, evolve(ACCOUNT, channel_id="mail-2"), Trace())

    assert len(server.peers) == 2


async def test_leaving_does_not_wait_for_a_server(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        await peer.take()
        await trio.sleep_forever()

    async with scripted(script) as (hands, _):
        await hands.make(CALL, ACCOUNT, Trace())
        left_at = trio.current_time()

    assert trio.current_time() - left_at <= 2


async def test_a_cancelled_mail_takes_its_connection_with_it(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        if peer.number == 0:
            await peer.envelope()
            await trio.sleep_forever()
        await peer.take()

    async with scripted(script) as (hands, server):
        with trio.move_on_after(10):
            await hands.make(CALL, ACCOUNT, Trace())
        reply = await hands.make(CALL, ACCOUNT, Trace())

    assert reply.reply.code == 250
    assert len(server.peers) == 2
