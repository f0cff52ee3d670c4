"""A mailbox on a real server, looked at with another client's eyes."""

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
import trio
from attrs import evolve
from imapclient import IMAPClient

from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.net.imap import (
    Body,
    Fetch,
    ImapFailure,
    ImapKind,
    Mailbox,
    Moved,
    Outgoing,
    open_mailbox,
)
from omni_actors.net.imap_hands import FolderHands, open_folder_hands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import FindCall, FolderReply, KeepCall, Login, Tls
from omni_actors.wire.mail import Mail
from tests.support.dovecot import PASSWORD, UNKNOWN, Dovecot, program, running, token_of

_NUMBERS = count(1)


@pytest.fixture
def address() -> str:
    """A mailbox that no other test has."""
    return f"box{next(_NUMBERS)}.{os.getpid()}@example.test"


def mail(subject: str, body: bytes = b"hello\r\n") -> bytes:
    head = f"Subject: {subject}\r\nMessage-ID: <{subject}@elsewhere.test>\r\n\r\n"
    return head.encode() + body


def opened(dovecot: Dovecot, address: str, **options: Any) -> Any:
    trusting = dovecot.certificate.trusting()
    asked = {"ssl_context": trusting, **options}
    return open_mailbox(dovecot.server(address), dovecot.account(address), **asked)


@pytest.fixture
def oracle(dovecot: Dovecot, address: str) -> Iterator[IMAPClient]:
    """Another client that looks into the same mailbox."""
    with IMAPClient("127.0.0.1", dovecot.imap_port, ssl=False, timeout=20) as client:
        client.plain_login(address, PASSWORD)
        yield client


async def whole(mailbox: Mailbox, uid: int, bytes_max: int = 1 << 30) -> bytes:
    came = bytearray()

    async def take(piece: bytes) -> None:
        came.extend(piece)

    assert (await mailbox.fetch(uid, take, bytes_max)).body is Body.WHOLE
    return bytes(came)


@pytest.mark.slow
@pytest.mark.parametrize("login", Login)
@pytest.mark.parametrize("tls", Tls)
async def test_every_way_in_is_open_to_the_right_credential_and_to_no_other(
    dovecot: Dovecot, address: str, tls: Tls, login: Login
) -> None:
    server, account = dovecot.server(address, tls, login), dovecot.account(address, login)
    trusting = dovecot.certificate.trusting()

    async with open_mailbox(server, account, ssl_context=trusting) as mailbox:
        assert "IDLE" in mailbox.capabilities
    with pytest.raises(ImapFailure) as failed:
        async with open_mailbox(server, evolve(account, token="wrong"), ssl_context=trusting):
            pass

    assert failed.value.kind is ImapKind.AUTH


async def test_a_server_whose_certificate_nobody_trusts_gets_no_password(
    dovecot: Dovecot, address: str
) -> None:
    with pytest.raises(ImapFailure) as failed:
        async with open_mailbox(dovecot.server(address), dovecot.account(address)):
            pass

    assert failed.value.kind is ImapKind.UNREACHABLE
    assert "certificate" in failed.value.text


async def test_a_server_that_is_not_there_is_unreachable(dovecot: Dovecot, address: str) -> None:
    server = evolve(dovecot.server(address), port=1)
    with pytest.raises(ImapFailure) as failed:
        async with open_mailbox(server, dovecot.account(address)):
            pass

    assert failed.value.kind is ImapKind.UNREACHABLE


