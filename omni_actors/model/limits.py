"""What a platform tells of its limits, and who shares them."""

from attrs import frozen

from omni_actors.model.failure import Scope

PER_SECOND = "per_second"
USERS_PER_DAY = "users_per_day"
# The keys of a `ChannelReported.detail` that are kept of the channel: how many messages it may send
# in a second, and to how many people a day it may write first (None: to all).
LIMITS = (PER_SECOND, USERS_PER_DAY)


@frozen
class Usage:
    """How much of a budget of calls is used up, as an answer tells, in percent.

    `regain_s`: seconds until there is access again, once all of it is.
    """

    scope: Scope
    percent: float
    regain_s: float = 0.0


@frozen
class Ties:
    """What a channel shares with others at its platform, as far as its settings say.

    The channels of an `account` share budgets of calls, those of a `portfolio` the limit of people
    in a day, which is `users_per_day` until the platform says otherwise. `per_second` is a
    throughput that this channel has for good.
    """

    account: str | None = None
    portfolio: str | None = None
    per_second: float | None = None
    users_per_day: int | None = None
