"""Python's own IMAP client, and IMAPClient, against the sandbox's server."""

import imaplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import trio
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from tests.sandbox.email.conftest import ADA, PASSWORD, SUPPORT, Post, aside, letter


@contextmanager
def opened(post: Post, user: str = SUPPORT, password: str = PASSWORD) -> Iterator[Any]:
    """Somebody else's IMAP client, logged in; for a thread."""
    client = IMAPClient("127.0.0.1", post.port("imap"), ssl=False, timeout=SocketTimeout(10, 10))
    try:
        client.login(user, password)
        yield client
    finally:
        client.shutdown()


async def asked(post: Post, ask: Callable[[Any], Any], user: str = SUPPORT) -> Any:
    """What a client finds out."""

    def work() -> Any:
        with opened(post, user) as client:
            return ask(client)

    return await aside(work)


async def test_a_customers_mail_lies_in_the_inbox_as_a_provider_puts_it(post: Post) -> None:
    written = await post.write({
        "name": "Ada", "subject": "Tea", "text": "Do you have Assam?",
        "to": "support+c.token@example.com",
    })  # fmt: skip

    def ask(client: Any) -> Any:
        assert client.select_folder("INBOX")[b"EXISTS"] == 1
        (uid,) = client.search("ALL")
        wanted = ["BODY.PEEK[]", "ENVELOPE", "FLAGS", "INTERNALDATE", "RFC822.SIZE"]
        return client.fetch([uid], wanted)[uid]

    mail = await asked(post, ask)
    raw = mail[b"BODY[]"]
    assert len(raw) == mail[b"RFC822.SIZE"]
    assert mail[b"FLAGS"] == ()
    envelope = mail[b"ENVELOPE"]
    assert envelope.subject == b"Tea"
    assert envelope.message_id.decode() == f"<{written['id']}>"
    assert (envelope.from_[0].name, envelope.from_[0].mailbox) == (b"Ada", b"ada")
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"Delivered-To: support+c.token@example.com\r\n" in head
    assert b"Return-Path: <ada@example.org>\r\n" in head
    assert b"Authentication-Results: mx.example.com;" in head
    assert b"dmarc=pass header.from=example.org" in head
    assert head.index(b"Received: ") < head.index(b"From: ")


async def test_a_customers_mailbox_opens_with_any_password_and_shows_what_was_sent(
    post: Post,
) -> None:
    await post.send(letter())

    def ask(client: Any) -> Any:
        client.select_folder("INBOX", readonly=True)
        (uid,) = client.search(["FROM", SUPPORT])
        return client.fetch([uid], ["BODY[TEXT]", "BODYSTRUCTURE", "BODY[HEADER.FIELDS (SUBJECT)]"])

    mail = next(iter((await asked(post, ask, ADA)).values()))
    assert mail[b"BODY[TEXT]"] == b"Good morning\r\n"
    assert mail[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: Hello\r\n\r\n"
    assert mail[b"BODYSTRUCTURE"][:2] == (b"TEXT", b"PLAIN")


async def test_parts_of_a_mail_are_those_that_were_attached(post: Post) -> None:
    file = {"filename": "tea.pdf", "mime_type": "application/pdf", "content_base64": "JVBERg=="}
    await post.write({"text": "See", "html": "<b>See</b>", "attachments": [file]})

    def ask(client: Any) -> Any:
        client.select_folder("INBOX", readonly=True)
        wanted = ["BODYSTRUCTURE", "BODY.PEEK[2]", "BODY.PEEK[1.2]", "BODY.PEEK[2.MIME]"]
        return client.fetch(client.search(), [*wanted, "BODY.PEEK[1.1]<1.2>"])

    mail = next(iter((await asked(post, ask)).values()))
    assert mail[b"BODY[2]"].strip() == b"JVBERg=="
    assert mail[b"BODY[1.2]"].strip() == b"<b>See</b>"
    assert mail[b"BODY[1.1]<1>"] == b"ee"
    assert b'filename="tea.pdf"' in mail[b"BODY[2.MIME]"]
    inner, file_part = mail[b"BODYSTRUCTURE"][0]
    assert mail[b"BODYSTRUCTURE"].is_multipart
    assert inner[1] == b"ALTERNATIVE"
    assert file_part[:2] == (b"APPLICATION", b"PDF")


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (["ALL"], 2), (["SUBJECT", "tea"], 1), (["NOT", "SUBJECT", "tea"], 1),
        (["OR", "SUBJECT", "tea", "SUBJECT", "coffee"], 2), (["TEXT", "assam"], 1),
        (["UNSEEN"], 2), (["SEEN"], 0), (["LARGER", 100_000], 0), (["SMALLER", 100_000], 2),
        (["SINCE", date(2026, 1, 1)], 2), (["BEFORE", date(2026, 1, 1)], 0),
        (["HEADER", "Subject", "coffee"], 1), (["UID", "2:*"], 1), (["UID", "9:*"], 1),
        (["FROM", ADA, "TO", SUPPORT], 2),
    ],
)  # fmt: skip
async def test_mails_are_found(post: Post, criteria: list[Any], found: int) -> None:
    await post.write({"subject": "Tea", "text": "Assam"})
    await post.write({"subject": "Coffee", "text": "Java"})

    def ask(client: Any) -> Any:
        client.select_folder("INBOX", readonly=True)
        return client.search(criteria)

    assert len(await asked(post, ask)) == found


