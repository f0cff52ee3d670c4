"""Customers write, answer, and cannot be reached; and what goes wrong on request."""

import smtplib
from contextlib import suppress
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
import trio

from tests.sandbox.email.conftest import ADA, CRLF, SUPPORT, Post, aside, letter
from tests.sandbox.email.test_imap import asked, opened


async def inbox(post: Post, user: str = SUPPORT) -> "list[Message[str, str]]":
    """Every mail in an INBOX, oldest first."""

    def ask(client: Any) -> Any:
        client.select_folder("INBOX", readonly=True)
        found = client.search()
        return client.fetch(found, ["BODY.PEEK[]"]) if found else {}

    mails = await asked(post, ask, user)
    return [message_from_bytes(mails[uid][b"BODY[]"]) for uid in sorted(mails)]


async def submit(post: Post, to: str, **options: Any) -> None:
    await post.send(letter(To=to), to, **options)


# ---------------------------------------------------------------- customers


async def test_an_answer_threads_and_quotes_as_a_program_does(post: Post) -> None:
    await post.send(letter("Your order", "Which size?", Reply_To="support+c.tok@example.com"))

    await post.write({"reply": True, "text": "Large", "html": "<p>Large</p>"})

    (mail,) = await inbox(post)
    assert mail["subject"] == "Re: Your order"
    assert mail["in-reply-to"] == mail["references"] == "<one@example.com>"
    assert mail["to"] == mail["delivered-to"] == "support+c.tok@example.com"
    parts = [part for part in mail.walk() if not part.is_multipart()]
    text, html = (bytes(part.get_payload(decode=True)).decode() for part in parts)
    assert text.startswith("Large\r\n\r\nOn Mon, 21 Sep 2026")
    assert "> Which size?" in text
    assert '<blockquote class="gmail_quote"' in html


async def test_an_answer_to_an_earlier_mail_names_it(post: Post) -> None:
    for name in ("one", "two"):
        await post.send(letter(name, Message_ID=f"<{name}@example.com>"))

    await post.write({"in_reply_to": "one@example.com", "text": "Yes", "quote": False})

    (mail,) = await inbox(post)
    assert (mail["subject"], mail["in-reply-to"]) == ("Re: one", "<one@example.com>")
    assert mail.get_payload() == "Yes\r\n"


async def test_a_whole_mail_is_delivered_as_it_is(post: Post) -> None:
    told = await post.write({"raw": "Message-ID: <x@y.z>\nFrom: a@b.c\n\nodd", "copies": 2})

    assert told == {"id": "x@y.z"}
    assert [mail["message-id"] for mail in await inbox(post)] == ["<x@y.z>"] * 2


