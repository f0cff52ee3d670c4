"""Every row of the table of mail servers' replies: what it asks for, and that it is reached."""

from typing import Final

import pytest

from omni_actors.adapters.email.error_table import ROWS, STUMBLED, Row
from omni_actors.adapters.email.errors import failure_of, rule_of
from omni_actors.adapters.email.rates import day_of, limits_of, ties
from omni_actors.adapters.email.settings import DayTable, EmailSettings
from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.model.limits import DayLimit
from omni_actors.wire.calls import MailReply, SmtpReply, Stage

# Where, what was said, at which provider → kind, scope, reason, seconds to wait.
JUDGED = {
    "a greeting that puts off": (
        (Stage.GREETING, "421", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "a greeting that is busy": (
        (Stage.GREETING, "450 4.3.2", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "a greeting that refuses": (
        (Stage.GREETING, "554", "blocked", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CHANNEL_MISCONFIGURED, None),
    ),
    "STARTTLS that does not work now": (
        (Stage.STARTTLS, "454 4.7.0", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "a login that does not work now": (
        (Stage.AUTH, "454 4.7.0", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, 60.0),
    ),
    "a wrong password": (
        (Stage.AUTH, "535 5.7.8", "", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CREDENTIALS_EXPIRED, None),
    ),
    "a password that is not for apps": (
        (Stage.AUTH, "534 5.7.9", "", "gmail"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CREDENTIALS_EXPIRED, None),
    ),
    "SMTP that is switched off": (
        (Stage.AUTH, "535 5.7.139", "", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "passwords that are no longer taken": (
        (Stage.AUTH, "550 5.7.30", "", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CREDENTIALS_EXPIRED, None),
    ),
    "a way to log in that is not taken": (
        (Stage.AUTH, "504 5.5.4", "", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CHANNEL_MISCONFIGURED, None),
    ),
    "no login": (
        (Stage.MAIL, "530 5.7.0", "", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CREDENTIALS_EXPIRED, None),
    ),
    "too many connections": (
        (Stage.MAIL, "432 4.3.2", "", "microsoft365"),
        (Kind.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED, 15.0),
    ),
    "the mails of a day": (
        (Stage.MAIL, "550 5.4.5", "", "gmail"),
        (Kind.THROTTLED, Scope.ACCOUNT, Reason.RATE_LIMITED, 3600.0),
    ),
    "the recipients of a day": (
        (Stage.END, "554 5.2.0", "STOREDRV.Submission.Exception:Quota", "microsoft365"),
        (Kind.THROTTLED, Scope.ACCOUNT, Reason.RATE_LIMITED, 3600.0),
    ),
    "another sender than the account": (
        (Stage.END, "554 5.2.252", "SendAsDenied", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "another sender, in the words of the store": (
        (Stage.END, "554 5.2.0", "STOREDRV.Submission.Exception:SendAsDenied", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "another sender, as policy": (
        (Stage.MAIL, "550 5.7.60", "", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "a sender that is refused": (
        (Stage.MAIL, "553 5.7.1", "", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "a sender that is malformed": (
        (Stage.RCPT, "553 5.1.7", "", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "a sender that is refused when the recipient is told": (
        (Stage.RCPT, "553 5.7.1", "Sender address rejected: not owned by user", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.PERMISSION_DENIED, None),
    ),
    "a sender who spammed": (
        (Stage.RCPT, "550 5.1.8", "", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.POLICY_REJECTED, None),
    ),
    "a mailbox of our own that is full": (
        (Stage.END, "554 5.2.2", "", "microsoft365"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CHANNEL_MISCONFIGURED, None),
    ),
    "a server that does not relay": (
        (Stage.RCPT, "554 5.7.1", "Relay access denied", "plain"),
        (Kind.BROKEN, Scope.CHANNEL, Reason.CHANNEL_MISCONFIGURED, None),
    ),
    "a mail that is too large": (
        (Stage.MAIL, "552 5.3.4", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.MEDIA_TOO_LARGE, None),
    ),
    "a mail that is too large for a code alone": (
        (Stage.END, "552", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.MEDIA_TOO_LARGE, None),
    ),
    "parameters that are not known": (
        (Stage.MAIL, "555 5.5.4", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.BAD_REQUEST, None),
    ),
    "a grey list": (
        (Stage.RCPT, "451 4.7.1", "", "plain"),
        (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE, 300.0),
    ),
    "a grey list that says nothing": (
        (Stage.RCPT, "450", "try again", "plain"),
        (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE, 300.0),
    ),
    "an account that sends too fast": (
        (Stage.MAIL, "451 4.7.0", "Temporary server error", "microsoft365"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "a recipient who gets too much": (
        (Stage.RCPT, "450 4.2.1", "", "gmail"),
        (Kind.THROTTLED, Scope.LEG, Reason.PAIR_RATE_LIMITED, 60.0),
    ),
    "too many recipients": (
        (Stage.RCPT, "452 4.5.3", "", "plain"),
        (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE, 60.0),
    ),
    "a mailbox that is full for now": (
        (Stage.RCPT, "452 4.2.2", "", "plain"),
        (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE, 3600.0),
    ),
    "a recipient's server that is not there": (
        (Stage.RCPT, "450 4.4.1", "", "plain"),
        (Kind.TRANSIENT, Scope.LEG, Reason.RECIPIENT_UNREACHABLE, None),
    ),
    "a server without room": (
        (Stage.MAIL, "452 4.3.1", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "nobody": (
        (Stage.RCPT, "550 5.1.1", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_INVALID, None),
    ),
    "an address that is none": (
        (Stage.RCPT, "553 5.1.3", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_INVALID, None),
    ),
    "nobody, by a code alone": (
        (Stage.RCPT, "550", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_INVALID, None),
    ),
    "a mailbox that is full for good": (
        (Stage.RCPT, "552 5.2.2", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_UNREACHABLE, None),
    ),
    "a full mailbox, by a code alone": (
        (Stage.RCPT, "552", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_UNREACHABLE, None),
    ),
    "a mailbox that is switched off": (
        (Stage.RCPT, "550 5.2.1", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.RECIPIENT_UNREACHABLE, None),
    ),
    "a policy": (
        (Stage.END, "554 5.7.1", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.POLICY_REJECTED, None),
    ),
    "spam, by a code alone": (
        (Stage.END, "554", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.POLICY_REJECTED, None),
    ),
    "a mail that cannot be passed on": (
        (Stage.END, "550 5.6.0", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.CONTENT_UNSUPPORTED, None),
    ),
    "a domain without proof": (
        (Stage.END, "550 5.7.26", "", "gmail"),
        (Kind.REJECTED, Scope.CHANNEL, Reason.CHANNEL_MISCONFIGURED, None),
    ),
    "a domain without proof, for now": (
        (Stage.END, "421 4.7.26", "", "gmail"),
        (Kind.TRANSIENT, Scope.LEG, Reason.CHANNEL_MISCONFIGURED, 1800.0),
    ),
    "hanging up": (
        (Stage.RCPT, "421 4.7.0", "", "plain"),
        (Kind.TRANSIENT, Scope.CHANNEL, Reason.CHANNEL_UNAVAILABLE, None),
    ),
    "later": (
        (Stage.END, "451 4.6.0", "", "plain"),
        (Kind.TRANSIENT, Scope.PART, Reason.UNKNOWN, None),
    ),
    "no": (
        (Stage.END, "571 5.5.0", "", "plain"),
        (Kind.REJECTED, Scope.PART, Reason.UNKNOWN, None),
    ),
}


def reply_of(coded: str, text: str) -> SmtpReply:
    code, _, enhanced = coded.partition(" ")
    return SmtpReply(int(code), enhanced, text)


@pytest.mark.parametrize(("said", "meant"), JUDGED.values(), ids=JUDGED.keys())
def test_a_reply_is_judged(
    said: tuple[Stage, str, str, str], meant: tuple[Kind, Scope, Reason, float | None]
) -> None:
    stage, coded, text, provider = said

    failure = failure_of(MailReply(stage, reply_of(coded, text)), provider)

    assert (failure.kind, failure.scope, failure.reason, failure.retry_after_s) == meant
    assert failure.code == coded
    assert failure.text == text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule.sentence[:40])
def test_every_row_is_reached(row: Row) -> None:
    rules = [rule_of(s, reply_of(c, t), p) for (s, c, t, p), _ in JUDGED.values()]

    assert row.rule in rules
    assert row.rule.sentence.endswith(".")
    assert row.rule.sentence[0].isupper()


def test_a_code_that_no_class_has_is_tried_again() -> None:
    assert rule_of(Stage.END, SmtpReply(354)) is STUMBLED


def test_a_long_text_is_cut_to_what_can_be_kept() -> None:
    failure = failure_of(MailReply(Stage.END, SmtpReply(554, "", "x" * 5000)))

    assert failure.text == "x" * 1000


SHOP: Final = "support@shop.example"
PROVIDERS = {
    "a server of one's own": (EmailSettings(SHOP), DayLimit()),
    "Google Workspace": (EmailSettings(SHOP, provider="gmail"), DayLimit(1_800, 2_700)),
    "a person's Gmail": (EmailSettings("a@gmail.com", provider="gmail"), DayLimit(450, 450)),
    "Microsoft 365": (
        EmailSettings(SHOP, provider="microsoft365"),
        DayLimit(recipients=9_000),
    ),
    "a trial of Google's": (
        EmailSettings(SHOP, provider="gmail", per_day={"messages": 400}),
        DayLimit(400, 2_700),
    ),
    "an own server with a limit": (
        EmailSettings(SHOP, per_day=DayTable(recipients=50)),
        DayLimit(recipients=50),
    ),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_an_account_may_send_in_a_day_is_the_settings_or_the_providers(name: str) -> None:
    settings, most = PROVIDERS[name]

    assert day_of(settings) == ties(settings).day == most


def test_the_rate_keeps_below_what_microsoft_takes_in_a_minute() -> None:
    rate = limits_of(EmailSettings(SHOP, provider="microsoft365")).rate

    assert rate.burst + rate.per_second * 60 <= 30


def test_aliases_that_log_in_as_one_account_share_its_limits() -> None:
    one = EmailSettings("sales@shop.example", provider="gmail", username="Team@shop.example")
    other = EmailSettings("help@shop.example", provider="gmail", username="team@shop.example")
    alone = EmailSettings("team@shop.example", provider="microsoft365")

    assert ties(one).account == ties(other).account != ties(alone).account
    assert ties(EmailSettings(SHOP)).account is None
