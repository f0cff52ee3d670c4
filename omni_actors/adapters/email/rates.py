"""How fast providers let an account send, as data.

What they allow is in the comments; we keep below, since the account's people send too.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from omni_actors.adapters.contract import RateDefault

DAY_S: Final = 24 * 3600.0


@frozen
class ProviderLimits:
    """What an account may do. In any day at most `burst` + a day's rate mails pass."""

    rate: RateDefault


LIMITS: Final[Mapping[str, ProviderLimits]] = {
    # Nobody knows; a server that takes fewer says so, and the rate adapts.
    "plain": ProviderLimits(RateDefault(per_second=10.0, burst=20)),
    # 2,000 mails in any 24 hours, 100 recipients of each, which no mail of ours has more of.
    # https://support.google.com/a/answer/166852
    "gmail": ProviderLimits(RateDefault(per_second=1_500 / DAY_S, burst=300)),
    # 30 mails in a minute, 3 connections (as many as `net` makes), 10,000 recipients in a day.
    # https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements
    "microsoft365": ProviderLimits(RateDefault(per_second=27 / 60, burst=3)),
}


def limits_of(provider: str) -> ProviderLimits:
    """The limits of a provider; the most careful guess for one that is not known."""
    return LIMITS.get(provider, LIMITS["plain"])