async def test_what_pretends_to_be_of_our_server_is_taken_away(post: Post) -> None:
    forged = "mx.example.com; dmarc=pass header.from=example.org"
    await post.write({
        "text": "-", "checked": "fail",
        "headers": {"Authentication-Results": forged, "Return-Path": "<boss@example.com>"},
    })  # fmt: skip

    (mail,) = await inbox(post)
    (results,) = mail.get_all("authentication-results", [])
    assert "dmarc=fail" in results
    assert mail.get_all("return-path") == [f"<{ADA}>"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"from": "ada"}, "`from` must be a mail address"),
        ({"from": SUPPORT, "text": "-"}, "must be a customer"),
        ({"to": "boss@example.com", "text": "-"}, "none of the accounts"),
        ({"colour": "red"}, "Unexpected key"),
        ({"text": 5}, "must be a string"),
        ({"reply": True, "text": "-"}, "no mail yet"),
        ({"in_reply_to": "x@y", "text": "-"}, "no mail with the id x@y"),
        ({"attachments": [{"content_base64": "?"}]}, "must be base64"),
        ({"headers": {"X-A": "a\r\nb"}}, "makes no mail"),
        ({"headers": ["X"]}, "`headers` must be"),
        ({"checked": "perhaps"}, "must be one of"),
        ({"text": "-", "redeliver": 2}, "no hook"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(
    post: Post, document: dict[str, Any], why: str
) -> None:
    told = await post.write(document, status=400)

    assert why in told["error"]
    assert await inbox(post) == []


@pytest.mark.parametrize(
    ("method", "verb", "body"),
    [
        ("PUT", "hook", {"url": "http://127.0.0.1:1/x"}),
        ("POST", "handshake", {}),
        ("POST", "templates", {}),
        ("PUT", "limits", {"per_second": 1}),
        ("POST", "standing", {"linked": True}),
    ],
)
async def test_what_mail_does_not_have_is_refused(
    post: Post, method: str, verb: str, body: dict[str, Any]
) -> None:
    url = f"/sandbox/email/{SUPPORT}/{verb}"

    answer = await post.client.request(method, url, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_further_account_has_a_mailbox_of_its_own(post: Post) -> None:
    account = {"address": "sales@example.com", "password": "secret"}
    answer = await post.client.post("/sandbox/email/accounts", json=account)
    assert answer.json() == {"channel_key": "sales@example.com"}

    url = "/sandbox/email/sales@example.com/inbound"
    await post.client.post(url, json={"from": ADA, "text": "-"})

    def work() -> int:
        with opened(post, "sales@example.com", "secret") as client:
            exists: int = client.select_folder("INBOX")[b"EXISTS"]
            return exists

    assert await aside(work) == 1
    assert await inbox(post) == []


async def test_a_reset_empties_every_mailbox(post: Post) -> None:
    await post.write({"text": "-"})

    await post.client.post("/sandbox/reset")

    assert await inbox(post) == []


# ---------------------------------------------------------------- what comes back


def report_of(mail: "Message[str, str]") -> dict[str, str]:
    """The fields of a delivery report, those of the mail and those of the person."""
    assert mail.get_content_type() == "multipart/report"
    (status,) = [p for p in mail.walk() if p.get_content_type() == "message/delivery-status"]
    blocks: Any = status.get_payload()
    return {name.lower(): value for block in blocks for name, value in block.items()}


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("nobody@example.org", "5.1.1"),
        ("full@example.org", "5.2.2"),
        ("blocked@example.org", "5.7.1"),
        ("ada@shop.invalid", "5.1.2"),
        ("boss@example.com", "5.1.1"),
    ],
)
async def test_a_mail_to_nobody_comes_back_as_a_report(post: Post, to: str, status: str) -> None:
    await submit(post, to, mail_options=["ENVID=a+2Bb", "RET=HDRS"])

    (mail,) = await inbox(post)
    told = report_of(mail)
    assert (told["action"], told["status"]) == ("failed", status)
    assert told["original-envelope-id"] == "a+b"
    assert told["final-recipient"] == f"rfc822; {to}"
    assert (mail["return-path"], mail["auto-submitted"]) == ("<>", "auto-replied")
    assert [part for part in mail.walk()][-1].get_content_type() == "text/rfc822-headers"
    assert "Message-ID: <one@example.com>" in mail.as_string()
    assert await post.outbox() == []


@pytest.mark.parametrize(
    ("notify", "action"), [("NEVER", None), ("SUCCESS", None), ("FAILURE,DELAY", "failed")]
)
async def test_only_what_the_sender_wants_to_hear_is_reported(
    post: Post, notify: str, action: str | None
) -> None:
    await submit(post, "nobody@example.org", rcpt_options=[f"NOTIFY={notify}"])

    assert [report_of(mail)["action"] for mail in await inbox(post)] == ([action] if action else [])


async def test_a_delivery_is_reported_where_that_is_wanted(post: Post) -> None:
    await submit(post, ADA, rcpt_options=["NOTIFY=SUCCESS,FAILURE"])

    (mail,) = await inbox(post)
    assert report_of(mail)["action"] == "delivered"
    assert len(await post.outbox()) == 1


async def test_a_customers_mails_come_back_while_they_are_told_to(post: Post) -> None:
    for bounces in ("5.2.2 Over quota", None):
        answer = await post.client.post(
            "/sandbox/email/customers", json={"address": ADA, "bounces": bounces}
        )
        assert answer.json()["bounces"] == bounces
        await submit(post, ADA)

    (mail,) = await inbox(post)
    assert report_of(mail)["diagnostic-code"] == "smtp; 550 5.2.2 Over quota"
    assert len(await post.outbox()) == 1


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "data", "end"])
async def test_each_stage_refuses_when_it_is_told_to(post: Post, stage: str) -> None:
    # The client tries a login by its two ways.
    count = 2 if stage == "auth" else 1
    rule = {"code": 451, "text": "4.7.1 Later", "match": {"type": stage}}
    await post.fault(kind="refuse", count=count, **rule)

    with pytest.raises(smtplib.SMTPException) as refused:
        await post.send(letter())
    assert "451" in str(refused.value)
    assert "4.7.1 Later" in str(refused.value)

    assert await post.send(letter()) == {}
    assert len(await post.outbox()) == 1


