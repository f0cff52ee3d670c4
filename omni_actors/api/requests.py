"""What callers ask for besides a message: queries of listings, and the bodies of small commands."""

from typing import Literal

from attrs import field, frozen

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.model.templates import TemplateStatus


@frozen
class NoQuery:
    """A route without parameters."""


@frozen
class MessageQuery:
    """Which messages of a conversation, from which end."""

    after: str = ""
    limit: int = 50
    newest_first: bool = False


@frozen
class After:
    """Where a listing of a platform goes on; its pages are as long as the platform's."""

    after: str = ""


@frozen
class ConversationQuery:
    """Which conversations."""

    after: str = ""
    limit: int = 50
    contact_id: str | None = None
    channel_id: str | None = None


@frozen
class ContactQuery:
    """Which contacts; `identity` is `kind:value`."""

    after: str = ""
    limit: int = 50
    identity: str | None = None


@frozen
class EventQuery:
    """Which events. Without `after` the answer is empty and names the cursor of now."""

    after: str | None = None
    limit: int = 100
    types: tuple[EventType, ...] = ()


@frozen
class LiveQuery:
    """Where the live feed begins: after a cursor, or now."""

    after: str | None = None
    types: tuple[EventType, ...] = ()


@frozen
class TemplateQuery:
    """Which templates."""

    after: str = ""
    limit: int = 50
    status: TemplateStatus | None = None
    name: str | None = None
    language: str | None = None


@frozen
class TemplateLanguage:
    """Which language of a template."""

    language: str | None = None


@frozen
class MailToRender:
    """The values of a mail template's variables; with `examples` those that it declares stand for
    what is left out. The `language` may be left out where there is only one."""

    variables: JsonObject = field(factory=dict)
    language: str | None = None
    examples: bool = False


@frozen
class ProfilePieces:
    """Which pieces of a profile; without any, all that the platform has."""

    pieces: tuple[str, ...] = ()


@frozen
class DeadLetterQuery:
    """Which dead letters."""

    after: str = ""
    limit: int = 50
    kind: Literal["part", "delivery", "intake"] | None = None
    channel_id: str | None = None
    reason: str | None = None
    redriven: bool = False


@frozen
class RedriveFilter:
    """Dead letters by what they have in common; without any of the three, all of them."""

    kind: Literal["part", "delivery", "intake"] | None = None
    channel_id: str | None = None
    reason: str | None = None


@frozen
class Redrive:
    """Which dead letters to give another chance: by id, or by filter; at a rate."""

    ids: tuple[str, ...] | None = None
    where: RedriveFilter | None = None
    per_second: float | None = None


@frozen
class Control:
    """On which channel of the conversation, if it has several where control can be moved; `told` is
    for the app that had it."""

    channel_id: str | None = None
    told: str | None = None


@frozen
class ReleaseControl:
    """On which channel of the conversation, if it has several where control can be moved."""

    channel_id: str | None = None


@frozen
class PassControl:
    """To which app the control goes; `told` is for that app."""

    app_id: str
    channel_id: str | None = None
    told: str | None = None


@frozen
class Receipt:
    """That a message was read; with `typing` that an answer is being written, which on some
    platforms marks it as read too; with `stop_typing` that this is over."""

    typing: bool = False
    stop_typing: bool = False


@frozen
class Pin:
    """For how many days a message is shown on top of its group."""

    days: int = 7


@frozen
class GroupMembers:
    """People of a group, by their addresses."""

    members: tuple[str, ...]


@frozen
class JoinDecision:
    """Requests to be let in, by their ids."""

    ids: tuple[str, ...]


@frozen
class CreateKey:
    """A new API key. Tenant `*` makes an operator's key."""

    name: str
    scopes: tuple[str, ...]
    tenant: str = "default"


@frozen
class NewCredentials:
    """A channel's credentials, whole, by the names that the config has for them."""

    values: JsonObject = field(factory=dict, repr=False)


@frozen
class ConnectQuery:
    """Through which app of the config to connect, and what the channel is to be called.

    With the id of a channel that there is, its account is connected again. An operator says for
    which tenant a new channel is.
    """

    app: str | None = None
    channel_id: str | None = None
    tenant: str | None = None


@frozen
class ChosenAccounts:
    """The accounts to connect, by their `key`."""

    accounts: tuple[str, ...]


@frozen
class ContextPatch:
    """A JSON merge patch (RFC 7396) of a conversation's context."""

    patch: JsonObject = field(factory=dict)
