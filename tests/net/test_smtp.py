"""Hands for mail against servers that do what real ones will not: what is known when they end."""

from base64 import b64encode
from pathlib import Path

import pytest
import trio
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.net.smtp_place import Reached
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Login, MailCall, MailReply, SmtpReply, Stage, Tls
from omni_actors.wire.mail import Attached
from tests.net.kit import blobs_in, identity
from tests.net.mail_kit import (
    ACCOUNT,
    CALL,
    EHLO,
    MAIL,
    SECRET,
    SERVER,
    Peer,
    failure_of,
    friendly,
    mail_hands,
    scripted,
    session_of,
    to,
)


async def test_a_mail_is_handed_over(autojump_clock: MockClock) -> None:
    taken = []

    async def script(peer: Peer) -> None:
        await peer.open()
        taken.append(await peer.take())

    async with scripted(script) as (hands, server):
        reply = await hands.make(CALL, ACCOUNT, Trace())

    assert (reply.stage, reply.reply) == (Stage.END, SmtpReply(250, "2.0.0", "queued"))
    assert reply.recipients["ann@example.test"].code == 250
    assert b"\r\n\r\nHello\r\n..dot\r\n" in taken[0]
    assert "MAIL FROM:<support@example.test> SIZE=" in server.peers[0].heard[2]
    assert server.peers[0].heard[2].endswith(" RET=HDRS ENVID=token1")


async def test_the_trace_shows_the_session_without_content_or_credential(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.say("220 mx")
        await peer.line()
        await peer.say(EHLO)
        told = await peer.line()
        await peer.say(f"535 5.7.8 {told} for {SECRET}")

    trace = Trace()
    async with scripted(script) as (hands, _):
        reply = await hands.make(CALL, ACCOUNT, trace)

    session = session_of(trace)
    assert session[:3] == ["S: 220 mx", "C: EHLO me", "S: 250-mx"]
    assert "C: AUTH PLAIN ***" in session
    everything = f"{trace.as_json()} {reply}"
    token = b64encode(f"\0support@example.test\0{SECRET}".encode()).decode()
    assert SECRET not in everything
    assert token[-12:] not in everything
    assert "Hello" not in everything
    assert trace.exchanges[0].url == "smtp://127.0.0.1:2525"
    assert trace.exchanges[0].status == 535


# Losing the connection, and silence


async def until(peer: Peer, phase: str) -> None:
    """Follow the protocol up to a phase, in which something is to go wrong."""
    if phase == "greeting":
        return
    await peer.say("220 mx")
    await peer.line()
    if phase == "hello":
        return
    await peer.say(EHLO)
    await peer.line()
    if phase == "auth":
        return
    await peer.say("235 ok")
    for _ in range(3):
        await peer.line()
    if phase == "mail":
        return
    await peer.say("250 ok")
    if phase == "rcpt":
        return
    await peer.say("250 ok")
    if phase == "data":
        return
    await peer.say("354 go")
    await peer.mail()


PHASES = {
    "greeting": (300.0, Kind.UNREACHABLE),
    "hello": (300.0, Kind.UNREACHABLE),
    "auth": (120.0, Kind.UNREACHABLE),
    "mail": (300.0, Kind.UNREACHABLE),
    "rcpt": (300.0, Kind.UNREACHABLE),
    "data": (120.0, Kind.UNREACHABLE),
    "end": (600.0, Kind.UNKNOWN),
}


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "known"), PHASES.items(), ids=PHASES.keys())
async def test_a_lost_connection_is_known_for_what_it_is(
    phase: str, known: tuple[float, Kind], autojump_clock: MockClock
) -> None:
    async def script(peer: Peer) -> None:
        await until(peer, phase)

    async with scripted(script) as (hands, _):
        failure = await failure_of(hands)

    assert failure.kind is known[1]
    assert failure.reason is Reason.CHANNEL_UNAVAILABLE
    assert "hung up" in (failure.text or "")


