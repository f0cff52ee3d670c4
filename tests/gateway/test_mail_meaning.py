"""Real mails in the house: answers, machines, reports of delivery, and what is forged."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.adapters.email import EMAIL
from omni_actors.model.content import Email, Text
from omni_actors.model.requests import SendRequest
from omni_actors.store.rows import Message
from tests.gateway.kit import OPERATOR
from tests.gateway.mail_kit import ADA, ADDRESS, START, MailRig, Office, open_mail_rig, plan, spec

BOB = "bob@example.org"
DAY_S = 86400.0
SERVER = {"host": "127.0.0.1", "tls": "plain"}


@pytest.fixture
async def rig(tmp_path: Path, office: Office, clock: MockClock) -> AsyncIterator[MailRig]:
    channel = spec(
        address=ADDRESS,
        imap=SERVER,
        smtp=SERVER,
        sent_folder="",
        verp=True,
        authserv_id="mx.example.com",
        subject_fallback=True,
    )
    async with open_mail_rig(tmp_path, office, plan(channel, bot="echo"), adapter=EMAIL) as opened:
        yield opened
        assert opened.crashes() == []


def mail(*headers: str, sender: str = ADA, body: str = "Hello") -> bytes:
    return "\n".join([f"From: {sender}", *headers, "", body]).encode()


def head(office: Office, name: str, number: int = 0) -> str:
    """A header of what we sent."""
    return dict(office.sent[number].mail.headers)[name]


async def message_of(rig: MailRig, external_id: str) -> Message:
    told = await rig.events("message.received")
    [found] = [e.message for e in told if e.message and e.message.external_id == external_id]
    return found


async def asked_and_answered(rig: MailRig) -> Message:
    """Ada writes, and the bot answers; what it sent."""
    rig.office.deliver(mail("Message-ID: <1@a.example>", "Subject: Mugs"))
    await rig.came(1)
    await rig.until(lambda: len(rig.office.sent) == 1)

    async def sent() -> object:
        return await rig.events("message.sent")

    await rig.until(sent)
    [event] = await rig.events("message.sent")
    assert event.message is not None
    return event.message


async def filed(rig: MailRig, count: int) -> None:
    """So many mails were taken in."""
    await rig.until(lambda: len(rig.office.folders["Processed"]) == count)


@pytest.mark.slow
async def test_an_answer_is_what_was_written_and_knows_what_it_answers(
    rig: MailRig, clock: MockClock
) -> None:
    ours = await asked_and_answered(rig)
    reply_to = head(rig.office, "Reply-To")
    quote = f"Yes!\n\nOn Thu, 26 Nov 2026 at 09:12, Support <{ADDRESS}> wrote:\n\n> Hello"

    rig.office.deliver(mail("Message-ID: <2@a.example>", f"To: {reply_to}", body=quote))
    await rig.came(2)
    answer = await message_of(rig, "2@a.example")

    assert isinstance(answer.content, Email)
    assert (answer.content.text, answer.content.full_text) == ("Yes!", quote)
    assert answer.reply_to == ours.id
    assert answer.notes is not None
    assert answer.notes["thread"] == {
        "rule": "reply_token",
        "message_id": ours.id,
        "conversation_id": ours.conversation_id,
    }
    assert answer.notes["trust"] == "verified"  # they have what was written to them


@pytest.mark.slow
async def test_an_answer_that_names_nothing_is_found_by_its_subject(
    rig: MailRig, clock: MockClock
) -> None:
    await asked_and_answered(rig)

    rig.office.deliver(mail("Message-ID: <2@a.example>", "Subject: AW: mugs"))
    rig.office.deliver(mail("Message-ID: <3@b.example>", "Subject: AW: mugs", sender=BOB))
    await rig.came(3)

    notes: Any = (await message_of(rig, "2@a.example")).notes
    assert notes["thread"]["rule"] == "subject"
    assert (await message_of(rig, "3@b.example")).reply_to is None


@pytest.mark.slow
@pytest.mark.parametrize(("forged", "status"), [(False, "failed"), (True, "sent")])
async def test_only_a_report_with_what_we_gave_out_changes_anything(
    rig: MailRig, clock: MockClock, forged: bool, status: str
) -> None:
    ours = await asked_and_answered(rig)
    bounced = rig.office.sent[0].sender
    message_id = head(rig.office, "Message-ID")
    token = message_id[3:39]
    if forged:
        wrong = "a" if token[-1] != "a" else "b"
        bounced = bounced.replace(token, token[:-1] + wrong)
        message_id = message_id.replace(token, token[:-1] + wrong)
    report = (
        "--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {ADA}\nAction: failed\n"
        "Status: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\n"
        f"Message-ID: {message_id}\n--b--"
    )
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=b"
    raw = mail(f"To: {bounced}", kind, sender="MAILER-DAEMON@mx.example", body=report)
    rig.office.deliver(raw)
    await filed(rig, 2)

    found = await rig.gateway.message(OPERATOR, ours.id)
    assert found.status == status
    assert len(await rig.events("message.received")) == 1  # nobody wrote
    if not forged:
        [event] = await rig.events("message.failed")
        told: Any = event.detail
        assert told["failure"]["reason"] == "recipient_invalid"
        assert told["detail"]["suppress"] == "address"


@pytest.mark.slow
async def test_no_machine_is_answered_and_our_own_mail_is_nobodys(
    rig: MailRig, clock: MockClock
) -> None:
    await asked_and_answered(rig)
    ours = mail(f"Message-ID: {head(rig.office, 'Message-ID')}", sender=ADDRESS)

    rig.office.deliver(mail("Message-ID: <v@a.example>", "Auto-Submitted: auto-replied"))
    rig.office.deliver(ours)
    await filed(rig, 3)
    await trio.sleep(60)

    assert len(rig.office.sent) == 1
    assert len(await rig.events("message.received")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("results", "trust"),
    [("mx.example.com; dmarc=pass", "verified"), ("mx.other.example; dmarc=pass", "unverified")],
)
async def test_only_the_accounts_own_server_vouches_for_anybody(
    rig: MailRig, clock: MockClock, results: str, trust: str
) -> None:
    rig.office.deliver(mail("Message-ID: <1@a.example>", f"Authentication-Results: {results}"))
    await rig.came(1)

    notes = (await message_of(rig, "1@a.example")).notes
    assert notes is not None
    assert notes["trust"] == trust


async def test_an_id_that_a_mail_gives_itself_takes_no_other_mails_place(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    same = "Message-ID: <same@a.example>"
    for text, sender, age_s in (("one", ADA, 30 * DAY_S), ("two", ADA, 29 * DAY_S), ("I", BOB, 60)):
        office.deliver(mail(same, body=text, sender=sender), at=int(START - age_s))
    channel = spec(address=ADDRESS, imap=SERVER)
    async with open_mail_rig(tmp_path, office, plan(channel), adapter=EMAIL) as rig:
        await rig.came(1)

        told = await rig.events("message.synced", "message.received")
        messages = [event.message for event in told if event.message]
        texts = [m.content.text for m in messages if isinstance(m.content, Email)]
        assert texts == ["one", "two", "I"]
        assert [m.source for m in messages] == ["history", "history", "platform"]
        first, second, strange = (m.conversation_id for m in messages)
        assert first == second != strange


async def answered(rig: MailRig, to: Message) -> dict[str, str]:
    """A person of ours answers a conversation; the headers of what is sent."""
    count = len(rig.office.sent)
    request = SendRequest(Text("We look."), conversation_id=to.conversation_id)
    await rig.gateway.submit(OPERATOR, request, None, "")
    await rig.until(lambda: len(rig.office.sent) > count)
    return dict(rig.office.sent[-1].mail.headers)


async def test_what_a_machine_writes_takes_no_thread_over_and_opens_nothing(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    channel = spec(address=ADDRESS, imap=SERVER, smtp=SERVER, sent_folder="")
    machine = "Auto-Submitted: auto-generated"
    async with open_mail_rig(tmp_path, office, plan(channel), adapter=EMAIL) as rig:
        office.deliver(mail("Message-ID: <form@a.example>", "Subject: Your form", machine))
        await rig.came(1)
        form = await message_of(rig, "form@a.example")
        sent = await answered(rig, form)
        assert (sent["Subject"], sent["In-Reply-To"]) == ("Re: Your form", "<form@a.example>")

        office.deliver(mail("Message-ID: <2@a.example>", "Subject: Re: Your form"))
        await rig.came(2)
        await rig.gateway.close_conversation(OPERATOR, form.conversation_id)
        office.deliver(mail("Message-ID: <away@a.example>", "Subject: I am away", machine))
        await rig.came(3)

        assert (await rig.gateway.conversation(OPERATOR, form.conversation_id)).closed_at
        sent = await answered(rig, form)
        assert (sent["Subject"], sent["In-Reply-To"]) == ("Re: Your form", "<2@a.example>")


async def test_what_was_long_there_is_answered_in_its_thread(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    office.deliver(mail("Message-ID: <1@a.example>", "Subject: Mugs"), at=int(START - 9 * DAY_S))
    office.deliver(
        mail("Message-ID: <2@a.example>", "Subject: Re: Mugs", "In-Reply-To: <1@a.example>"),
        at=int(START - 8 * DAY_S),
    )
    channel = spec(address=ADDRESS, imap=SERVER, smtp=SERVER, sent_folder="")
    async with open_mail_rig(tmp_path, office, plan(channel), adapter=EMAIL) as rig:
        await rig.until(lambda: len(office.folders["INBOX"]) == 0)
        first, second = [e.message for e in await rig.events("message.synced") if e.message]

        assert second.reply_to == first.id
        assert second.notes is not None
        assert second.notes["trust"] == "unverified"
        sent = await answered(rig, second)
        assert (sent["Subject"], sent["In-Reply-To"]) == ("Re: Mugs", "<2@a.example>")


async def test_what_a_server_puts_in_a_mails_place_is_no_mail(
    rig: MailRig, clock: MockClock
) -> None:
    subject = "Subject: Retrieval using the IMAP4 protocol failed for the following\n message: 522"
    body = "The server couldn't retrieve the following message:\n\nFrom: Ada"
    rig.office.deliver(mail(subject, sender="Microsoft Exchange Server 2010", body=body))
    rig.office.deliver(mail("Message-ID: <fw@a.example>", subject))  # a person asks what it means
    await rig.came(1)

    assert await rig.received() == ["fw@a.example"]
    assert [len(rig.office.folders[name]) for name in ("INBOX", "Failed", "Processed")] == [0, 1, 1]
    [event] = await rig.events("channel.reported")
    told: Any = event.detail
    assert "can be read in Outlook" in told["detail"]["text"]
