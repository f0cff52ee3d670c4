"""Hands for mail against a real Postfix: what is handed over arrives, byte for byte."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve, frozen

from omni_actors.adapters.email.errors import failure_of as judged
from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Login, MailCall, MailServer, Stage, Tls
from omni_actors.wire.compose import composed
from omni_actors.wire.mail import Attached, Mail
from tests.net.kit import blobs_in, identity
from tests.net.mail_kit import mail_hands, session_of
from tests.support.lmtp import Mailboxes, mailboxes
from tests.support.postfix import REFUSALS, SIZE_MAX, Postfix, postfix, why_not
from tests.support.sasl import PASSWORD, TOKEN, USER, sasl_service

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]

MAIL = Mail(
    (
        ("From", "Zoë <support@example.test>"),
        ("To", "ann@example.test"),
        ("Subject", "Größe"),
        ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
        ("Message-ID", "<c.token@example.test>"),
    ),
    "Hello\n.dot\n..two\nGrüße\n",
    "seed",
)


@frozen
class House:
    """A mail server, where it delivers, and who is trusted to be it."""

    postfix: Postfix
    mailboxes: Mailboxes
    trusting: ssl.SSLContext

    def call(self, *to: str, tls: Tls = Tls.PLAIN, **changes: Any) -> MailCall:
        """A mail to somebody, over one of its doors."""
        port = {
            Tls.PLAIN: self.postfix.plain,
            Tls.IMPLICIT: self.postfix.implicit,
            Tls.STARTTLS: self.postfix.starttls,
        }[tls]
        user = "" if tls is Tls.PLAIN else USER
        server = MailServer("127.0.0.1", port, user, tls)
        return evolve(MailCall(server, USER, to or ("ann@example.test",), MAIL), **changes)

    def account(self, secret: str) -> Account:
        """Whose credential may be shown to it."""
        ports = (self.postfix.plain, self.postfix.implicit, self.postfix.starttls)
        return Account("mail", secret, hosts=frozenset(f"127.0.0.1:{port}" for port in ports))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("identity")
    proof = identity(folder)
    with ExitStack() as stack:
        boxes = stack.enter_context(mailboxes())
        sasl = stack.enter_context(sasl_service())
        made = stack.enter_context(postfix(folder / "identity.pem", boxes.port, sasl))
        yield House(made, boxes, proof.trusting)


@pytest.fixture(autouse=True)
def _empty(house: House) -> None:
    house.mailboxes.clear()


def sent(raw: bytes) -> bytes:
    """What was handed over of a delivered mail: the server's own headers stand before it."""
    return raw[raw.index(b"From: ") :]