@pytest.mark.slow
async def test_mails_are_flagged_copied_moved_and_removed(post: Post) -> None:
    for subject in ("one", "two", "three"):
        await post.write({"subject": subject, "text": "-"})

    def ask(client: Any) -> Any:
        client.create_folder("Erledigt/Ä")
        client.select_folder("INBOX")
        one, two, three = client.search()
        client.add_flags([one], [b"\\Flagged", b"mine"])
        flags = client.get_flags([one])[one]
        client.copy([two], "Erledigt/Ä")
        client.move([one], "Erledigt/Ä")
        client.delete_messages([two])
        client.uid_expunge([three])
        before = client.search()
        client.expunge()
        told = client.folder_status("Erledigt/Ä", ["MESSAGES", "UIDNEXT", "UNSEEN"])
        return flags, len(before), len(client.search()), told

    flags, before, after, told = await asked(post, ask)
    assert set(flags) == {b"\\Flagged", b"mine"}
    assert (before, after) == (2, 1)
    assert told == {b"MESSAGES": 2, b"UIDNEXT": 3, b"UNSEEN": 2}


async def test_a_folder_that_is_not_there_is_to_be_made_first(post: Post) -> None:
    await post.write({"text": "-"})

    def ask(client: Any) -> str:
        client.select_folder("INBOX")
        with pytest.raises(IMAPClientError) as refused:
            client.move(client.search(), "Processed")
        return str(refused.value)

    assert "TRYCREATE" in await asked(post, ask)


async def test_folders_are_listed_with_what_they_are_for(post: Post) -> None:
    def ask(client: Any) -> Any:
        return client.list_folders(), client.find_special_folder(b"\\Sent"), client.namespace()

    listed, sent, _ = await asked(post, ask)
    names = {name for _, _, name in listed}
    assert names == {"INBOX", "Drafts", "Sent", "Junk", "Trash"}
    assert sent == "Sent"


@pytest.mark.slow
async def test_a_mail_is_appended_whatever_its_bytes(post: Post) -> None:
    raw = b"Subject: x\r\n\r\n" + bytes([*range(1, 10), *range(14, 256)]) + b"\r\n"

    def ask(client: Any) -> Any:
        client.append("Sent", raw, flags=[b"\\Seen"])
        client.select_folder("Sent")
        (uid,) = client.search(["HEADER", "Subject", "x"])
        return client.fetch([uid], ["RFC822", "FLAGS"])[uid]

    mail = await asked(post, ask)
    assert mail[b"RFC822"] == raw
    assert mail[b"FLAGS"] == (b"\\Seen",)


async def test_who_idles_is_told_of_new_mail(post: Post) -> None:
    idling = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def work() -> Any:
        with opened(post) as client:
            client.select_folder("INBOX")
            client.idle()
            token.run_sync_soon(idling.set)
            heard: list[Any] = []
            while not heard:
                heard = client.idle_check(timeout=10)
            client.idle_done()
            return heard, client.search()

    async with trio.open_nursery() as nursery:

        async def write() -> None:
            await idling.wait()
            await post.write({"text": "news"})

        nursery.start_soon(write)
        heard, found = await aside(work)

    assert (1, b"EXISTS") in heard
    assert len(found) == 1


async def test_the_other_client_reads_it_too(post: Post) -> None:
    await post.write({"subject": "Tea", "text": "Assam?"})

    def work() -> Any:
        with imaplib.IMAP4("127.0.0.1", post.port("imap"), timeout=10) as client:
            plain = f"\0{SUPPORT}\0{PASSWORD}".encode()
            client.authenticate("PLAIN", lambda _challenge: plain)
            client.select()
            data: Any = client.fetch("1", "(RFC822)")[1]
            _, flags = client.fetch("1", "(FLAGS)")
            client.store("1", "+FLAGS", "\\Deleted")
            removed = client.expunge()
            return data[0][1], flags, removed

    raw, flags, removed = await aside(work)
    assert raw.endswith(b"Assam?\r\n")
    assert b"\\Seen" in flags[0]
    assert removed == ("OK", [b"1"])


async def test_wrong_credentials_and_strangers_stay_outside(post: Post) -> None:
    def work() -> None:
        for user, password in ((SUPPORT, "wrong"), ("boss@example.com", "x"), (ADA, "")):
            with pytest.raises(LoginError), opened(post, user, password):
                pass

    await aside(work)


async def test_a_mailbox_that_is_numbered_anew_ends_its_sessions(post: Post) -> None:
    await post.write({"text": "-"})
    url = f"/sandbox/email/{SUPPORT}"

    def work() -> int:
        with opened(post) as client:
            before = client.select_folder("INBOX")[b"UIDVALIDITY"]
            trio.from_thread.run(post.client.post, f"{url}/renumber")
            with pytest.raises((IMAPClientAbortError, ConnectionError)):
                client.noop()
        with opened(post) as client:
            assert client.select_folder("INBOX")[b"UIDVALIDITY"] != before
            return len(client.search())

    assert await aside(work) == 1


async def test_another_credential_ends_the_sessions_of_the_old_one(post: Post) -> None:
    url = f"/sandbox/email/{SUPPORT}/token"

    def work() -> None:
        with opened(post) as client:
            trio.from_thread.run(lambda: post.client.put(url, json={"access_token": "new"}))
            with pytest.raises((IMAPClientAbortError, ConnectionError)):
                client.noop()
        with pytest.raises(LoginError), opened(post):
            pass
        with opened(post, password="new") as client:
            client.select_folder("INBOX")

    await aside(work)
