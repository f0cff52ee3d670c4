"""Mail through the whole program, with the sandbox's servers at the other end."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from imapclient import IMAPClient, SocketTimeout

from omni_actors.sandbox import EmailAccount
from tests.e2e.kit import Setup, Site, open_site, patiently

SUPPORT, MAIL = "support@example.com", "mail-support"
PASSWORD = "sandbox-mail-password"
ADA = "ada@example.org"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 8
CHANNEL = f"""
[[channels]]
id = "{MAIL}"
platform = "email"
address = "{SUPPORT}"
name = "Example Support"
password = "{PASSWORD}"
imap = {{ host = "127.0.0.1", port = {{imap}}, tls = "plain" }}
smtp = {{ host = "127.0.0.1", port = {{smtp}}, tls = "plain" }}
authserv_id = "mx.example.com"
rate = {{ per_second = 1000, burst = 1000 }}
pair_rate = {{ per_second = 1000, burst = 1000 }}
"""
SETUP = Setup(bot="none", lines=(), more=CHANNEL, others=(EmailAccount(),))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, SETUP) as opened:
        yield opened


async def writes(site: Site, **document: Any) -> str:
    """Ada writes; the Message-ID."""
    answer = await site.control.post(
        f"/sandbox/email/{SUPPORT}/inbound", json={"from": ADA, "name": "Ada", **document}
    )
    assert answer.status_code == 200, answer.text
    message_id: str = answer.json()["id"]
    return message_id


async def received(site: Site, count: int = 1) -> list[dict[str, Any]]:
    """The messages that were told of, once there are so many."""

    async def look() -> list[dict[str, Any]]:
        told = await site.events("message.received")
        return told if len(told) >= count else []

    return [event["message"] for event in await patiently(look)]


async def send(site: Site, text: str = "Good morning", to: str = ADA) -> str:
    body = {
        "to": {"channel_id": MAIL, "address": to},
        "content": {"type": "text", "text": text},
    }
    answer = await site.call("POST", "/v1/messages", json=body)
    assert answer.status_code == 202, answer.text
    message_id: str = answer.json()["id"]
    return message_id


async def ended(site: Site, message_id: str, *states: str) -> dict[str, Any]:
    """The message, once it is in one of these states."""

    async def look() -> dict[str, Any]:
        message: dict[str, Any] = await site.get(f"/v1/messages/{message_id}")
        return message if message["status"] in states else {}

    return await patiently(look)


async def outbox(site: Site) -> list[dict[str, Any]]:
    shown = (await site.control.get(f"/sandbox/email/{SUPPORT}/outbox")).json()
    mails: list[dict[str, Any]] = shown["messages"]
    return mails


async def fault(site: Site, **rule: Any) -> None:
    answer = await site.control.post("/sandbox/faults", json=rule)
    assert answer.status_code == 200, answer.text


async def folders(site: Site) -> dict[str, int]:
    stands = (await site.control.get(f"/sandbox/email/{SUPPORT}/standing")).json()
    found: dict[str, int] = stands["folders"]
    return found


async def test_a_mail_with_a_file_is_taken_in_whole_and_filed(site: Site) -> None:
    file = {
        "filename": "Größe.pdf", "mime_type": "application/pdf",
        "content_base64": b64encode(PDF).decode(),
    }  # fmt: skip
    message_id = await writes(
        site, subject="Schuhe", text="Passen sie?", html="<p>Passen sie?</p>", attachments=[file]
    )

    (message,) = await received(site)
    content = message["content"]
    assert message["external_id"] == message_id
    assert (content["type"], content["subject"]) == ("email", "Schuhe")
    assert content["text"].strip() == "Passen sie?"
    assert content["attachments"][0]["filename"] == "Größe.pdf"

    async def fetched() -> bytes:
        answer = await site.call("GET", f"/v1/media/{content['attachments'][0]['media_id']}")
        return answer.content if answer.status_code == 200 else b""

    assert await patiently(fetched) == PDF

    async def filed() -> bool:
        there = await folders(site)
        return (there["INBOX"], there.get("Processed")) == (0, 1)

    assert await patiently(filed)


async def test_an_answer_is_in_the_thread_and_its_copy_in_sent(site: Site) -> None:
    message_id = await writes(site, subject="Tea", text="Assam?")
    (message,) = await received(site)
    body = {
        "conversation_id": message["conversation_id"],
        "content": {"type": "text", "text": "**Yes**", "format": "markdown"},
        "author": {"type": "human"},
    }
    sent = await site.call("POST", "/v1/messages", json=body)

    await ended(site, sent.json()["id"], "sent")

    (mail,) = await outbox(site)
    assert mail["subject"] == "Re: Tea"
    assert mail["request"]["in_reply_to"] == f"<{message_id}>"
    assert mail["text"].strip() in ("Yes", "**Yes**", "*Yes*")
    assert "<strong>Yes</strong>" in mail["request"]["html"]
    assert mail["request"]["envelope"]["envelope_id"] in mail["id"]
    assert (await folders(site))["Sent"] == 1
    seen = await trio.to_thread.run_sync(mailbox_of, site.sandbox.doors["imap"])
    assert seen == [mail["id"]]


def mailbox_of(place: str) -> list[str]:
    """The ids of Ada's mails, by a client that others wrote."""
    host, _, port = place.rpartition(":")
    client = IMAPClient(host, int(port), ssl=False, timeout=SocketTimeout(10, 10))
    try:
        client.login(ADA, "anything")
        client.select_folder("INBOX", readonly=True)
        mails = client.fetch(client.search("ALL"), ["ENVELOPE"])
        return [mail[b"ENVELOPE"].message_id.decode().strip("<>") for mail in mails.values()]
    finally:
        client.shutdown()


