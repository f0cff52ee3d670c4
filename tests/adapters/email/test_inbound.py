"""Whole mails of many programs, languages and ages, as the reports that they become."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from omni_actors.adapters.email.inbound import document, parse
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.model.content import Email
from omni_actors.model.json import Json
from omni_actors.model.reports import Received, Trust, Unsupported
from tests.adapters.kit import shown

GOLDEN = Path(__file__).parent / "golden"
KEY, AT = "support@example.com", 1795690000.0


def told(raw: bytes) -> list[dict[str, object]]:
    reports = parse(document(raw, KEY, None, AT, sha256(raw).hexdigest()))
    return [shown(report) for report in reports]


@pytest.mark.parametrize("mail", sorted(GOLDEN.glob("*.eml")), ids=lambda path: path.stem)
def test_a_mail_becomes_what_it_says(mail: Path) -> None:
    expected = mail.with_suffix(".json")
    found = json.loads(json.dumps(told(mail.read_bytes())))
    if os.environ.get("REWRITE_GOLDEN"):
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")

    assert found == json.loads(expected.read_text())


@pytest.mark.parametrize("mail", sorted(GOLDEN.glob("*.eml")), ids=lambda path: path.stem)
def test_the_same_mail_with_other_line_ends_is_the_same(mail: Path) -> None:
    raw = mail.read_bytes()
    one = parse(document(raw, KEY, None, AT, "b"))
    two = parse(document(raw.replace(b"\n", b"\r\n"), KEY, None, AT, "b"))

    assert [report.event_key for report in one] == [report.event_key for report in two]


def received(raw: bytes, at: float = AT) -> Received:
    [report] = parse(document(raw, KEY, None, at, "b"))
    assert isinstance(report, Received)
    return report


def test_what_servers_add_on_the_way_changes_nothing() -> None:
    raw = (GOLDEN / "gmail_reply.eml").read_bytes()
    again = b"Received: from a by b\nX-Spam: no\nReturn-Path: <jane@mail.example>\n" + raw

    assert received(raw).event_key == received(again).event_key


def test_two_mails_with_one_message_id_are_two() -> None:
    head = b"From: a@mail.example\nMessage-ID: <same@mail.example>\n\n"

    assert received(head + b"one").event_key != received(head + b"two").event_key
    assert received(head + b"one").external_id == received(head + b"two").external_id


def test_mails_without_an_id_are_told_apart_by_when_they_were_sent() -> None:
    alarm = b"From: door@mail.example\nSubject: open\n\nopen"
    one, two = (b"Received: from door by mx; 10:0%d\n" % minute + alarm for minute in (1, 2))
    on_its_way = b"Received: from mx by store; 10:05\nX-Spam: no\n" + one

    assert received(one).event_key != received(two).event_key
    assert received(one).event_key == received(on_its_way).event_key


def test_a_mail_without_a_message_id_is_named_by_its_bytes() -> None:
    raw = b"From: a@mail.example\n\nx"

    assert received(raw).external_id == f"sha256:{sha256(raw).hexdigest()}"


@pytest.mark.parametrize("arrived", [AT, 0.0])
def test_the_time_is_that_of_the_arrival_whatever_the_mail_says(arrived: float) -> None:
    report = received(b"From: a@mail.example\nDate: Thu, 26 Nov 1998 10:00:00 +0100\n\nx", arrived)

    assert report.at == arrived  # 0: the house knows
    notes: Any = report.notes
    assert notes["email"]["written_at"] == 912070800.0


@pytest.mark.parametrize(
    ("header", "writer"),
    [
        ("X-Original-From: Ada <ada@mail.example>", "ada@mail.example"),
        ("Reply-To: Ada <ada@mail.example>, support@example.com", "ada@mail.example"),
        ("Reply-To: ada@mail.example, bob@mail.example", "support@example.com"),
        ("Reply-To: colleague@example.com", "support@example.com"),
    ],
)
def test_who_writes_through_a_list_of_ours_is_told_from_the_list(header: str, writer: str) -> None:
    fields = [
        "Authentication-Results: mx.example.com; dmarc=pass",
        "From: 'Ada' via Support <support@example.com>",
        "List-Id: <support.example.com>",
        header,
    ]
    raw = ("\n".join(fields) + "\n\nHello").encode()
    settings = EmailSettings("support@example.com", authserv_id="mx.example.com")
    [report] = parse(document(raw, KEY, settings, AT, "b"))

    assert isinstance(report, Received)
    assert report.identities[0].value == writer
    if writer != KEY:
        assert (report.name, report.trust) == ("Ada", Trust.UNVERIFIED)
    [stranger] = parse(document(raw.replace(b"List-Id", b"X-No-List"), KEY, settings, AT, "b"))
    assert stranger.identities[0].value == KEY


def test_the_media_stand_in_the_order_of_the_attachments() -> None:
    report = received((GOLDEN / "outlook_inline_picture.eml").read_bytes())

    assert isinstance(report.content, Email)
    assert [ref.filename for ref in report.media] == [
        file.filename for file in report.content.attachments
    ]


@pytest.mark.parametrize("raw", [b"", b"\0" * 100, b"From: \n\nx", b"\xff\xfe", b"GET / HTTP/1.1"])
def test_what_nobody_wrote_is_kept_whole_and_says_why(raw: bytes) -> None:
    [report] = parse(document(raw, KEY, None, AT, "b"))

    assert isinstance(report, Unsupported)
    assert (report.kind, report.channel_key, report.identities) == ("mail", KEY, ())
    assert report.reason in ("the mail has no From", "From names no address")
    assert report.event_key.startswith("mail:")


@pytest.mark.parametrize("document", [None, [], {}, {"raw": "text"}, {"raw": None, "at": "x"}])
def test_what_is_no_document_of_a_mail_costs_no_error(document: Json) -> None:
    [report] = parse(document)

    assert isinstance(report, Unsupported)
