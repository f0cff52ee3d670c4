"""Python's own SMTP client against the sandbox's server."""

import smtplib
from base64 import b64encode

import pytest

from tests.sandbox.email.conftest import ADA, PASSWORD, SUPPORT, Post, aside, letter


async def test_a_mail_of_the_business_is_in_the_customers_mailbox(post: Post) -> None:
    refused = await post.send(letter(text="Schöne Grüße"), mail_options=["BODY=8BITMIME"])

    assert refused == {}
    (shown,) = await post.outbox()
    assert (shown["to"], shown["id"]) == (ADA, "one@example.com")
    assert shown["subject"] == "Hello"
    assert shown["text"].strip() == "Schöne Grüße"


async def test_the_server_offers_what_a_submission_server_offers(post: Post) -> None:
    def work() -> dict[str, str]:
        with post.smtp() as client:
            return dict(client.esmtp_features)

    offered = await aside(work)

    wanted = {"pipelining", "size", "8bitmime", "dsn", "enhancedstatuscodes", "smtputf8", "auth"}
    assert wanted <= offered.keys()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2"])
@pytest.mark.parametrize("right", [True, False])
async def test_each_mechanism_lets_in_who_has_the_credential(
    post: Post, mechanism: str, right: bool
) -> None:
    def work() -> int:
        with smtplib.SMTP("127.0.0.1", post.port("smtp"), timeout=10) as client:
            client.ehlo()
            client.user = SUPPORT
            client.password = PASSWORD if right else "wrong"
            token = "sandbox-mail-token" if right else "wrong"
            text = f"user={SUPPORT}\1auth=Bearer {token}\1\1"
            says = {
                "PLAIN": client.auth_plain,
                "LOGIN": client.auth_login,
                "XOAUTH2": lambda challenge=None: text if challenge is None else "",
            }
            try:
                return client.auth(mechanism, says[mechanism])[0]
            except smtplib.SMTPAuthenticationError as refused:
                return refused.smtp_code

    assert await aside(work) == (235 if right else 535)


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["MAIL FROM:<support@example.com>"], 503),
        (["EHLO me", "MAIL FROM:<support@example.com>"], 530),
        (["EHLO me", "AUTH", "MAIL FROM:<boss@example.com>"], 553),
        (["EHLO me", "AUTH", "MAIL FROM:<support@example.com> SIZE=99999999"], 552),
        (["EHLO me", "AUTH", "MAIL FROM:<support@example.com> WRONG=1"], 555),
        (["EHLO me", "AUTH", "MAIL FROM:<support+b.1@example.com>"], 250),
        (["EHLO me", "AUTH", "RCPT TO:<ada@example.org>"], 503),
        (["EHLO me", "AUTH", "MAIL FROM:<support@example.com>", "RCPT TO:<ada>"], 553),
        (["EHLO me", "AUTH", "MAIL FROM:<support@example.com>", "DATA"], 554),
        (["EHLO me", "SEND"], 502),
    ],
)
async def test_what_comes_out_of_turn_is_refused(
    post: Post, commands: list[str], code: int
) -> None:
    plain = b64encode(f"\0{SUPPORT}\0{PASSWORD}".encode()).decode()

    def work() -> int:
        with smtplib.SMTP("127.0.0.1", post.port("smtp"), timeout=10) as client:
            for command in commands:
                said = f"AUTH PLAIN {plain}" if command == "AUTH" else command
                last = client.docmd(said)[0]
            return last

    assert await aside(work) == code


RAW = letter().as_bytes().replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (RAW.replace(b"Date: ", b"X-Date: "), b"header date is missing"),
        (RAW.replace(b"Message-ID: <one@example.com>", b"Message-ID: one"), b"Message-ID must be"),
        (RAW.replace(b"Subject: Hello", b"Subject: a\r\nSubject: b"), b"subject is there 2 times"),
        (RAW.replace(b"support@example.com>", b"boss@example.com>"), b"From must be support@"),
        (RAW.replace(b"Mon, 21 Sep 2026", b"Someday"), b"Date is no date"),
        (RAW + b"x" * 999 + b"\r\n", b"a line has 999 bytes"),
        (RAW + "ü\r\n".encode(), b"8-bit bytes"),
        (RAW.replace(b"MIME-Version: 1.0\r\n", b""), b"MIME-Version is missing"),
        (RAW.replace(b"To: ada", b"Bcc: eve@example.org\r\nTo: ada"), b"bcc must not be sent"),
        (
            RAW.replace(b"Subject", b"In-Reply-To: <a@b.c>\r\nReferences: <d@e.f>\r\nSubject"),
            b"References lacks the id",
        ),
        (
            RAW.replace(b'text/plain; charset="utf-8"', b"multipart/mixed; boundary=x"),
            b"multipart/mixed has",
        ),
    ],
)
async def test_a_mail_that_is_not_proper_is_refused_and_why(
    post: Post, raw: bytes, why: bytes
) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await post.send(raw)

    assert refused.value.smtp_code == 554
    assert why in refused.value.smtp_error
    assert await post.outbox() == []


async def test_a_mail_that_is_too_large_is_refused_and_the_session_goes_on(post: Post) -> None:
    answer = await post.client.put(f"/sandbox/email/{SUPPORT}/limits", json={"size_max": 2000})
    assert answer.status_code == 200

    def work() -> tuple[int, int]:
        with post.smtp() as client:
            client.mail(SUPPORT)
            client.rcpt(ADA)
            large = client.data(RAW + b"more\r\n" * 2000)[0]
            client.mail(SUPPORT)
            client.rcpt(ADA)
            return large, client.data(RAW)[0]

    assert await aside(work) == (552, 250)


async def test_dots_at_the_begin_of_lines_arrive_as_they_were(post: Post) -> None:
    await post.send(letter(text=".\n..two\n.one"))

    (shown,) = await post.outbox()
    assert shown["text"] == ".\n..two\n.one\n"


async def test_customers_write_with_any_password_but_only_as_themselves(post: Post) -> None:
    def work() -> int:
        with post.smtp(ADA, "anything") as client:
            client.sendmail(ADA, [SUPPORT], letter(From=ADA, To=SUPPORT).as_bytes())
            return client.mail("eve@example.org")[0]

    assert await aside(work) == 553
    stands = (await post.client.get(f"/sandbox/email/{SUPPORT}/standing")).json()
    assert stands["folders"]["INBOX"] == 1


async def test_nobody_is_at_the_business_but_its_accounts(post: Post) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await aside(lambda: post.smtp("boss@example.com", "anything"))


async def test_an_account_sends_no_more_mails_in_a_day_than_it_may(post: Post) -> None:
    limits = f"/sandbox/email/{SUPPORT}/limits"
    assert (await post.client.put(limits, json={"mails_per_day": 1})).status_code == 200
    await post.send(letter())

    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await post.send(letter())

    assert refused.value.smtp_code == 550
    assert b"5.4.5" in refused.value.smtp_error
    assert (await post.client.put(limits, json={"mails_per_day": None})).status_code == 200
    assert await post.send(letter()) == {}