async def test_a_refused_recipient_fails_the_message_at_once(site: Site) -> None:
    await fault(site, kind="refuse", code=550, text="5.1.1 No such user", match={"to": ADA})

    message = await ended(site, await send(site), "failed")

    assert message["reason"]["code"] == "recipient_invalid"
    assert await outbox(site) == []


async def test_an_answer_that_is_lost_leaves_the_message_unknown_and_then_sends_the_same_bytes(
    site: Site,
) -> None:
    await fault(site, kind="drop_answer", match={"call": "smtp", "type": "end"})

    message = await ended(site, await send(site), "sent")

    first, second = await outbox(site)
    assert first["id"] == second["id"]
    assert first["request"]["headers"] == second["request"]["headers"]
    assert message["parts"][0]["maybe_duplicate"]


async def test_a_mail_to_nobody_is_sent_and_then_fails_by_its_report(site: Site) -> None:
    message = await ended(site, await send(site, to="nobody@example.org"), "failed")

    assert message["reason"]["code"] == "recipient_invalid"
    assert message["reason"]["raw"]["code"] == "5.1.1"


async def test_an_answer_without_a_thread_is_known_by_its_address(site: Site) -> None:
    message_id = await send(site, "Which size?")
    await ended(site, message_id, "sent")

    await writes(site, reply=True, thread=False, subject="Something else", text="Large")

    (message,) = await received(site)
    assert message["reply_to"]["message_id"] == message_id
    assert message["notes"]["thread"]["rule"] == "reply_token"
    assert message["content"]["text"].strip() == "Large"


async def test_a_credential_that_expires_holds_what_waits_until_there_is_another(
    site: Site,
) -> None:
    await writes(site, text="Before")
    await received(site)
    path = f"/sandbox/email/{SUPPORT}/token"
    await site.control.put(path, json={"access_token": "another"})
    message_id = await send(site)

    async def refused() -> bool:
        channel = await site.get(f"/v1/channels/{MAIL}")
        return bool(channel["state"] == "needs_reauth")

    assert await patiently(refused)
    renewed = await site.call(
        "PUT", f"/v1/channels/{MAIL}/credentials", json={"password": "another"}
    )
    assert renewed.status_code == 200, renewed.text

    await ended(site, message_id, "sent")
    await writes(site, text="After")
    assert len(await received(site, 2)) == 2
    assert len(await outbox(site)) == 1


async def test_a_day_that_is_used_up_holds_the_rest(site: Site) -> None:
    limits = f"/sandbox/email/{SUPPORT}/limits"
    assert (await site.control.put(limits, json={"mails_per_day": 1})).status_code == 200
    await ended(site, await send(site), "sent")
    waits = await send(site, "And good night")

    async def told() -> bool:
        why = (await site.get(f"/v1/channels/{MAIL}"))["limiter"]["why"]
        return "the platform has stopped the account" in why

    assert await patiently(told)
    message = await site.get(f"/v1/messages/{waits}")
    assert message["status"] == "queued"
    assert message["parts"][0]["reason"]["raw"]["code"] == "550 5.4.5"
    assert len(await outbox(site)) == 1
