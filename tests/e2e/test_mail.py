"""Mail over real servers: what people write comes in, and what is answered arrives and threads."""

import hashlib
import subprocess
import time
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import httpx
import pytest

from omni_actors.policy.signing import mail_signature
from tests.e2e.kit import eventually
from tests.e2e.post import HOOK_SECRET, Desk, Office, Post, letter, open_office, text, text_of
from tests.support.dovecot import UNKNOWN

SIZE_MAX = 200_000
SMALL = f"size_max = {SIZE_MAX}"
BELIEVING = 'authserv_id = "mx.example.test"'
DESKS = (
    Desk("support"),
    Desk("verp", bot=False, more="verp = true"),
    Desk("quiet", bot=False),
    Desk("strict", bot=False, more=BELIEVING),
    Desk("twins"),
    Desk("left"),
    Desk("right"),
    Desk("rough", bot=False, more=SMALL),
    Desk("files"),
    Desk("hooked"),
    Desk("shared", bot=False),
)


@pytest.fixture(scope="module")
def office(post: Post, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office"), post, *DESKS) as opened:
        for desk in DESKS:
            opened.until_channel(desk.name, state="active", mailbox="waiting")
        yield opened


def at(name: str) -> str:
    return f"{name}@example.test"


# ------------------------------------------------------------ threads


def test_an_answer_threads_and_a_reply_to_it_is_known_by_its_token(
    office: Office, post: Post
) -> None:
    ada = at("ada")
    first = post.writes(f"Ada <{ada}>", at("support"), "Where is it?", Subject="My order")
    [answer] = post.until(ada)
    [asked] = office.received("support")

    assert asked["external_id"] == first
    assert text_of(answer) == "Where is it?"
    assert answer["Subject"] == "Re: My order"
    assert answer["In-Reply-To"] == f"<{first}>"
    assert f"<{first}>" in answer["References"]
    assert parseaddr(answer["From"])[1] == at("support")
    token = str(answer["Message-ID"]).removeprefix("<c.").partition("@")[0]
    reply_to = parseaddr(answer["Reply-To"])[1]
    assert reply_to == f"support+c.{token}@example.test"

    # Her program breaks the thread: only the address tells.
    post.writes(ada, reply_to, "It came!", Subject="Something else")
    reply = office.received("support", 2)[1]

    [sent] = [each for each in messages(office, asked) if each["direction"] == "outbound"][:1]
    assert reply["conversation_id"] == asked["conversation_id"]
    assert reply["reply_to"]["message_id"] == sent["id"]
    assert reply["notes"]["thread"]["rule"] == "reply_token"
    assert [text_of(mail) for mail in post.until(ada, 2)] == ["Where is it?", "It came!"]
    assert [text_of(mail) for mail in post.until(at("support"), 2, "Sent")] == [
        "Where is it?",
        "It came!",
    ]
    assert post.until(at("support"), 2, "Processed")
    assert post.raws(at("support")) == []


def messages(office: Office, like: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a conversation."""
    path = f"/v1/conversations/{like['conversation_id']}/messages"
    found: list[dict[str, Any]] = office.get(path)["items"]
    return found


def test_a_reply_without_the_token_is_known_by_what_it_refers_to(
    office: Office, post: Post
) -> None:
    bob = at("bob")
    sent = office.send("quiet", bob, "Your order is ready")
    [mail] = post.until(bob)

    post.writes(bob, at("quiet"), "Thanks", Subject="Re: Y", In_Reply_To=str(mail["Message-ID"]))

    reply = office.heard("quiet", "Thanks")
    assert reply["reply_to"]["message_id"] == sent
    assert reply["notes"]["thread"]["rule"] == "in_reply_to"


def test_references_that_a_stranger_names_lead_nowhere(office: Office, post: Post) -> None:
    carol, mallory = at("carol"), at("mallory")
    secret = post.writes(carol, at("quiet"), "my secret")
    known = office.heard("quiet", "my secret")

    post.writes(mallory, at("quiet"), "me too", References=f"<{secret}>", Subject="Re: Hello")
    strange = office.heard("quiet", "me too")
    assert strange["conversation_id"] != known["conversation_id"]
    assert (strange["reply_to"] or {}).get("message_id") is None
    assert strange["notes"]["thread"]["other"] is True


# ------------------------------------------------------------ bounces


@pytest.mark.parametrize("desk", ["verp", "quiet"])
def test_a_mail_to_nobody_is_failed_within_seconds(office: Office, post: Post, desk: str) -> None:
    sent = office.send(desk, UNKNOWN, "Is anybody there?")

    failed = office.until_status(sent, "failed")

    [part] = failed["parts"]
    assert failed["reason"]["code"] == "recipient_invalid"
    assert part["reason"]["raw"]["code"] == "5.1.1"


def test_a_refusal_while_it_is_handed_over_fails_at_once(office: Office) -> None:
    sent = office.send("quiet", at("nope"), "Is anybody there?")

    failed = office.until_status(sent, "failed")

    assert failed["reason"]["code"] == "recipient_invalid"


def test_a_bounce_that_proves_nothing_changes_nothing(office: Office, post: Post) -> None:
    dan = at("dan")
    sent = office.send("quiet", dan, "Good morning")
    [mail] = post.until(dan)
    own_id = str(mail["Message-ID"])
    forged = own_id.replace("<c.", "<c.00")
    for number, named in enumerate([forged, "<other@example.test>"]):
        post.sends(bounce(named, dan, f"bounce {number}"), at("quiet"), "")

    post.writes(dan, at("quiet"), "still here")
    office.heard("quiet", "still here")

    assert office.message(sent)["status"] == "sent"


def bounce(message_id: str, recipient: str, subject: str) -> bytes:
    """What a mail server would say of a mail that it could not deliver."""
    return BOUNCE.format(message_id=message_id, recipient=recipient, subject=subject).encode()


BOUNCE = """\
From: MAILER-DAEMON@elsewhere.test
To: quiet@example.test
Subject: {subject}
Message-ID: <{subject}@elsewhere.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; elsewhere.test

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: {message_id}
Subject: x

--b--
"""


# ------------------------------------------------------------ trust


CLAIM = "mx.example.test; dmarc=pass header.from=example.test; dkim=pass header.d=example.test"


@pytest.mark.parametrize(
    ("desk", "found", "trust"),
    [
        ("strict", "dmarc=pass header.from=example.test", "verified"),
        ("strict", "dmarc=fail header.from=example.test", "failed"),
        ("strict", "spf=none", "unverified"),
        ("quiet", "dmarc=pass header.from=example.test", "unverified"),
    ],
)
def test_who_wrote_is_for_our_server_to_say_and_not_for_the_sender(
    office: Office, post: Post, desk: str, found: str, trust: str
) -> None:
    result = f"PREPEND Authentication-Results: mx.example.test; {found}"
    post.keeper.says.setdefault(at(desk), []).append(result)
    words = f"{desk} {found}"

    post.writes(at("eve"), at(desk), words, Authentication_Results=CLAIM)

    assert office.heard(desk, words)["notes"]["trust"] == trust


# ------------------------------------------------------------ machines


def test_two_bots_end_after_one_answer(office: Office, post: Post) -> None:
    office.send("left", at("right"), "Hello bot", author={"type": "human"})
    [heard] = office.received("right")
    [back] = office.received("left")

    time.sleep(1.5)

    assert text(heard) == text(back) == "Hello bot"
    assert back["notes"]["automatic"] is True
    assert len(office.received("right")) == len(office.received("left")) == 1


# ------------------------------------------------------------ awkward mails


def test_one_message_id_with_two_contents_are_two_mails(office: Office, post: Post) -> None:
    ids = {"Message_ID": "<again-and-again@elsewhere.test>"}
    for words in ("first", "second", "first"):
        post.writes(at("flo"), at("twins"), words, Date="Thu, 26 Nov 2026 10:00:00 +0000", **ids)

    assert sorted(text(each) for each in office.received("twins", 2)) == ["first", "second"]
    assert sorted(text_of(mail) for mail in post.until(at("flo"), 2)) == ["first", "second"]
    assert post.until(at("twins"), 3, "Processed")
    assert len(office.received("twins", 2)) == 2


def test_mails_that_cannot_be_taken_stop_no_other(office: Office, post: Post) -> None:
    nobody = b"Subject: nobody's\r\nMessage-ID: <n@elsewhere.test>\r\n\r\nwho am I?\r\n"
    rubbish = bytes(range(256)) * 20 + b"\r\n"
    large = letter(at("gus"), at("rough"), "x" * 70 + "\n" * 2, Subject="large")
    large.add_attachment(b"\0" * SIZE_MAX, maintype="application", subtype="octet-stream")
    post.dovecot.deliver(at("rough"), nobody, rubbish)
    post.sends(large, at("rough"))
    post.writes(at("gus"), at("rough"), "a good one")

    found = office.received("rough", 2)

    assert {each["content"]["type"] for each in found} == {"unsupported", "email"}
    [told] = [each for each in found if each["content"]["type"] == "unsupported"]
    assert told["notes"]["too_large"]["size"] > SIZE_MAX
    assert "a good one" in [text(each) for each in found]
    assert "large" in [str(mail["Subject"]) for mail in post.until(at("rough"), 1, "Failed")]
    assert eventually(lambda: not post.raws(at("rough")))
    assert [each["detail"]["reason"] for each in office.events("unsupported", desk="rough")] == [
        "the mail has no From"
    ] * 2
    assert office.channel("rough")["health"]["status"] == "ok"


def test_a_mailbox_that_others_work_in_too(office: Office, post: Post) -> None:
    shared = at("shared")
    with post.client(shared) as other:
        other.create_folder("Elsewhere")
        other.select_folder("INBOX")
        for number in range(12):
            post.dovecot.deliver(shared, letter(at("hal"), shared, f"mail {number}").as_bytes())
            other.noop()
            uids = other.search()
            if uids and number % 3 == 1:
                other.move(uids[-1:], "Elsewhere")
            elif uids and number % 3 == 2:
                other.delete_messages(uids[-1:])
                other.expunge()
    post.dovecot.deliver(shared, letter(at("hal"), shared, "the last one").as_bytes())
    office.heard("shared", "the last one")
    told = [text(each) for each in office.received("shared")]
    kept = [text_of(mail) for mail in post.mails(shared, "Processed")]
    assert len(told) == len(set(told))
    assert set(kept) <= set(told)
    assert office.channel("shared")["health"]["status"] == "ok"


# ------------------------------------------------------------ files


def test_attachments_come_back_byte_for_byte_and_as_files(office: Office, post: Post) -> None:
    content = hashlib.sha256(b"seed").digest() * 5000
    mail = letter(at("ivy"), at("files"), "two files")
    mail.add_attachment(content, maintype="application", subtype="pdf", filename="größe.pdf")
    mail.add_attachment(b"a,b\r\n1,2\r\n", maintype="text", subtype="csv", filename="t.csv")
    post.sends(mail, at("files"), at("ivy"))

    [message] = office.received("files")
    answers = post.until(at("ivy"), 3)

    files = message["content"]["attachments"]
    assert [file["filename"] for file in files] == ["größe.pdf", "t.csv"]
    got = [office.call("GET", f"/v1/media/{file['media_id']}").content for file in files]
    assert got == [content, b"a,b\r\n1,2\r\n"]
    assert text_of(answers[0]) == "two files"
    sent = {
        part.get_filename(): part.get_content() for m in answers for part in m.iter_attachments()
    }
    assert sent["größe.pdf"] == content


# ------------------------------------------------------------ by hook


def hook_headers(raw: bytes, secret: str = HOOK_SECRET) -> dict[str, str]:
    now = str(int(time.time()))
    return {"X-Omni-Timestamp": now, "X-Omni-Signature": mail_signature(secret, now, raw)}


def test_a_mail_that_is_handed_over_is_answered_once(office: Office, post: Post) -> None:
    raw = letter(at("jon"), at("hooked"), "by hook").as_bytes()
    url = f"{office.url}/webhooks/mail"

    codes = [httpx.post(url, content=raw, headers=hook_headers(raw)).status_code for _ in (1, 2)]
    refused = httpx.post(url, content=raw, headers=hook_headers(raw, "another secret, as long"))
    post.sends(raw, at("hooked"))

    assert (codes, refused.status_code) == ([200, 200], 403)
    assert [text_of(mail) for mail in post.until(at("jon"))] == ["by hook"]
    assert post.until(at("hooked"), 1, "Processed")
    assert len(office.received("hooked")) == 1
    assert len(post.raws(at("jon"))) == 1


@pytest.mark.parametrize(("page", "begins"), [("configuration", "now="), ("email", "#!/bin/sh")])
def test_the_examples_of_the_docs_hand_a_mail_over(
    office: Office, post: Post, tmp_path: Path, page: str, begins: str
) -> None:
    raw = letter(at(page), at("hooked"), "by curl").as_bytes()
    (tmp_path / "mail.eml").write_bytes(raw)
    (tmp_path / "secret").write_text(HOOK_SECRET + "\n")
    docs = Path(f"docs/{page}.md").read_text("utf-8")
    [script] = [each for each in docs.split("```sh\n") if each.startswith(begins)]
    script = script.partition("```")[0].replace("/etc/postfix/to-gateway.secret", "secret")

    handed = subprocess.run(
        ["sh", "-euc", script.replace("https://gateway.example.com", office.url)],
        cwd=tmp_path,
        input=raw,
        env={"PATH": "/usr/bin:/bin", "SECRET": HOOK_SECRET, "URL": office.url},
        capture_output=True,
    )

    assert (handed.returncode, handed.stderr) == (0, b"") or b"% Total" in handed.stderr
    assert [text_of(mail) for mail in post.until(at(page))] == ["by curl"]
