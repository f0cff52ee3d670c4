"""Mail accounts are connected over real sockets, and read from a real mail server by what came of
it: the pretend providers say whose a token is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

from omni_actors.demo.program import Program
from tests.e2e.kit import Setup, Site, patiently, write_config
from tests.e2e.test_connect import (
    connected_by_command,
    consented,
    free_port,
    open_platforms,
    state_of,
)
from tests.support.dovecot import PACKAGES, Dovecot, program, running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(program("dovecot") is None, reason=f"needs {PACKAGES}"),
]

ADDRESS = "support@example.com"
CHANNEL = "email-support-example.com"
APPS = """
[[apps]]
id = "google"
kind = "google"
client_id = "sandbox-google"
client_secret = "sandbox-google-secret"
dialog_url = "{url}"
token_url = "{url}"
imap = {{ host = "127.0.0.1", port = {imap}, tls = "plain" }}
smtp = {{ host = "127.0.0.1", port = 9, tls = "plain" }}

[[apps]]
id = "microsoft"
kind = "microsoft"
client_id = "sandbox-microsoft"
client_secret = "sandbox-microsoft-secret"
login_url = "{url}"
imap = {{ host = "127.0.0.1", port = {imap}, tls = "plain" }}
smtp = {{ host = "127.0.0.1", port = 9, tls = "plain" }}
"""


@define
class MailSite:
    """The program, the providers, and the mail server that asks them."""

    site: Site
    dovecot: Dovecot

    def deliver(self, subject: str) -> None:
        """A customer's mail comes to the mailbox."""
        raw = (
            f"From: ada@example.org\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@example.org>\r\n\r\nHello\r\n"
        )
        self.dovecot.deliver(ADDRESS, raw.encode())

    async def comes(self, subject: str) -> None:
        """A mail is told of."""

        async def told() -> bool:
            events = await self.site.events("message.received")
            return any(f"{subject}@example.org" in str(event) for event in events)

        assert await patiently(told)

    async def provider(self, verb: str) -> None:
        """The provider lets tokens of the address end, or the person takes them back."""
        form = {"address": ADDRESS}
        answer = await self.site.control.post(f"/sandbox/mail-logins/{verb}", data=form)
        assert answer.json()["tokens"] > 0

    async def broken_off(self) -> None:
        """The mail server ends the session."""
        await trio.to_thread.run_sync(self.dovecot.doveadm, "kick", ADDRESS)

    async def channel(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.site.get(f"/v1/channels/{CHANNEL}")
        return found

    async def until_state(self, state: str) -> None:
        async def look() -> bool:
            return bool(await state_of(self.site, CHANNEL) == state)

        assert await patiently(look)

    def check_secrets(self) -> None:
        """No token and no secret in the log, nor in the open in the database."""
        log = self.site.program.log.read_bytes()
        kept = b"".join([f.read_bytes() for f in (self.site.folder / "data").glob("omni.db*")])
        given = self.site.sandbox.mail_logins.tokens.given
        assert len(given) >= 3
        secrets = (*given, "sandbox-google-secret", "sandbox-microsoft-secret")
        for secret in (each.encode() for each in secrets):
            assert secret not in log
            assert secret not in kept


@asynccontextmanager
async def open_mail_site(folder: Path) -> AsyncIterator[MailSite]:
    async with open_platforms() as (sandbox, control), trio.open_nursery() as nursery:
        with running(f"{sandbox.url}/sandbox/mail-logins/introspect") as dovecot:
            apps = APPS.format(url=sandbox.url, imap=dovecot.imap_port)
            setup = Setup(bot="none", bind=f"127.0.0.1:{free_port()}", lines=(), more=apps)
            started = Program(write_config(folder, setup, sandbox.url), folder / "gateway.log")
            site = Site(folder, setup, started, sandbox, control, nursery)
            try:
                await site.start()
                yield MailSite(site, dovecot)
            finally:
                with trio.CancelScope(shield=True):
                    if started.process is not None:
                        await started.kill()
                nursery.cancel_scope.cancel()


@pytest.mark.parametrize("app", ["google", "microsoft"])
async def test_a_mail_account_is_connected_stays_and_comes_back(app: str, tmp_path: Path) -> None:
    async with open_mail_site(tmp_path) as mail:
        site = mail.site
        shown = await connected_by_command(site, "email", "--app", app)

        assert [(row["id"], row["channel_key"]) for row in shown] == [(CHANNEL, ADDRESS)]
        mail.deliver("first")
        await mail.comes("first")

        await mail.provider("expire")
        await mail.broken_off()
        mail.deliver("second")
        await mail.comes("second")
        assert site.sandbox.mail_logins.tokens.refreshed == 1
        assert await state_of(site, CHANNEL) == "active"

        await site.kill_and_start()
        mail.deliver("third")
        await mail.comes("third")

        await mail.provider("revoke")
        await mail.broken_off()
        await mail.until_state("needs_reauth")
        reason = (await mail.channel())["health"]["reason"]
        assert "the refresh token no more" in reason
        mail.deliver("fourth")

        again = await connected_by_command(site, "email", "--app", app, "--channel", CHANNEL)
        assert [(row["id"], row["state"]) for row in again] == [(CHANNEL, "active")]
        await mail.comes("fourth")
        mail.check_secrets()


async def test_a_mailbox_that_lets_nobody_in_is_not_connected(tmp_path: Path) -> None:
    async with open_mail_site(tmp_path) as mail:
        begun = await mail.site.get("/v1/connect/email", app="google")

        back = await consented(mail.site.control, begun["url"], address="nobody@example.test")
        landed = await mail.site.control.get(back)

        assert landed.status_code == 409
        assert "does not let this account be read by IMAP" in landed.text
        found = await mail.site.get(f"/v1/connections/{begun['id']}")
        assert (found["status"], found["channels"]) == ("failed", [])
