"""A sandbox with its mail servers, and clients of others that talk to them in threads."""

import smtplib
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from typing import Any, TypeVar

import httpx
import pytest
import trio
from attrs import define

from omni_actors.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.sandbox.conftest import EPOCH_S, TLS

T = TypeVar("T")

SUPPORT = "support@example.com"
PASSWORD = "sandbox-mail-password"
ADA = "ada@example.org"
PATIENCE_S = 10


@define
class Post:
    """One sandbox at work, with its mail."""

    sandbox: Sandbox
    client: httpx.AsyncClient

    def port(self, door: str) -> int:
        return int(self.sandbox.doors[door].rpartition(":")[2])

    async def write(self, document: dict[str, Any], status: int = 200) -> dict[str, Any]:
        """Let Ada write, unless the document says who."""
        whole = {"from": ADA, **document}
        answer = await self.client.post(f"/sandbox/email/{SUPPORT}/inbound", json=whole)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def outbox(self, **query: Any) -> list[dict[str, Any]]:
        """What customers have been sent."""
        answer = await self.client.get(f"/sandbox/email/{SUPPORT}/outbox", params=query)
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def fault(self, **rule: Any) -> None:
        """Lay down one fault rule."""
        answer = await self.client.post("/sandbox/faults", json=rule)
        assert answer.status_code == 200, answer.text

    def smtp(self, user: str = SUPPORT, password: str = PASSWORD) -> smtplib.SMTP:
        """Somebody else's SMTP client, logged in; for a thread."""
        client = smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=PATIENCE_S)
        try:
            client.login(user, password)
        except BaseException:
            client.close()
            raise
        return client

    async def send(self, mail: EmailMessage | bytes, to: str = ADA, **options: Any) -> Any:
        """Submit a mail as the business; what smtplib answers."""

        def work() -> Any:
            with self.smtp() as client:
                raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=CRLF)
                return client.sendmail(SUPPORT, [to], raw, **options)

        return await aside(work)


CRLF = EmailMessage().policy.clone(linesep="\r\n")


def letter(subject: str = "Hello", text: str = "Good morning", **headers: str) -> EmailMessage:
    """A proper mail of the business; a header that is empty is left out."""
    mail = EmailMessage()
    usual = {
        "Date": "Mon, 21 Sep 2026 12:00:00 +0000",
        "From": f"Example Support <{SUPPORT}>",
        "To": ADA,
        "Subject": subject,
        "Message-ID": "<one@example.com>",
    }
    for name, value in {**usual, **{k.replace("_", "-"): v for k, v in headers.items()}}.items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail


async def aside(work: Callable[[], T]) -> T:
    """Run a blocking client in a thread."""
    return await trio.to_thread.run_sync(work)


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    settings = SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S)
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, verify=TLS) as client,
    ):
        yield Post(sandbox, client)
