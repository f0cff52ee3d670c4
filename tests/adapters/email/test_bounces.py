"""What became of our mails, as servers report it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.email.bounce_codes import failure, meaning
from omni_actors.model.failure import Kind, Reason
from omni_actors.model.reports import Clue, Received, Report, StatusReported, Unsupported
from omni_actors.model.states import PartStatus
from omni_actors.policy import retry
from tests.adapters.email.meaning import OWN_ID, TOKEN, mail, received, reports

BOUNCES = Path(__file__).parent / "bounces"
SENT, FAILED, DELIVERED, READ = (
    PartStatus.SENT,
    PartStatus.FAILED,
    PartStatus.DELIVERED,
    PartStatus.READ,
)
JANE = "jane@mail.example"


def raw(name: str) -> bytes:
    return (BOUNCES / f"{name}.eml").read_bytes()


def told(name: str) -> list[StatusReported]:
    found = reports(raw(name))
    assert all(isinstance(report, StatusReported) for report in found)
    return [report for report in found if isinstance(report, StatusReported)]


def told_once(name: str) -> StatusReported:
    [report] = told(name)
    return report


@pytest.mark.parametrize(
    ("name", "reason", "code", "suppress"),
    [
        ("postfix_no_mailbox", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("postfix_full", Reason.RECIPIENT_UNREACHABLE, "5.2.2", "repeated"),
        ("postfix_policy", Reason.POLICY_REJECTED, "5.7.1", "none"),
        ("postfix_too_large", Reason.MEDIA_TOO_LARGE, "5.3.4", "none"),
        ("postfix_no_host", Reason.RECIPIENT_INVALID, "5.4.4", "address"),
        ("postfix_expired", Reason.TIMED_OUT, "4.4.7", "none"),
        ("exchange", Reason.RECIPIENT_INVALID, "5.1.10", "address"),
        ("vague_status", Reason.RECIPIENT_UNREACHABLE, "5.0.0", "repeated"),
        ("base64_original", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("exim", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("exim_unrouteable", Reason.RECIPIENT_INVALID, None, "address"),
        ("qmail", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("postfix_text", Reason.RECIPIENT_UNREACHABLE, "5.2.2", "repeated"),
        ("dragonfly", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("gmail", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("yahoo", Reason.RECIPIENT_INVALID, "554", "address"),
        ("exchange_text", Reason.RECIPIENT_INVALID, "5.1.1", "address"),
        ("mailru", Reason.POLICY_REJECTED, "550", "none"),
        ("other_german", Reason.RECIPIENT_UNREACHABLE, None, "repeated"),
    ],
)
def test_a_mail_that_came_back_has_failed_and_says_why(
    name: str, reason: Reason, code: str | None, suppress: str
) -> None:
    report = told_once(name)

    assert (report.status, report.participant) == (FAILED, None)
    assert report.failure is not None
    assert report.detail is not None
    assert (report.failure.reason, report.failure.code) == (reason, code)
    assert (report.detail["suppress"], report.detail["recipient"]) == (suppress, JANE)
    assert report.failure.text
    assert report.failure.advice
    assert report.external_id == OWN_ID
    assert report.clues[-1] == Clue("original_id", OWN_ID, TOKEN)
    assert not retry.tries_when_reported(report.failure), "servers have tried for days already"


@pytest.mark.parametrize("name", ["postfix_delayed", "exim_warning"])
def test_a_mail_that_is_late_is_told_and_has_not_failed(name: str) -> None:
    report = told_once(name)

    assert (report.status, report.participant) == (SENT, JANE)
    assert report.failure is not None
    assert report.failure.kind is Kind.TRANSIENT
    assert report.detail is not None
    assert report.detail["action"] == "delayed"


@pytest.mark.parametrize(
    ("name", "status", "aside"),
    [
        ("postfix_relayed", SENT, JANE),
        ("delivered", DELIVERED, None),
        ("expanded", DELIVERED, None),
        ("read_receipt", READ, None),
        ("deleted_unread", DELIVERED, None),
    ],
)
def test_good_news_are_told_too(name: str, status: PartStatus, aside: str | None) -> None:
    report = told_once(name)

    assert (report.status, report.participant, report.failure) == (status, aside, None)


def test_of_several_each_has_a_report_of_its_own() -> None:
    one, two = told("several")

    assert (one.status, two.status) == (FAILED, DELIVERED)
    assert one.event_key != two.event_key
    assert two.detail is not None
    assert two.detail["recipient"] == "jane2@mail.example"


def test_that_a_copy_did_not_arrive_is_no_failure_of_the_mail() -> None:
    report = told_once("copy_failed")

    assert report.participant == "bob@mail.example"
    assert report.failure is not None


def test_the_clues_stand_in_the_order_of_their_worth() -> None:
    assert told_once("postfix_no_mailbox").clues == (
        Clue("bounce_token", token=TOKEN),
        Clue("envelope_id", token=TOKEN),
        Clue("original_id", OWN_ID, TOKEN),
    )


def test_a_complaint_says_that_it_arrived_and_is_not_wanted() -> None:
    report = told_once("complaint")

    assert report.status is DELIVERED
    assert report.failure is not None
    assert report.failure.reason is Reason.RECIPIENT_NOT_OPTED_IN
    assert report.clues == (Clue("original_id", OWN_ID, TOKEN),)


@pytest.mark.parametrize("name", ["forged_no_clue", "not_spam"])
def test_what_names_no_mail_of_ours_or_says_nothing_changes_nothing(name: str) -> None:
    [report] = reports(raw(name))

    assert isinstance(report, Unsupported)
    assert report.kind == "bounce"


@pytest.mark.parametrize("path", sorted(BOUNCES.glob("*.eml")), ids=lambda path: path.stem)
def test_no_status_comes_without_a_clue_to_be_verified(path: Path) -> None:
    for report in reports(path.read_bytes()):
        assert isinstance(report, Unsupported) or (
            isinstance(report, StatusReported) and report.clues
        )


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ("jane@mail.example", ()),
        ("jane@mail.example", ("Return-Path: <>", "Auto-Submitted: auto-replied")),
    ],
)
def test_a_person_who_writes_of_a_bounce_is_no_server(
    sender: str, headers: tuple[str, ...]
) -> None:
    body = f"Your parcel could not be delivered: 550 5.1.1 user unknown\n\nMessage-ID: <{OWN_ID}>"

    assert received(mail(*headers, body=body, sender=sender)).name is None


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        ("5.1.1", "", Reason.RECIPIENT_INVALID),
        ("5.1.2", "", Reason.RECIPIENT_INVALID),
        ("5.1.3", "", Reason.RECIPIENT_INVALID),
        ("5.1.6", "", Reason.RECIPIENT_INVALID),
        ("5.1.10", "", Reason.RECIPIENT_INVALID),
        ("5.2.1", "", Reason.RECIPIENT_UNREACHABLE),
        ("4.2.2", "", Reason.RECIPIENT_UNREACHABLE),
        ("5.2.3", "", Reason.MEDIA_TOO_LARGE),
        ("5.6.1", "", Reason.CONTENT_UNSUPPORTED),
        ("5.7.26", "", Reason.POLICY_REJECTED),
        ("4.4.1", "", Reason.TIMED_OUT),
        ("5.4.6", "", Reason.RECIPIENT_UNREACHABLE),
        ("", "550 No such user here", Reason.RECIPIENT_INVALID),
        ("5.0.0", "blocked by our spam filter", Reason.POLICY_REJECTED),
        ("", "", Reason.RECIPIENT_UNREACHABLE),
    ],
)
def test_a_status_means_what_it_says_and_a_vague_one_what_the_words_say(
    status: str, text: str, reason: Reason
) -> None:
    assert failure(status, text).reason is reason
    assert meaning(status, text).sentence


PIECES = st.sampled_from(
    [
        *("From: MAILER-DAEMON@mx.example\n", "Return-Path: <>\n", "\n", "--B1\n", "--B1--\n"),
        "Content-Type: multipart/report; boundary=B1\n",
        *("Content-Type: message/delivery-status\n", "Content-Type: message/rfc822\n"),
        *("Final-Recipient: rfc822;a@b.example\n", "Action: failed\n", "Status: 5.1.1\n"),
        *(f"Message-ID: <{OWN_ID}>\n", f"Original-Envelope-Id: {TOKEN}\n", "Cc: a@b.example\n"),
        *("This is the qmail-send program\n", "<a@b.example>:\n", "550 5.1.1 no\n"),
        *("Feedback-Type: abuse\n", "Disposition: a/b; displayed\n"),
    ]
)


@given(st.lists(PIECES, max_size=40))
def test_any_report_is_read(pieces: list[str]) -> None:
    found: list[Report] = reports("".join(pieces).encode())

    assert found
    assert len({report.event_key for report in found}) == len(found)
    assert all(
        isinstance(report, Received | Unsupported)
        or (isinstance(report, StatusReported) and report.clues)
        for report in found
    )
