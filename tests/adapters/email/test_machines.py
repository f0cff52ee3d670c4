"""People and machines, as their mails tell them apart."""

import pytest

from omni_actors.adapters.email.machines import HOPS_MAX
from omni_actors.model.reports import Clue, StatusReported
from omni_actors.model.states import PartStatus
from tests.adapters.email.meaning import ADDRESS, OWN_ID, TOKEN, mail, received, reports


def kind_of(raw: bytes) -> object:
    report = received(raw)
    assert report.automatic is (report.opens_window is False)
    assert report.notes is not None
    told = report.notes["email"]
    assert isinstance(told, dict)
    assert report.automatic is (told["kind"] != "human")
    return told["kind"]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Auto-Submitted: auto-replied (vacation); owner-email=x", "auto_reply"),
        ("Auto-Submitted: auto-generated", "auto_generated"),
        ("Auto-Submitted: auto-notified", "auto_generated"),
        ("X-Autoreply: yes", "auto_reply"),
        ("X-Autorespond: yes", "auto_reply"),
        ("X-Autoresponder: x", "auto_reply"),
        ("X-Auto-Response-Suppress: All", "auto_generated"),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply", "auto_generated"),
        ("Precedence: auto_reply", "auto_reply"),
        ("Precedence: bulk", "auto_generated"),
        ("X-Precedence: junk", "auto_generated"),
        ("Precedence: list", "list"),
        ("List-Id: Mugs <mugs.lists.example>", "list"),
        ("List-Unsubscribe: <https://news.example/u/1>", "list"),
        ("Feedback-ID: 1:2:3", "auto_generated"),
        ("X-Loop: other@lists.example", "auto_generated"),
        ("Return-Path: <>", "auto_generated"),
        ("Subject: Automatic reply: Your order", "auto_reply"),
        ("Subject: Abwesenheitsnotiz: Urlaub", "auto_reply"),
        ("Subject: =?utf-8?b?6Ieq5Yqo5Zue5aSNOiB4?=", "auto_reply"),
        ("\n".join(["Received: from a by b"] * (HOPS_MAX + 1)), "auto_generated"),
    ],
)
def test_a_machine_is_known_by_what_it_says(header: str, kind: str) -> None:
    assert kind_of(mail(header)) == kind


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: no",
        "X-Auto-Response-Suppress: None",
        "X-Auto-Response-Suppress: DR, RN, NRN",
        "Precedence: first-class",
        "Return-Path: <jane@mail.example>",
        "Subject: Out of office chairs, where are mine?",
        "Subject: Re: Automatic reply: hello",
        "X-Loop: support@example.com",
        # A support address that is a group of the business: people write to it all the same.
        "Precedence: list\nList-Id: <support.example.com>\nList-Unsubscribe: <mailto:x@y.example>",
        "List-Post: <https://g.example/x>, <mailto:support@example.com>\nPrecedence: list",
        "\n".join(["Received: from a by b"] * HOPS_MAX),
    ],
)
def test_a_person_stays_one(header: str) -> None:
    assert kind_of(mail(header)) == "human"


@pytest.mark.parametrize(
    "sender",
    [
        *("MAILER-DAEMON@mx.example", "postmaster@mail.example", "no-reply@shop.example"),
        *("noreply+4@shop.example", "donotreply@shop.example", "do-not-reply@shop.example"),
        *("ne-pas-repondre@shop.example", "bounces+1@list.example", "notifications@git.example"),
    ],
)
def test_some_addresses_are_nobodys(sender: str) -> None:
    assert kind_of(mail(sender=sender)) == "auto_generated"


@pytest.mark.parametrize("sender", ["noreen@mail.example", "post@mail.example", "nore@a.example"])
def test_some_only_look_like_it(sender: str) -> None:
    assert kind_of(mail(sender=sender)) == "human"


@pytest.mark.parametrize("name", ["Message-ID", "X-Microsoft-Original-Message-ID"])
def test_a_mail_of_ours_that_comes_back_says_only_that_it_was_sent(name: str) -> None:
    raw = mail("Message-ID: <other@ses.example>", sender=f'"Support" <{ADDRESS}>')
    raw = raw.replace(b"Message-ID: <other@ses.example>", f"{name}: <{OWN_ID}>".encode())
    [report] = reports(raw)

    assert isinstance(report, StatusReported)
    assert (report.status, report.external_id) == (PartStatus.SENT, OWN_ID)
    assert report.clues == (Clue("own_id", OWN_ID, TOKEN),)


@pytest.mark.parametrize(
    "raw",
    [
        mail(f"Message-ID: <{OWN_ID}>"),  # somebody else writes under our id
        mail("Message-ID: <form-1@example.com>", sender=ADDRESS),  # our web site's form
    ],
)
def test_anything_else_is_somebodys_message(raw: bytes) -> None:
    assert kind_of(raw) == "human"
