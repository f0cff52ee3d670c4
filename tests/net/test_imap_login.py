"""The way into a mailbox: what the server offers, what it may see, and who must act on a no."""

import base64
import json
import ssl
from pathlib import Path

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.net.account import Account
from omni_actors.net.imap import ImapKind, Mailbox
from omni_actors.wire.calls import Login, MailServer, Tls
from tests.support.certificates import make_certificate
from tests.support.imap_peer import (
    ABLE,
    ACCOUNT,
    SECRET,
    SERVER,
    ImapPeer,
    Script,
    failure_at,
    mailbox_at,
)


async def nothing(_: Mailbox) -> None:
    """No work: the way in is what the tests are about."""


async def test_a_password_is_asked_for_in_turns_where_the_server_wants_it_so(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.says(b"* OK ready\r\n")
        await peer.hears("CAPABILITY")
        await peer.answers("CAPABILITY IMAP4rev1 AUTH=LOGIN")
        await peer.hears("AUTHENTICATE LOGIN")
        await peer.says(b"+ VXNlciBOYW1lAA==\r\n")
        heard.append(base64.b64decode(await peer.line()))
        await peer.says(b"+ UGFzc3dvcmQA\r\n")
        heard.append(base64.b64decode(await peer.line()))
        await peer.answers()
        await peer.hears("CAPABILITY")
        await peer.answers("CAPABILITY IMAP4rev1 ID")
        await peer.hears("ID")
        await peer.answers(told="BAD what?")

    heard: list[bytes] = []
    async with mailbox_at(script) as mailbox:
        assert mailbox.capabilities == {"IMAP4REV1", "ID"}
    assert heard == [b"support@example.test", SECRET.encode()]


async def test_a_password_is_said_plainly_where_the_server_knows_no_better(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.says(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        heard.append(await peer.hears("LOGIN"))
        await peer.answers(told="OK [CAPABILITY IMAP4rev1] welcome")

    heard: list[bytes] = []
    async with mailbox_at(script):
        pass
    assert heard == [b'"support@example.test" "s3cret"']


def refuses(told: str, able: str = ABLE) -> Script:
    async def script(peer: ImapPeer) -> None:
        await peer.says(f"* OK [CAPABILITY {able}] ready\r\n".encode())
        await peer.hears("")
        await peer.answers(told=told)
        await peer.silent()

    return script


REFUSALS = {
    "the wrong password": ("NO [AUTHENTICATIONFAILED] Invalid", ABLE, ImapKind.AUTH),
    "no reason": ("NO AUTHENTICATE failed.", ABLE, ImapKind.AUTH),
    "a server that is busy": ("NO [UNAVAILABLE] later", ABLE, ImapKind.REFUSED),
    "too many sessions at Gmail": (
        "NO [ALERT] Too many simultaneous connections. (Failure)",
        ABLE,
        ImapKind.REFUSED,
    ),
    "no way in": ("OK", "IMAP4rev1 LOGINDISABLED AUTH=GSSAPI", ImapKind.AUTH),
}


@pytest.mark.parametrize(("told", "able", "kind"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_login_that_is_refused_says_who_must_act(
    autojump_clock: MockClock, told: str, able: str, kind: ImapKind
) -> None:
    failure = await failure_at(refuses(told, able), nothing)

    assert failure.kind is kind


async def test_a_server_that_repeats_the_secret_is_not_quoted(autojump_clock: MockClock) -> None:
    failure = await failure_at(refuses(f"NO bad password {SECRET}"), nothing)

    assert SECRET not in str(failure)
    assert "bad password ***" in failure.text


async def test_a_token_that_is_refused_is_explained(autojump_clock: MockClock) -> None:
    why = {"status": "401", "schemes": "bearer", "scope": "https://mail.test/"}

    async def script(peer: ImapPeer) -> None:
        await peer.says(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n")
        await peer.hears("AUTHENTICATE XOAUTH2")
        await peer.says(b"+ \r\n")
        tokens.append(base64.b64decode(await peer.line()))
        await peer.says(b"+ " + base64.b64encode(json.dumps(why).encode()) + b"\r\n")
        assert await peer.line() == b""
        await peer.answers(told="NO AUTHENTICATE failed.")
        await peer.silent()

    tokens: list[bytes] = []
    failure = await failure_at(script, nothing, server=evolve(SERVER, login=Login.OAUTH))

    assert tokens == [b"user=support@example.test\x01auth=Bearer s3cret\x01\x01"]
    assert failure.kind is ImapKind.AUTH
    assert "AUTHENTICATE failed. (status 401, schemes bearer" in failure.text


async def test_a_login_that_never_ends_is_ended(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.says(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        await peer.hears("AUTHENTICATE")
        while True:
            await peer.says(b"+ \r\n")
            await peer.line()

    failure = await failure_at(script, nothing)

    assert failure.kind is ImapKind.PROTOCOL


FOREIGN = {
    "another host": (SERVER, Account("mail", SECRET, hosts=frozenset({"imap.example.test"}))),
    "another port": (SERVER, Account("mail", SECRET, hosts=frozenset({"localhost:993"}))),
    "the host's other port": (evolve(SERVER, port=1143), ACCOUNT),
    "no host": (SERVER, Account("mail", SECRET)),
    "no secret": (SERVER, evolve(ACCOUNT, token="")),
    "a secret that would end early": (SERVER, evolve(ACCOUNT, token="a\0b")),
}


@pytest.mark.parametrize(("server", "account"), FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_secret_goes_nowhere_but_to_hosts_that_may_see_it(
    autojump_clock: MockClock, server: MailServer, account: Account
) -> None:
    async def script(peer: ImapPeer) -> None:
        peers.append(peer)
        await peer.says(f"* OK [CAPABILITY {ABLE}] ready\r\n".encode())
        await peer.silent()

    peers: list[ImapPeer] = []
    failure = await failure_at(script, nothing, server=server, account=account)

    assert failure.kind is ImapKind.AUTH
    assert not peers[0].heard


async def test_nothing_goes_in_the_clear_to_another_machine(autojump_clock: MockClock) -> None:
    server = evolve(SERVER, host="mail.example.test")

    failure = await failure_at(ImapPeer.silent, nothing, server=server)

    assert failure.kind is ImapKind.UNREACHABLE
    assert "TLS only" in failure.text


STRIPPED = {
    "no STARTTLS": ("OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready", "", "does not offer"),
    "logged in by itself": (
        "PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello",
        "",
        "before any STARTTLS",
    ),
    "a refusal": ("OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "NO not now\r\n", "not now"),
    "an answer that brings more": (
        "OK [CAPABILITY IMAP4rev1 STARTTLS] ready",
        "OK go\r\n* CAPABILITY AUTH=PLAIN",
        "before TLS",
    ),
}


@pytest.mark.parametrize(("greeting", "answer", "text"), STRIPPED.values(), ids=STRIPPED.keys())
async def test_starttls_is_never_given_up(
    autojump_clock: MockClock, greeting: str, answer: str, text: str
) -> None:
    async def script(peer: ImapPeer) -> None:
        peers.append(peer)
        await peer.says(f"* {greeting}\r\n".encode())
        await peer.hears("STARTTLS")
        await peer.says(peer.tag + b" " + answer.encode())
        await peer.silent()

    peers: list[ImapPeer] = []
    failure = await failure_at(script, nothing, server=evolve(SERVER, tls=Tls.STARTTLS))

    assert text in failure.text
    assert all(b"AUTH" not in line and b"LOGIN" not in line for line in peers[0].heard)


async def test_what_was_said_before_tls_is_forgotten(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)

    async def script(peer: ImapPeer) -> None:
        await peer.says(b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN X-INJECTED] ready\r\n")
        await peer.hears("STARTTLS")
        await peer.answers()
        peer.stream = trio.SSLStream(peer.stream, certificate.serving(), server_side=True)
        await peer.hears("CAPABILITY")
        await peer.answers("CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR")
        await peer.hears("AUTHENTICATE PLAIN AHN1")
        await peer.answers(told="OK [CAPABILITY IMAP4rev1] welcome")

    server = evolve(SERVER, tls=Tls.STARTTLS)
    async with mailbox_at(script, server=server, ssl_context=certificate.trusting()) as mailbox:
        assert mailbox.capabilities == {"IMAP4REV1"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "elsewhere.test"])
async def test_a_certificate_must_be_the_hosts_and_trusted(
    autojump_clock: MockClock, tmp_path: Path, host: str
) -> None:
    certificate = make_certificate(tmp_path)

    async def script(peer: ImapPeer) -> None:
        stream = trio.SSLStream(peer.stream, certificate.serving(), server_side=True)
        await stream.do_handshake()

    trusting = certificate.trusting() if host == "elsewhere.test" else ssl.create_default_context()
    server = evolve(SERVER, tls=Tls.IMPLICIT, host=host)
    failure = await failure_at(script, nothing, server=server, ssl_context=trusting)

    assert failure.kind is ImapKind.UNREACHABLE
    assert "certificate" in failure.text or "mismatch" in failure.text
