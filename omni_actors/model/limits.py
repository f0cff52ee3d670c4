"""What a platform tells of its limits, and who shares them."""

from collections.abc import Sequence

from attrs import frozen

from omni_actors.model.failure import Scope
from omni_actors.model.reports import IdentityKey

PER_SECOND = "per_second"
USERS_PER_DAY = "users_per_day"
FIRST_AT = "first_at"
# The keys of a `ChannelReported.detail` that are kept of the channel: how many messages it may send
# in a second, to how many people a day it may write first (None: to all), and from when it may
# write first at all (unix seconds; None: nobody knows).
LIMITS = (PER_SECOND, USERS_PER_DAY, FIRST_AT)


@frozen
class Usage:
    """How much of a budget of calls is used up, as an answer tells, in percent.

    `regain_s`: seconds until there is access again, once all of it is.
    """

    scope: Scope
    percent: float
    regain_s: float = 0.0


@frozen
class DayLimit:
    """How many messages an account may send in any 24 hours, and to how many recipients, each
    counted as often as it is written to. None: any number."""

    messages: int | None = None
    recipients: int | None = None


@frozen
class Spent:
    """What a message that was sent takes of the day of an account."""

    account: str
    recipients: int = 1


@frozen
class Ties:
    """What a channel shares with others at its platform, as far as its settings say.

    The channels of an `account` share budgets of calls, those of a `portfolio` the limit of people
    in a day, which is `users_per_day` until the platform says otherwise; without a portfolio the
    platform does not count whom a channel writes to first. `per_second` is a throughput that this
    channel has for good. `day` is what an account may send in a day.
    """

    account: str | None = None
    portfolio: str | None = None
    per_second: float | None = None
    users_per_day: int | None = None
    day: DayLimit = DayLimit()


@frozen
class Closure:
    """A platform lets nothing pass to what is named before `until` (unix seconds).

    `owner` is a channel, or a platform where several channels share the scope; `name` is that of a
    leg or an account, empty where the owner has only one such.
    """

    scope: Scope
    owner: str
    name: str
    until: float


def person_of(keys: Sequence[IdentityKey]) -> str:
    """By what name a platform's person is counted, whichever of their keys are known here.

    A phone number is mostly known first, and other keys are learned later, so that counts; else the
    strongest key.
    """
    named = next((key for key in keys if key.kind == "phone"), keys[0])
    return f"{named.kind}:{named.value}"
