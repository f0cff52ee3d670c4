"""Groups of people that a channel writes to as one."""

from attrs import frozen


@frozen
class NewGroup:
    """A group to be made. With `approval` whoever follows the invite link has to be let in."""

    subject: str
    description: str | None = None
    approval: bool = False


@frozen
class GroupChange:
    """What is to be different about a group; None leaves it as it is."""

    subject: str | None = None
    description: str | None = None


@frozen
class GroupInfo:
    """A group as its platform has it.

    `members` are addresses, without the business; None where a listing does not tell. `created_at`
    is in unix seconds.
    """

    id: str
    subject: str | None = None
    description: str | None = None
    created_at: float | None = None
    suspended: bool | None = None
    approval: bool | None = None
    members: tuple[str, ...] | None = None


@frozen
class GroupPage:
    """A slice of a channel's groups; `next` is the cursor of the next one, None at the end."""

    groups: tuple[GroupInfo, ...]
    next: str | None


@frozen
class JoinRequest:
    """Somebody (`member` is their address) asks to be let in."""

    id: str
    member: str | None
    asked_at: float | None = None


@frozen
class JoinRequestPage:
    """A slice of a group's requests; `next` as in GroupPage."""

    requests: tuple[JoinRequest, ...]
    next: str | None


@frozen
class NotDecided:
    """A request that the platform did not let be decided, and why."""

    id: str
    why: str


@frozen
class Decided:
    """Which requests were approved or turned down, and which were not."""

    done: tuple[str, ...]
    failed: tuple[NotDecided, ...] = ()