async def test_mails_are_listed_and_fetched_as_another_client_sees_them(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    dovecot.deliver(address, mail("a"), mail("b"), mail("c", b"\0\r\n.\r\n"))
    told = oracle.select_folder("INBOX", readonly=True)
    seen = oracle.fetch([1, 2, 3], ["BODY.PEEK[]", "RFC822.SIZE", "INTERNALDATE", "FLAGS"])

    async with opened(dovecot, address) as mailbox:
        selected = await mailbox.select("INBOX")
        assert (selected.uid_validity, selected.uid_next) == (told[b"UIDVALIDITY"], 4)
        assert (selected.exists, selected.writable) == (3, True)
        assert await mailbox.uids_from(2) == (range(2, 4),)
        assert await mailbox.uids_from(9) == ()
        outlines = await mailbox.outlines([1, 2, 3, 99])
        bodies = {uid: await whole(mailbox, uid) for uid in (1, 2, 3)}
        header = await mailbox.header(2)

    assert [each.uid for each in outlines] == [1, 2, 3]
    for outline in outlines:
        theirs = seen[outline.uid]
        assert bodies[outline.uid] == theirs[b"BODY[]"]
        assert outline.size == theirs[b"RFC822.SIZE"]
        assert outline.at == int(theirs[b"INTERNALDATE"].astimezone().timestamp())
    assert header is not None
    assert header == bodies[2][: len(header)]
    assert header.endswith(b"\r\n\r\n")
    assert b"\\Seen" not in oracle.get_flags([1, 2, 3])[1]


async def test_what_is_gone_is_gone_for_everything(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    dovecot.deliver(address, mail("a"), mail("b"))

    async def drop(_: bytes) -> None:
        raise AssertionError("a mail that is gone has no bytes")

    async with opened(dovecot, address) as mailbox:
        await mailbox.select("INBOX")
        oracle.select_folder("INBOX")
        oracle.delete_messages([1])
        oracle.expunge()

        assert await mailbox.fetch(1, drop, 1000) == Fetch(Body.GONE)
        assert await mailbox.header(1) is None
        assert await mailbox.outlines([1]) == []
        assert await mailbox.move([1], "Processed") is Moved.MOVED
        assert await whole(mailbox, 2)


async def test_mails_are_moved_into_a_folder_that_was_not_there(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    dovecot.deliver(address, mail("a"), mail("b"))

    async with opened(dovecot, address) as mailbox:
        await mailbox.select("INBOX")
        moved = await mailbox.move([2], "Processed/Größe & Co")
        left = await mailbox.uids_from(1)

    assert (moved, left) == (Moved.MOVED, (range(1, 2),))
    assert oracle.select_folder("Processed/Größe & Co")[b"EXISTS"] == 1
    assert [each[2] for each in oracle.list_sub_folders()] == ["Processed/Größe & Co"]


async def test_without_move_the_mails_of_others_stay(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    dovecot.deliver(address, mail("a"), mail("b"), mail("c"))
    oracle.select_folder("INBOX")
    oracle.add_flags([1], [b"\\Deleted"])

    async with opened(dovecot, address) as mailbox:
        await mailbox.select("INBOX")
        mailbox._link.imap.capabilities -= {"MOVE"}
        moved = await mailbox.move([2], "Processed")
        mailbox._link.imap.capabilities -= {"UIDPLUS"}
        flagged = await mailbox.move([3], "Processed")

    oracle.noop()
    assert (moved, flagged) == (Moved.MOVED, Moved.FLAGGED)
    assert oracle.search() == [1, 3]
    assert b"\\Deleted" in oracle.get_flags([3])[3]
    assert oracle.select_folder("Processed")[b"EXISTS"] == 2


def outgoing(raw: bytes, pieces: int = 3) -> Outgoing:
    async def each() -> AsyncGenerator[bytes, None]:
        size = len(raw) // pieces + 1
        for at in range(0, len(raw), size):
            yield raw[at : at + size]

    return Outgoing(len(raw), lambda: aclosing(each()))


async def test_a_mail_is_put_and_found_and_comes_back_as_it_was(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    raw = mail("put", "grüße\r\n".encode() * 1000)

    async with opened(dovecot, address) as mailbox:
        uid = await mailbox.append("Sent/2026", outgoing(raw), at=1767225600)
        await mailbox.select("Sent/2026")
        assert uid is not None
        assert await mailbox.find("<put@elsewhere.test>") == (uid,)
        assert await mailbox.find("put@elsewhere.test") == (uid,)
        assert await mailbox.find("ut@elsewhere.test") == ()
        assert await whole(mailbox, uid) == raw
        [outline] = await mailbox.outlines([uid])

    assert (outline.at, "\\Seen" in outline.flags) == (1767225600, True)


async def test_a_folder_is_found_by_what_it_is_for(dovecot: Dovecot, address: str) -> None:
    async with opened(dovecot, address) as mailbox:
        assert await mailbox.folder_for("\\Sent") == "Sent"
        assert await mailbox.folder_for("\\Trash") is None


async def test_a_folder_that_is_not_there_is_refused_and_the_session_goes_on(
    dovecot: Dovecot, address: str
) -> None:
    async with opened(dovecot, address) as mailbox:
        with pytest.raises(ImapFailure) as failed:
            await mailbox.select("Nowhere")

        assert failed.value.kind is ImapKind.REFUSED
        assert "Nowhere" in failed.value.text
        assert (await mailbox.select("INBOX")).exists == 0


async def test_a_mailbox_that_was_rebuilt_says_so(dovecot: Dovecot, address: str) -> None:
    dovecot.deliver(address, mail("a"))
    dovecot.doveadm("mailbox", "update", "-u", address, "--uid-validity", "99", "INBOX")

    async with opened(dovecot, address) as mailbox:
        assert (await mailbox.select("INBOX")).uid_validity == 99


@pytest.mark.slow
async def test_a_mail_that_comes_while_we_wait_is_news(dovecot: Dovecot, address: str) -> None:
    async with opened(dovecot, address) as mailbox, trio.open_nursery() as nursery:
        await mailbox.select("INBOX")
        nursery.start_soon(trio.to_thread.run_sync, dovecot.deliver, address, mail("a"))

        assert await mailbox.wait_news(60)
        assert await mailbox.uids_from(1) == (range(1, 2),)


@pytest.mark.slow
async def test_a_server_that_ends_the_session_is_noticed_at_once(
    dovecot: Dovecot, address: str
) -> None:
    async def kick() -> None:
        await trio.to_thread.run_sync(dovecot.doveadm, "kick", address)

    async with opened(dovecot, address) as mailbox, trio.open_nursery() as nursery:
        await mailbox.select("INBOX")
        nursery.start_soon(kick)
        with pytest.raises(ImapFailure) as failed:
            await mailbox.wait_news(60)

    assert failed.value.kind is ImapKind.GONE


@pytest.mark.slow
async def test_a_large_mail_is_never_held(dovecot: Dovecot, address: str) -> None:
    size = 8 << 20
    raw = mail("large", (b"x" * 76 + b"\r\n") * (size // 78))
    largest, seen = 0, sha256()

    async def take(piece: bytes) -> None:
        nonlocal largest
        largest = max(largest, len(piece))
        seen.update(piece)

    async with opened(dovecot, address) as mailbox:
        await mailbox.append("INBOX", outgoing(raw, 100))
        await mailbox.select("INBOX")
        fetched = await mailbox.fetch(1, take, 1 << 30)

    assert fetched == Fetch(Body.WHOLE, len(raw))
    assert seen.digest() == sha256(raw).digest()
    assert largest <= 65536


@pytest.mark.slow
async def test_a_session_that_ends_within_a_mail_leaves_no_half_mail(
    dovecot: Dovecot, address: str
) -> None:
    dovecot.deliver(address, mail("large", (b"x" * 76 + b"\r\n") * 200_000))
    kicked = False

    async def take(_: bytes) -> None:
        nonlocal kicked
        if not kicked:
            kicked = True
            await trio.to_thread.run_sync(dovecot.doveadm, "kick", address)

    async with opened(dovecot, address) as mailbox:
        await mailbox.select("INBOX")
        with pytest.raises(ImapFailure) as failed:
            await mailbox.fetch(1, take, 1 << 30)

    assert failed.value.kind is ImapKind.GONE


SENT = Mail((("Message-ID", "<ours@example.test>"),), "hello", "seed")


def hands_of(dovecot: Dovecot) -> AbstractAsyncContextManager[FolderHands]:
    async def compose(asked: Mail) -> Outgoing:
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.headers)
        return outgoing(f"{lines}\r\n{asked.text}\r\n".encode())

    trusting = dovecot.certificate.trusting()
    return open_folder_hands(compose=compose, now=trio.current_time, ssl_context=trusting)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["Sent", "Elsewhere", "\\Sent"])
async def test_a_mail_of_ours_is_kept_once_and_found(
    dovecot: Dovecot, address: str, folder: str
) -> None:
    account, trace = dovecot.account(address), Trace()
    find = FindCall(dovecot.server(address), folder, "<ours@example.test>")
    keep = KeepCall(dovecot.server(address), folder, SENT)

    async with hands_of(dovecot) as hands:
        replies = [await hands.make(call, account, trace) for call in (find, keep, keep, find)]

    assert replies == [FolderReply(found) for found in (False, True, True, True)]
    name = folder.removeprefix("\\")
    assert dovecot.doveadm("search", "-u", address, "mailbox", name).count("\n") == 1
    assert [each.method for each in trace.exchanges] == ["FIND", "KEEP", "KEEP", "FIND"]
    assert PASSWORD not in str(trace.as_json())


@pytest.mark.slow
async def test_a_kept_session_sees_what_others_put_and_is_replaced_when_it_was_ended(
    dovecot: Dovecot, address: str, oracle: IMAPClient
) -> None:
    account, server = dovecot.account(address), dovecot.server(address)
    mails = [evolve(SENT, headers=(("Message-ID", f"<{n}@example.test>"),)) for n in range(5)]

    async with hands_of(dovecot) as hands:
        for each in mails[:3]:
            await hands.make(KeepCall(server, "\\Sent", each), account, Trace())
        oracle.append("Sent", b"Message-ID: <3@example.test>\r\n\r\nhello\r\n")
        await hands.make(KeepCall(server, "\\Sent", mails[3]), account, Trace())
        before = dovecot.log().count(f"Login: user=<{address}>")
        await trio.to_thread.run_sync(dovecot.doveadm, "kick", address)
        await hands.make(KeepCall(server, "\\Sent", mails[4]), account, Trace())
        after = dovecot.log().count(f"Login: user=<{address}>")

    found = dovecot.doveadm("search", "-u", address, "mailbox", "Sent", "all")
    assert found.count("\n") == 5
    assert (before, after) == (2, 3)  # one of them is the other client's


BELOW_INBOX = """\
separator = .
  prefix = INBOX.
  mailbox Gesendet {
    special_use = \\Sent
    auto = create
  }
"""
DOTTED = """\
separator = .
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("namespace", "root", "sent"),
    [(BELOW_INBOX, "INBOX.", "INBOX.Gesendet"), (DOTTED, "", "Sent")],
)
async def test_folders_are_made_where_the_server_has_them_and_sent_mails_go_to_its_own(
    address: str, namespace: str, root: str, sent: str
) -> None:
    if program("dovecot") is None:
        pytest.skip("dovecot is not installed")
    with running(namespace=namespace) as dovecot:
        dovecot.deliver(address, mail("one"), mail("two"))
        async with opened(dovecot, address) as mailbox:
            await mailbox.select("INBOX")
            assert await mailbox.move([1], "Processed") is Moved.MOVED
            assert await mailbox.move([2], "Gateway/Failed") is Moved.MOVED
            selected = await mailbox.select("Processed")
        account, server = dovecot.account(address), dovecot.server(address)
        async with hands_of(dovecot) as hands:
            for call in (
                KeepCall(server, "\\Sent", SENT),
                KeepCall(server, "Copies", SENT),
                FindCall(server, "\\Sent", "<ours@example.test>"),
            ):
                assert await hands.make(call, account, Trace()) == FolderReply(True)

        assert (selected.folder, selected.exists) == ("Processed", 1)
        names = {"INBOX", sent, *(f"{root}{each}" for each in ("Processed", "Gateway.Failed"))}
        assert {*dovecot.doveadm("mailbox", "list", "-u", address).split()} >= names
        for folder in (sent, f"{root}Copies"):
            found = dovecot.doveadm("search", "-u", address, "mailbox", folder, "all")
            assert found.count("\n") == 1


@pytest.mark.slow
async def test_a_folder_call_that_fails_says_who_must_act(dovecot: Dovecot, address: str) -> None:
    account = evolve(dovecot.account(address), token="wrong")
    call = FindCall(dovecot.server(address), "Sent", "<ours@example.test>")
    trace = Trace()

    async with hands_of(dovecot) as hands:
        with pytest.raises(SendFailure) as failed:
            await hands.make(call, account, trace)

    failure = failed.value.failure
    assert (failure.kind, failure.reason) == (Kind.BROKEN, Reason.CREDENTIALS_EXPIRED)
    assert trace.exchanges[0].error == failure.text


@pytest.mark.slow
async def test_an_address_that_nobody_has_is_refused(dovecot: Dovecot) -> None:
    with pytest.raises(ImapFailure) as failed:
        async with opened(dovecot, UNKNOWN):
            pass

    assert failed.value.kind is ImapKind.AUTH


@pytest.mark.slow
async def test_a_token_that_has_expired_is_refused_and_not_shown(
    dovecot: Dovecot, address: str
) -> None:
    server = dovecot.server(f"expired-{address}", login=Login.OAUTH)
    account = dovecot.account(f"expired-{address}", Login.OAUTH)

    with pytest.raises(ImapFailure) as failed:
        async with open_mailbox(server, account, ssl_context=dovecot.certificate.trusting()):
            pass

    assert failed.value.kind is ImapKind.AUTH
    assert token_of(address) not in str(failed.value)
    assert "status" in failed.value.text
