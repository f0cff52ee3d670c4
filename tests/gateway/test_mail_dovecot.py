"""The house reads a real mailbox: Dovecot's, with mails as people write them."""

import ssl
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from omni_actors.adapters.contract import Folders
from omni_actors.adapters.email import attachments, inbound, mime
from omni_actors.model.content import Email
from omni_actors.net.imap import open_mailbox
from omni_actors.store.verbs import ChannelSpec
from tests.gateway.mail_kit import MAIL, MailRig, Office, open_mail_rig, plan
from tests.support.dovecot import PASSWORD, Dovecot

ADDRESS = "house@example.test"
WITHIN_S = 60.0

pytestmark = pytest.mark.slow


def written(number: int, *, file: bytes | None = None) -> bytes:
    """A mail of a person."""
    mail = EmailMessage()
    mail["From"] = "Ada <ada@example.org>"
    mail["To"] = ADDRESS
    mail["Subject"] = f"Mail {number}"
    mail["Message-ID"] = f"<{number}@example.org>"
    mail.set_content(f"Hello for the {number}. time\n")
    if file is not None:
        mail.add_attachment(file, maintype="application", subtype="pdf", filename="a.pdf")
    return mail.as_bytes()


def adapter(dovecot: Dovecot) -> Any:
    """The platform of the kit, with real mails in a real mailbox."""
    server = dovecot.server(ADDRESS)
    assert MAIL.mailbox is not None
    return evolve(
        MAIL,
        parse=inbound.parse,
        fetch=attachments.fetch,
        token_hosts=lambda _settings: frozenset({f"{server.host}:{server.port}"}),
        mailbox=evolve(
            MAIL.mailbox,
            server=lambda _settings: server,
            folders=lambda _settings: Folders("INBOX", "Processed", "Failed", 1_000_000),
            document=lambda raw, key, _settings, at, blob: inbound.document(
                raw, key, None, at, blob
            ),
            extract=mime.extract,
        ),
    )


async def told(rig: MailRig, mails: int, media: int = 0) -> None:
    """So many mails were told of, and so many of their attachments are here."""

    async def all_here() -> bool:
        here = len(await rig.events("media.ready")) >= media
        return here and len(await rig.received()) >= mails and rig.health.doing == "waiting"

    await rig.until(all_here, within_s=WITHIN_S, step_max_s=0.1)


def in_folder(dovecot: Dovecot, folder: str) -> int:
    """How many mails a folder has."""
    found = dovecot.doveadm("search", "-u", ADDRESS, "mailbox", folder)
    return len(found.splitlines())


async def test_each_mail_of_a_real_mailbox_is_told_of_once(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    trusting: ssl.SSLContext = dovecot.certificate.trusting()
    session = partial(open_mailbox, ssl_context=trusting)
    channel = ChannelSpec(
        "mail", "default", "email", ADDRESS, {"address": ADDRESS}, {"password": PASSWORD}
    )
    dovecot.deliver(ADDRESS, written(1), written(2, file=b"%PDF-1.4" + bytes(range(256)) * 50))
    opening = partial(
        open_mail_rig, tmp_path, Office(), plan(channel), adapter=adapter(dovecot), session=session
    )
    async with opening() as rig:
        await told(rig, 2)
        await trio.to_thread.run_sync(dovecot.deliver, ADDRESS, written(3))
        await told(rig, 3)
    await trio.to_thread.run_sync(
        partial(
            dovecot.doveadm, "mailbox", "update", "--uid-validity", "99", "-u", ADDRESS, "INBOX"
        )
    )
    await trio.to_thread.run_sync(dovecot.deliver, ADDRESS, written(1), written(4))

    async with opening(seed=2) as rig:
        await told(rig, 4, media=1)

        messages = [event.message for event in await rig.events("message.received")]
        ids = [message.external_id for message in messages if message]
        assert ids == [f"{number}@example.org" for number in (1, 2, 3, 4)]
        assert messages[0] is not None
        assert isinstance(messages[0].content, Email)
        assert messages[0].content.subject == "Mail 1"
        assert await trio.to_thread.run_sync(in_folder, dovecot, "INBOX") == 0
        assert await trio.to_thread.run_sync(in_folder, dovecot, "Processed") == 5
        [ready] = await rig.events("media.ready")
        assert ready.detail["size"] == 8 + 256 * 50