@pytest.mark.parametrize(("phase", "known"), PHASES.items(), ids=PHASES.keys())
async def test_a_silent_server_is_waited_for_as_long_as_the_protocol_says(
    phase: str, known: tuple[float, Kind], autojump_clock: MockClock
) -> None:
    async def script(peer: Peer) -> None:
        await until(peer, phase)
        await trio.sleep_forever()

    async with scripted(script) as (hands, server):
        started = trio.current_time()
        failure = await failure_of(hands)
        waited = trio.current_time() - started
        await trio.testing.wait_all_tasks_blocked()

    assert waited == known[0]
    assert (failure.kind, failure.reason) == (known[1], Reason.TIMED_OUT)
    assert len(server.peers) == 1


async def test_a_call_has_a_deadline_of_its_own(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await until(peer, "end")
        await trio.sleep_forever()

    async with scripted(script) as (hands, _):
        failure = await failure_of(hands, evolve(CALL, deadline_s=30.0))

    assert trio.current_time() < 40
    assert (failure.kind, failure.reason) == (Kind.UNKNOWN, Reason.TIMED_OUT)


async def test_nobody_there_is_no_fault_of_the_mail(autojump_clock: MockClock) -> None:
    async def refuse(_host: str, _port: int) -> Reached:
        raise ConnectionRefusedError("connection refused")

    async with mail_hands(dial=refuse) as hands:
        failure = await failure_of(hands)

    assert (failure.kind, failure.scope) == (Kind.UNREACHABLE, Scope.CHANNEL)
    assert failure.text == (
        "smtp://127.0.0.1:2525: the connection was not made: connection refused; "
        "nothing was handed over"
    )


async def test_a_server_may_say_no_in_the_middle_of_a_mail(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    blob = await blobs.put_bytes(b"x" * 60_000)

    async def script(peer: Peer) -> None:
        await peer.open()
        await peer.envelope()
        await peer.stream.receive_some(100)
        await peer.say("552 5.3.4 too large")

    file = Attached(blob.sha256, "a", "text/plain", blob.size)
    async with scripted(script, blobs=blobs) as (hands, _):
        reply = await hands.make(
            evolve(CALL, mail=evolve(MAIL, attachments=(file,))), ACCOUNT, Trace()
        )

    assert reply.reply.code == 552


# Nonsense


NONSENSE = {
    "another protocol": "HTTP/1.1 400 Bad Request",
    "a reply without end": "\r\n".join(["220-x" * 100] * 200),
}


@pytest.mark.parametrize("greeting", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_is_not_smtp(greeting: str, autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(greeting)
        await trio.sleep_forever()

    async with scripted(script) as (hands, _):
        failure = await failure_of(hands)

    assert failure.kind is Kind.UNREACHABLE


async def test_nonsense_after_the_final_dot_leaves_it_open(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await until(peer, "end")
        await peer.say("what?")

    async with scripted(script) as (hands, _):
        failure = await failure_of(hands)

    assert failure.kind is Kind.UNKNOWN


async def test_a_login_that_never_ends_is_ended(autojump_clock: MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.say("220 mx")
        await peer.line()
        await peer.say(EHLO)
        while await peer.line():
            await peer.say("334 bW9yZQ==")

    async with scripted(script) as (hands, server):
        failure = await failure_of(hands)

    assert failure.kind is Kind.UNREACHABLE
    assert server.peers[0].heard[-1] == "*"


async def test_an_acceptance_that_nobody_asked_for_accepts_nothing(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        for _ in range(3):
            await peer.line()
        await peer.say("250 ok", "250 ok", "354 go", "250 accepted already")
        await trio.sleep_forever()

    async with scripted(script) as (hands, _):
        failure = await failure_of(hands)

    assert failure.kind is Kind.UNREACHABLE
    assert "nobody asked" in (failure.text or "")


async def test_replies_to_a_mail_that_was_given_up_answer_no_other(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.open()
        if peer.number == 0:
            await peer.envelope()
            await peer.mail()
            await trio.sleep(700)  # longer than anybody waits
            await peer.say("250 late")
        else:
            await peer.take()

    async with scripted(script) as (hands, server):
        failure = await failure_of(hands)
        reply = await hands.make(CALL, ACCOUNT, Trace())

    assert failure.kind is Kind.UNKNOWN
    assert reply.reply.text == "queued"
    assert len(server.peers) == 2


@pytest.mark.slow
@given(st.lists(st.integers(1, 40), max_size=40))
@settings(max_examples=20)
def test_it_does_not_matter_how_replies_are_cut(sizes: list[int]) -> None:
    async def cut(peer: Peer) -> None:
        whole = peer.stream.send_all

        async def send_all(data: bytes | bytearray | memoryview) -> None:
            at = 0
            for size in sizes:
                await whole(data[at : at + size])
                at += size
                await trio.lowlevel.checkpoint()
            await whole(data[at:])

        peer.stream.send_all = send_all  # type: ignore[method-assign]  # as a network would cut
        await friendly(peer)

    async def main() -> MailReply:
        async with scripted(cut) as (hands, _):
            return await hands.make(CALL, ACCOUNT, Trace())

    assert trio.run(main).reply.code == 250


# TLS, and who may see the credential


async def test_what_came_before_tls_is_forgotten(tmp_path: Path, autojump_clock: MockClock) -> None:
    proof = identity(tmp_path)

    async def script(peer: Peer) -> None:
        await peer.say("220 mx")
        await peer.line()
        await peer.say("250-mx\r\n250 STARTTLS")
        await peer.line()
        await peer.say("220 go", "250-evil\r\n250-PIPELINING\r\n250 AUTH PLAIN", "235 fine")
        peer.stream = trio.SSLStream(
            peer.stream, proof.server, server_side=True, https_compatible=True
        )
        await peer.line()
        await peer.say("250 mx")
        for reply in ("250 ok", "250 ok", "354 go"):
            await peer.line()
            await peer.say(reply)
        await peer.mail()
        await peer.say("250 ok")

    server = evolve(SERVER, tls=Tls.STARTTLS, username="")
    async with scripted(script, ssl_context=proof.trusting) as (hands, made):
        reply = await hands.make(evolve(CALL, server=server), ACCOUNT, Trace())

    assert reply.reply.code == 250
    assert made.peers[0].heard == [
        "EHLO me",
        "STARTTLS",
        "EHLO me",
        "MAIL FROM:<support@example.test>",
        "RCPT TO:<ann@example.test>",
        "DATA",
    ]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_a_certificate_that_is_not_trusted_stops_the_channel(
    tls: Tls, tmp_path: Path, autojump_clock: MockClock
) -> None:
    proof = identity(tmp_path)

    async def script(peer: Peer) -> None:
        if tls is Tls.STARTTLS:
            await peer.say("220 mx")
            await peer.line()
            await peer.say("250-mx\r\n250 STARTTLS")
            await peer.line()
            await peer.say("220 go")
        secured = trio.SSLStream(peer.stream, proof.server, server_side=True)
        await secured.do_handshake()

    server = evolve(SERVER, tls=tls)
    async with scripted(script) as (hands, made):
        failure = await failure_of(hands, evolve(CALL, server=server))

    assert (failure.kind, failure.reason) == (Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED)
    assert "certificate" in (failure.text or "")
    assert len(made.peers) == 1


async def test_a_stripped_starttls_is_no_excuse(autojump_clock: MockClock) -> None:
    server = evolve(SERVER, tls=Tls.STARTTLS)
    async with scripted(friendly) as (hands, made):
        failure = await failure_of(hands, evolve(CALL, server=server))

    assert (failure.kind, failure.scope) == (Kind.BROKEN, Scope.CHANNEL)
    assert made.peers[0].heard == ["EHLO me"]


@pytest.mark.parametrize("host", ["mx.example.org", "10.0.0.1", "127.0.0.1.example.org"])
async def test_nothing_goes_in_the_clear_to_another_machine(host: str) -> None:
    async with scripted(friendly) as (hands, made):
        failure = await failure_of(hands, evolve(CALL, server=evolve(SERVER, host=host)))

    assert failure.kind is Kind.BROKEN
    assert not made.peers


@pytest.mark.parametrize(
    ("hosts", "port", "tls", "may"),
    [
        ({"127.0.0.1:2525"}, 2525, Tls.PLAIN, True),
        ({"127.0.0.1"}, 25, Tls.PLAIN, True),
        ({"127.0.0.1"}, 2525, Tls.PLAIN, False),
        ({"127.0.0.1"}, 587, Tls.PLAIN, False),
        ({"mx.example.org:2525"}, 2525, Tls.PLAIN, False),
        (set(), 2525, Tls.PLAIN, False),
    ],
)
async def test_only_a_named_server_may_see_the_credential(
    hosts: set[str], port: int, tls: Tls, may: bool, autojump_clock: MockClock
) -> None:
    call = evolve(CALL, server=evolve(SERVER, port=port, tls=tls))
    by = evolve(ACCOUNT, hosts=frozenset(hosts))
    async with scripted(friendly) as (hands, made):
        if may:
            await hands.make(call, by, Trace())
        else:
            failure = await failure_of(hands, call, by)
            assert (failure.kind, failure.reason) == (Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED)
            assert not made.peers


async def test_a_way_to_log_in_that_is_not_offered_is_named(autojump_clock: MockClock) -> None:
    server = evolve(SERVER, login=Login.OAUTH)
    async with scripted(friendly) as (hands, _):
        failure = await failure_of(hands, evolve(CALL, server=server))

    assert failure.kind is Kind.BROKEN
    assert "it offers: PLAIN" in (failure.text or "")


# What is never begun


async def test_a_mail_larger_than_the_server_takes_is_not_begun(autojump_clock: MockClock) -> None:
    large = evolve(CALL, mail=evolve(MAIL, text="x" * 70 + "\n" + "y\n" * 60_000))
    async with scripted(friendly) as (hands, server):
        failure = await failure_of(hands, large)
        reply = await hands.make(CALL, ACCOUNT, Trace())

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_TOO_LARGE)
    assert reply.reply.code == 250
    assert len(server.peers) == 1


@pytest.mark.parametrize(
    "call",
    [
        to("ann@example.test>\r\nRCPT TO:<eve@example.test"),
        evolve(CALL, sender="a\0@b.c"),
        evolve(CALL, envelope_id="a\r\nb"),
        evolve(CALL, mail=evolve(MAIL, headers=(("Subject", "a\nb"),))),
        to("jürgen@example.test"),
    ],
)
async def test_what_cannot_be_said_is_refused_and_costs_no_connection(
    call: MailCall, autojump_clock: MockClock
) -> None:
    async def without_login(peer: Peer) -> None:
        await peer.open("250-mx\r\n250 DSN")
        await peer.line()

    for script, secret in ((friendly, SECRET), (without_login, "")):
        by = evolve(ACCOUNT, token=secret)
        async with scripted(script) as (hands, server):
            failure = await failure_of(hands, call, by)
            again = await failure_of(hands, call, by)

        assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.BAD_REQUEST)
        assert failure == again
        assert len(server.peers) <= 1
    assert not any(line.startswith("MAIL") for peer in server.peers for line in peer.heard)


async def test_a_file_that_cannot_be_read_breaks_the_mail_off(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    blob = await blobs.put_bytes(b"x" * 1000)
    ended = []

    async def script(peer: Peer) -> None:
        await peer.open()
        await peer.envelope()
        rest = b""
        while chunk := await peer.stream.receive_some(65536):
            rest += chunk
        ended.append(rest)

    files = {
        "gone": Attached("0" * 64, "a", "text/plain", 10),
        "shorter": Attached(blob.sha256, "a", "text/plain", 2000),
    }
    for file in files.values():
        async with scripted(script, blobs=blobs) as (hands, _):
            call = evolve(CALL, mail=evolve(MAIL, attachments=(file,)))
            failure = await failure_of(hands, call)
        assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.INTERNAL)

    assert all(b"\r\n.\r\n" not in rest for rest in ended)
