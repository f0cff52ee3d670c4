"""What callers see of groups."""

from attrs import frozen

from omni_actors.api.views import Time


@frozen
class GroupView:
    """A group as its platform has it; messages go to its `address`. Null is what a listing does not
    tell.

    `members` are addresses, without the business. With `approval` people have to be let in.
    """

    id: str
    address: str
    subject: str | None
    description: str | None
    suspended: bool | None
    approval: bool | None
    members: tuple[str, ...] | None
    created_at: Time | None


@frozen
class GroupAskedView:
    """The platform was asked; the event `channel.reported` of the kind `group` with this
    `request_id` tells what came of it."""

    request_id: str | None


@frozen
class InviteLinkView:
    """The link by which people come into a group."""

    invite_link: str


@frozen
class JoinRequestView:
    """Somebody asks to be let in; `member` is their address."""

    id: str
    member: str | None
    asked_at: Time | None


@frozen
class NotDecidedView:
    """A request that could not be decided, and why."""

    id: str
    why: str


@frozen
class DecidedView:
    """Which requests were decided as asked, and which were not."""

    done: tuple[str, ...]
    failed: tuple[NotDecidedView, ...]