async def test_a_refusal_may_be_for_one_person(post: Post) -> None:
    await post.fault(kind="refuse", code=550, match={"to": "eve@example.org"})

    def work() -> Any:
        with post.smtp() as client:
            return client.sendmail(
                SUPPORT, [ADA, "eve@example.org"], letter().as_bytes(policy=CRLF)
            )

    assert (await aside(work)).keys() == {"eve@example.org"}


async def test_an_answer_is_lost_behind_the_final_dot(post: Post) -> None:
    await post.fault(kind="drop_answer", match={"call": "smtp", "type": "end"})

    with pytest.raises(smtplib.SMTPServerDisconnected):
        await post.send(letter())

    assert len(await post.outbox()) == 1


async def test_a_mail_is_lost_with_its_connection(post: Post) -> None:
    await post.fault(kind="drop_request", match={"call": "smtp", "type": "end"})

    with pytest.raises(smtplib.SMTPServerDisconnected):
        await post.send(letter())

    assert await post.outbox() == []


async def test_one_mail_comes_back(post: Post) -> None:
    await post.fault(kind="bounce", text="5.7.1 Not today", match={"to": ADA})

    await submit(post, ADA)

    (mail,) = await inbox(post)
    assert report_of(mail)["status"] == "5.7.1"


async def test_a_credential_expires_for_both_servers(post: Post) -> None:
    for call, count in (("smtp", 2), ("imap", 1)):
        await post.fault(kind="expire_token", count=count, match={"call": call})

    with pytest.raises(smtplib.SMTPAuthenticationError):
        await post.send(letter())
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        await inbox(post)

    assert await inbox(post) == []


async def test_a_command_of_imap_is_refused(post: Post) -> None:
    await post.fault(
        kind="refuse", text="[SERVERBUG] Oops", match={"call": "imap", "type": "select"}
    )

    with pytest.raises(Exception, match="Oops"):
        await asked(post, lambda client: client.select_folder("INBOX"))


@pytest.mark.parametrize("rule", [{"code": 250}, {"text": "a\r\nb"}, {"text": 5}])
async def test_a_wrong_rule_is_refused(post: Post, rule: dict[str, Any]) -> None:
    answer = await post.client.post("/sandbox/faults", json={"kind": "refuse", **rule})

    assert answer.status_code == 400


# ---------------------------------------------------------------- clients that misbehave


@pytest.mark.slow
@pytest.mark.parametrize("door", ["smtp", "imap"])
@pytest.mark.parametrize(
    "said",
    [
        b"\r\n" * 50,
        b"\xff\xfe\x00\r\n",
        b"x" * 100_000,
        b"EHLO me\r\nAUTH PLAIN ????\r\nAUTH XOAUTH2 AAAA\r\n",
        b"EHLO me\r\nAUTH LOGIN\r\n*\r\nMAIL\r\nRCPT\r\nDATA x\r\n",
        b"a LOGIN {99999999}\r\n",
        b"a LOGIN {99999999+}\r\n",
        b"a LOGIN (((((((((((((((((((((((((((((\r\n",
        b'a LOGIN "open\r\nb SELECT INBOX\r\nc FETCH\r\nd UID\r\n',
        b"a LOGIN ada@example.org x\r\nb SELECT INBOX\r\nc FETCH 1:* BODY[\r\n"
        b'd UID FETCH 0 (BODY[1.MIME)\r\ne SEARCH OR\r\nf STORE 1 FLAGS ("a b")\r\n'
        b"g IDLE\r\nNOT DONE\r\nh STATUS INBOX (WRONG)\r\ni APPEND INBOX (x) {3+}\r\nabc\r\n",
    ],
)
async def test_nonsense_is_answered_or_hung_up_on(
    post: Post, door: str, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", post.port(door))
    async with stream:
        with trio.move_on_after(0.2), suppress(trio.BrokenResourceError):
            await stream.send_all(said)
            await stream.send_eof()
            while await stream.receive_some():
                pass

    assert await inbox(post) == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
