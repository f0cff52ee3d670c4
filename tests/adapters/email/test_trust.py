"""Whose word is taken for who wrote a mail."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.adapters.email.trust import read
from omni_actors.model.reports import Trust
from tests.adapters.email.meaning import ADDRESS, mail, received, reports

OUR = "mx.example.com"
IN = f"Received: from mail.mail.example (mail.mail.example [192.0.2.1]) by {OUR} with ESMTPS"
AWAY = "Received: from laptop by mail.mail.example with ESMTPSA"
PASS = f"Authentication-Results: {OUR}; dmarc=pass header.from=mail.example"


def trust(
    *headers: str,
    authserv_id: str | None = OUR,
    provider: Literal["plain", "gmail", "microsoft365"] = "plain",
    sender: str = "jane@mail.example",
) -> Trust | None:
    settings = EmailSettings(ADDRESS, provider=provider, authserv_id=authserv_id)
    return received(mail(*headers, sender=sender), settings).trust


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("dmarc=pass header.from=mail.example", Trust.VERIFIED),
        ("dmarc=pass (p=none dis=none) header.from=mail.example", Trust.VERIFIED),
        (
            "spf=fail smtp.mailfrom=x; dkim=none; dmarc=pass header.from=mail.example",
            Trust.VERIFIED,
        ),
        ("dmarc=pass header.from=other.example", Trust.UNVERIFIED),
        ("dkim=pass header.d=mail.example", Trust.VERIFIED),
        ('dkim=pass (2048-bit key; "x") header.i=@mail.example header.s=k', Trust.VERIFIED),
        ("dkim=pass header.d=example", Trust.UNVERIFIED),
        ("dkim=pass header.d=sub.mail.example", Trust.UNVERIFIED),
        ("dkim=pass header.d=othermail.example", Trust.UNVERIFIED),
        ("dkim=fail header.d=mail.example", Trust.UNVERIFIED),
        ("spf=pass smtp.mailfrom=jane@mail.example", Trust.UNVERIFIED),
        ("dmarc=fail header.from=mail.example", Trust.FAILED),
        ("dkim=pass header.d=mail.example; dmarc=fail header.from=mail.example", Trust.FAILED),
        ("dmarc=bestguesspass header.from=mail.example", Trust.UNVERIFIED),
        ("none", Trust.UNVERIFIED),
        ('reason="dmarc=pass header.from=mail.example"', Trust.UNVERIFIED),
        ("(dmarc=pass header.from=mail.example)", Trust.UNVERIFIED),
    ],
)
def test_what_our_own_server_says_counts(results: str, expected: Trust) -> None:
    assert trust(f"Authentication-Results: {OUR}; {results}", IN, AWAY) is expected


def test_a_part_of_a_domain_is_proved_by_the_signature_of_the_whole() -> None:
    header = f"Authentication-Results: {OUR} 1; dkim=pass header.d=mail.example"

    assert trust(header, IN, sender="jane@team.mail.example") is Trust.VERIFIED


@pytest.mark.parametrize(
    "headers",
    [
        (IN, AWAY, PASS),  # it came with the mail, from behind a strange server
        (f"Authentication-Results: {OUR}; dkim=none", IN, PASS, AWAY),  # below what ours has said
        ("Authentication-Results: mx.other.example; dmarc=pass header.from=mail.example", IN),
        ("Authentication-Results: dmarc=pass header.from=mail.example", IN),
        (f"X-Authentication-Results: {OUR}; dmarc=pass", IN),
        (f"ARC-Authentication-Results: i=1; {OUR}; dmarc=pass header.from=mail.example", IN),
    ],
)
def test_what_anybody_else_says_does_not(headers: tuple[str, ...]) -> None:
    assert trust(*headers) is Trust.UNVERIFIED


def test_without_a_server_that_is_named_nobody_is_believed() -> None:
    assert trust(PASS, IN, authserv_id=None) is Trust.UNVERIFIED
    assert received(mail(PASS, IN), None).trust is Trust.UNVERIFIED


def test_two_programs_of_ours_may_each_write_a_field() -> None:
    signed = f"Authentication-Results: {OUR}; dkim=pass header.d=other.example"
    local = "Received: from localhost by localhost with LMTP"

    assert trust(local, signed, PASS, IN, AWAY) is Trust.VERIFIED


@pytest.mark.parametrize(
    "sender",
    ["a@mail.example, b@mail.example", "a@mail.example\nFrom: b@mail.example"],
)
def test_who_is_named_twice_is_never_verified(sender: str) -> None:
    raw = mail(PASS, IN, "Sender: a@mail.example", sender=sender)
    found = reports(raw, EmailSettings(ADDRESS, authserv_id=OUR))

    assert Trust.VERIFIED not in [getattr(each, "trust", None) for each in found]


GMAIL = (
    "Delivered-To: support@example.com",
    "Received: by 2002:a05:6358:1 with SMTP id x; Thu, 26 Nov 2026 00:00:00 -0800",
    "Return-Path: <jane@mail.example>",
    "Received: from mail.mail.example (a. [192.0.2.1]) by mx.google.com with ESMTPS",
)


def test_gmail_writes_one_field_below_its_own_servers() -> None:
    good = "Authentication-Results: mx.google.com; dmarc=pass header.from=mail.example"
    none = "Authentication-Results: mx.google.com; spf=neutral"

    assert trust(*GMAIL, good, AWAY, authserv_id=None, provider="gmail") is Trust.VERIFIED
    assert trust(*GMAIL, none, good, AWAY, authserv_id=None, provider="gmail") is Trust.UNVERIFIED
    assert trust(*GMAIL, AWAY, good, authserv_id=None, provider="gmail") is Trust.UNVERIFIED


MICROSOFT = (
    "Received: from A.prod.outlook.com by B.eurprd01.prod.outlook.com with HTTPS",
    "Received: from C.protection.outlook.com by A.prod.outlook.com with HTTPS",
)
FRONT = "Received: from mail.mail.example (192.0.2.1) by C.protection.outlook.com with SMTP"


def test_microsoft_gives_its_results_no_name() -> None:
    good = (
        "Authentication-Results: spf=pass smtp.mailfrom=mail.example; dkim=none;dmarc=pass "
        "action=none header.from=mail.example;compauth=pass"
    )
    bad = (
        "Authentication-Results: spf=fail; dkim=none; dmarc=fail action=none "
        "header.from=mail.example"
    )

    def found(*headers: str) -> Trust | None:
        return trust(*headers, authserv_id=None, provider="microsoft365")

    assert found(*MICROSOFT, good, FRONT, AWAY) is Trust.VERIFIED
    assert found(*MICROSOFT, bad, FRONT, good) is Trust.FAILED
    assert found(*MICROSOFT, FRONT, AWAY, good) is Trust.UNVERIFIED


def test_what_was_checked_is_told() -> None:
    header = f"Authentication-Results: {OUR}; spf=pass; dkim=fail; dkim=pass header.d=x; dmarc=pass"
    notes = received(mail(header, IN), EmailSettings(ADDRESS, authserv_id=OUR)).notes

    assert notes is not None
    told = notes["email"]
    assert isinstance(told, dict)
    assert told["checks"] == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


@given(st.text(alphabet='ab.;=()" \\/1\t', max_size=200))
def test_any_text_is_a_field(text: str) -> None:
    server, results = read(text)

    assert server == server.strip()
    assert all(result.method for result in results)
