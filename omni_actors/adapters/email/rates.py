"""How fast and how much providers let an account send, as data.

What they allow is in the comments; we keep a tenth below, since the account's people send too.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from omni_actors.adapters.contract import RateDefault
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.model.limits import DayLimit, Ties

NO_LIMIT: Final = DayLimit()


@frozen
class ProviderLimits:
    """What an account may do in a second, and in any 24 hours."""

    rate: RateDefault
    day: DayLimit = NO_LIMIT


# Nobody knows; a server that takes fewer says so, and the rate adapts.
PLAIN: Final = ProviderLimits(RateDefault(per_second=10.0, burst=20))
# 2,000 mails in any 24 hours; 3,000 recipients outside of the organisation, and customers are that;
# 100 recipients of each mail, which no mail of ours has more of.
# https://support.google.com/a/answer/166852
GMAIL: Final = ProviderLimits(RateDefault(per_second=1.0, burst=20), DayLimit(1_800, 2_700))
# About 500 mails in any 24 hours, which Google tells no figure of any more.
GMAIL_PERSONAL: Final = ProviderLimits(GMAIL.rate, DayLimit(450, 450))
# 30 mails in a minute, 3 connections (as many as `net` makes), 10,000 recipients in a day.
# https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements
MICROSOFT: Final = ProviderLimits(
    RateDefault(per_second=27 / 60, burst=3), DayLimit(recipients=9_000)
)

LIMITS: Final[Mapping[str, ProviderLimits]] = {
    "plain": PLAIN,
    "gmail": GMAIL,
    "microsoft365": MICROSOFT,
}
PERSONAL_DOMAINS: Final = ("gmail.com", "googlemail.com")


def limits_of(settings: EmailSettings) -> ProviderLimits:
    """The limits of an account's provider; the most careful guess for one that is not known."""
    if settings.provider == "gmail" and settings.domain in PERSONAL_DOMAINS:
        return GMAIL_PERSONAL
    return LIMITS.get(settings.provider, PLAIN)


def day_of(settings: EmailSettings) -> DayLimit:
    """What the account may send in a day: by its settings, else by its provider."""
    told, usual = settings.per_day, limits_of(settings).day
    return DayLimit(
        usual.messages if told.messages is None else told.messages,
        usual.recipients if told.recipients is None else told.recipients,
    )


def ties(settings: EmailSettings) -> Ties:
    """The account that its aliases share, which the provider counts for: who logs in, and where."""
    server = settings.smtp_server
    account = f"{server.username.lower()} at {server.host.lower()}" if server else None
    return Ties(account=account, day=day_of(settings))
