"""All hands of the house: every kind of call finds those that make it, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import evolve
from imapclient import IMAPClient

from omni_actors.media.blobs import Blob, Blobs, DiskFull, Missing
from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.hands import Hands, all_hands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import (
    ExtractCall,
    FindCall,
    FolderReply,
    HttpCall,
    HttpReply,
    KeepCall,
    MailCall,
    MailReply,
    MailServer,
    Tls,
)
from omni_actors.wire.compose import composed
from omni_actors.wire.mail import Attached, Mail
from tests.net.kit import LOOPBACK_OPEN, account, blobs_in, friendly, serving
from tests.net.mail_kit import MAIL
from tests.support.dovecot import PASSWORD, Dovecot
from tests.support.lmtp import mailboxes


@asynccontextmanager
async def hands_on(blobs: Blobs) -> AsyncIterator[Hands]:
    async with all_hands(
        open_source=lambda blob, size: blobs.open_source(Blob(blob, size)),
        open_sink=blobs.open_sink,
        guard_policy=LOOPBACK_OPEN,
        now=trio.current_time,
        disk_errors=(OSError, DiskFull, Missing),
    ) as hands:
        yield hands


async def test_http_and_mail_are_made_by_the_same_hands(blobs: Blobs) -> None:
    with mailboxes() as boxes:
        async with serving(friendly) as served, hands_on(blobs) as hands:
            asked = await hands.make(HttpCall("GET", served.url()), account(served), Trace())
            # Our mailbox of last resort speaks LMTP, which greets in another way.
            server = MailServer("127.0.0.1", boxes.port, "", Tls.PLAIN)
            call = MailCall(server, "a@b.c", ("d@e.f",), MAIL)
            handed = await hands.make(call, Account("mail", ""), Trace())

    assert isinstance(asked, HttpReply)
    assert asked.status == 200
    assert isinstance(handed, MailReply)
    assert handed.reply.code == 250
    assert [mail.recipient for mail in boxes.mails] == ["d@e.f"]


async def test_a_call_that_nobody_makes_is_refused(blobs: Blobs) -> None:
    async with hands_on(blobs) as hands:
        with pytest.raises(SendFailure, match="ExtractCall") as refused:
            await hands.make(ExtractCall("0" * 64, "2"), Account("mail", ""), Trace())

    failure = refused.value.failure
    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.INTERNAL)


@pytest.mark.slow
async def test_a_mail_that_was_sent_is_kept_whole_and_found_again(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    address = "keeper@example.test"
    blobs = blobs_in(tmp_path)
    content = bytes(range(256)) * 1000
    blob = await blobs.put_bytes(content)
    file = Attached(blob.sha256, "a.bin", "application/octet-stream", blob.size)
    headers = (*MAIL.headers, ("Message-ID", "<c.kept@example.test>"))
    mail = Mail(headers, "x\n" * 100_000, "seed", html="<p>x</p>", attachments=(file,))
    server, by = dovecot.server(address, Tls.PLAIN), dovecot.account(address)

    async with hands_on(blobs) as hands:
        kept = await hands.make(KeepCall(server, "Sent", mail), by, Trace())
        found = await hands.make(FindCall(server, "Sent", "<c.kept@example.test>"), by, Trace())

    assert kept == found == FolderReply(found=True)

    def look() -> bytes:
        with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=20) as client:
            client.plain_login(address, PASSWORD)
            client.select_folder("Sent", readonly=True)
            [uid] = client.search(["ALL"])
            raw = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
            assert isinstance(raw, bytes)
            return raw

    raw = await trio.to_thread.run_sync(look)
    made = composed(mail)
    assert len(raw) == made.size
    first, last = made.pieces[0], made.pieces[-1]
    assert isinstance(first, bytes)
    assert isinstance(last, bytes)
    assert raw.startswith(first)
    assert raw.endswith(last)


@pytest.mark.slow
async def test_a_mail_that_cannot_be_written_is_not_kept(dovecot: Dovecot, blobs: Blobs) -> None:
    address = "wrong@example.test"
    call = KeepCall(
        dovecot.server(address, Tls.PLAIN), "Sent", evolve(MAIL, headers=(("Subject", "a\nb"),))
    )

    async with hands_on(blobs) as hands:
        with pytest.raises(SendFailure) as refused:
            await hands.make(call, dovecot.account(address), Trace())

    assert refused.value.failure.kind is Kind.REJECTED