async def test_a_mail_arrives_byte_for_byte(house: House, tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    content = bytes(range(256)) * 1200
    blob = await blobs.put_bytes(content)
    file = Attached(blob.sha256, "ä.bin", "application/octet-stream", blob.size)
    mail = evolve(MAIL, attachments=(file,))

    async with mail_hands(blobs) as hands:
        call = house.call("support+c.token@example.test", mail=mail)
        reply = await hands.make(call, house.account(""), Trace())
    [delivered] = await trio.to_thread.run_sync(house.mailboxes.wait_for, 1)

    assert (reply.stage, reply.reply.code, reply.reply.enhanced) == (Stage.END, 250, "2.0.0")
    assert delivered.recipient == "support+c.token@example.test"
    message = message_from_bytes(delivered.raw)
    assert message["Subject"] == "=?utf-8?b?R3LDtsOfZQ==?="
    text, attached = (part for part in message.walk() if not part.is_multipart())
    assert text.get_payload(decode=True) == "Hello\r\n.dot\r\n..two\r\nGrüße\r\n".encode()
    assert attached.get_payload(decode=True) == content


async def test_the_standard_library_hands_over_the_same(house: House) -> None:
    def by_smtplib(raw: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", house.postfix.plain) as client:
            client.sendmail(USER, ["ann@example.test"], raw)

    [raw] = composed(MAIL).pieces
    assert isinstance(raw, bytes)
    async with mail_hands() as hands:
        await hands.make(house.call(), house.account(""), Trace())
        await trio.to_thread.run_sync(house.mailboxes.wait_for, 1)
        await trio.to_thread.run_sync(by_smtplib, raw)
        ours, theirs = await trio.to_thread.run_sync(house.mailboxes.wait_for, 2)

    assert sent(ours.raw) == sent(theirs.raw)


DOORS = {
    "a password, TLS at once": (Tls.IMPLICIT, Login.PASSWORD, PASSWORD),
    "a password, STARTTLS": (Tls.STARTTLS, Login.PASSWORD, PASSWORD),
    "a token, TLS at once": (Tls.IMPLICIT, Login.OAUTH, TOKEN),
    "a token, STARTTLS": (Tls.STARTTLS, Login.OAUTH, TOKEN),
}


@pytest.mark.parametrize(("tls", "login", "secret"), DOORS.values(), ids=DOORS.keys())
async def test_a_mail_goes_through_the_door_with(
    house: House, tls: Tls, login: Login, secret: str
) -> None:
    call = house.call(tls=tls)
    call = evolve(call, server=evolve(call.server, login=login))
    trace = Trace()

    async with mail_hands(ssl_context=house.trusting) as hands:
        reply = await hands.make(call, house.account(secret), trace)

    assert (reply.stage, reply.reply.code) == (Stage.END, 250)
    assert any(line.startswith("C: AUTH") and "***" in line for line in session_of(trace))
    assert secret not in str(trace.as_json())


@pytest.mark.parametrize("login", [Login.PASSWORD, Login.OAUTH])
async def test_a_wrong_credential_stops_the_channel(house: House, login: Login) -> None:
    call = house.call(tls=Tls.IMPLICIT)
    call = evolve(call, server=evolve(call.server, login=login))

    async with mail_hands(ssl_context=house.trusting) as hands:
        reply = await hands.make(call, house.account("wrong secret"), Trace())

    failure = judged(reply)
    assert (failure.kind, failure.reason) == (Kind.BROKEN, Reason.CREDENTIALS_EXPIRED)
    assert failure.code == "535 5.7.8"
    assert ("schemes" in (failure.text or "")) == (login is Login.OAUTH)


async def test_no_login_is_refused_in_its_own_words(house: House) -> None:
    async with mail_hands(ssl_context=house.trusting) as hands:
        reply = await hands.make(house.call(tls=Tls.IMPLICIT), house.account(""), Trace())

    assert reply.stage is Stage.RCPT
    assert judged(reply).kind is not Kind.UNKNOWN


JUDGED = {
    "grey@example.test": (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE),
    "full@example.test": (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE),
    "nope@example.test": (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_INVALID),
    "drop@example.test": (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE),
    "policy@example.test": (Kind.REJECTED, Scope.PART, Reason.POLICY_REJECTED),
}


@pytest.mark.parametrize("who", REFUSALS)
async def test_what_postfix_refuses_is_understood(house: House, who: str) -> None:
    async with mail_hands() as hands:
        reply = await hands.make(house.call(who), house.account(""), Trace())

    failure = judged(reply)
    assert (failure.kind, failure.scope, failure.reason) == JUDGED[who]
    assert (failure.code or "") == " ".join(REFUSALS[who].split(" ")[:2])


async def test_each_recipient_is_answered_for(house: House) -> None:
    async with mail_hands() as hands:
        call = house.call("ann@example.test", "nope@example.test", "grey@example.test")
        reply = await hands.make(call, house.account(""), Trace())
    [delivered] = await trio.to_thread.run_sync(house.mailboxes.wait_for, 1)

    assert reply.reply.code == 250
    assert {who: said.code for who, said in reply.recipients.items()} == {
        "ann@example.test": 250,
        "nope@example.test": 550,
        "grey@example.test": 450,
    }
    assert delivered.recipient == "ann@example.test"


async def test_a_mail_that_is_too_large_is_known_to_be_before_it_is_sent(house: House) -> None:
    large = evolve(MAIL, text="x" * 70 + "\n" + ("y" * 70 + "\n") * (SIZE_MAX // 71))

    async with mail_hands() as hands:
        with pytest.raises(Exception, match=f"the server takes {SIZE_MAX}"):
            await hands.make(house.call(mail=large), house.account(""), Trace())


async def test_an_address_beyond_ascii_arrives(house: House) -> None:
    mail = evolve(MAIL, headers=(("From", USER), ("To", "jürgen@example.test")))

    async with mail_hands() as hands:
        call = house.call("jürgen@example.test", mail=mail)
        reply = await hands.make(call, house.account(""), Trace())
    [delivered] = await trio.to_thread.run_sync(house.mailboxes.wait_for, 1)

    assert reply.reply.code == 250
    assert delivered.recipient == "jürgen@example.test"


async def test_a_bounce_names_the_envelope(house: House) -> None:
    call = house.call(
        "nobody@example.test", sender="support+b.token@example.test", envelope_id="token+1"
    )

    async with mail_hands() as hands:
        await hands.make(call, house.account(""), Trace())
    [bounce] = await trio.to_thread.run_sync(house.mailboxes.wait_for, 1)

    assert (bounce.sender, bounce.recipient) == ("", "support+b.token@example.test")
    assert b"Original-Envelope-Id: token+1" in bounce.raw
    assert b"Action: failed" in bounce.raw
    assert b"Hello" not in bounce.raw  # RET=HDRS


async def test_many_mails_go_over_few_connections(house: House) -> None:
    async with mail_hands() as hands:
        async with trio.open_nursery() as nursery:
            for number in range(60):
                call = house.call(f"u{number}@discard.test")
                nursery.start_soon(hands.make, call, house.account(""), Trace())
        statistics = hands.statistics()

    assert (statistics.open, statistics.idle) == (3, 3)
