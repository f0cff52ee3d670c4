"""Channels as callers see them."""

from attrs import frozen

from omni_actors.api.views import QueueView, Time
from omni_actors.model.history import Cause, SyncState
from omni_actors.model.json import JsonObject
from omni_actors.model.states import ChannelState


@frozen
class HistoryView:
    """How far the old conversations of a channel were read from its platform.

    `since` is how far back it goes, null for all the way; `reached_at` is when something last
    happened in the conversation that was read last. Of the `messages` that were read `added` were
    not here; `beyond` are those that the platform keeps and does not hand over, `unread` those that
    could not be read. `problem` is what is in the way, `goes_on_at` when it is tried again.
    `again` is why all this is done once more after that.
    """

    state: SyncState
    cause: Cause
    since: Time | None
    asked_at: Time
    began_at: Time | None
    ended_at: Time | None
    reached_at: Time | None
    conversations: int
    messages: int
    added: int
    beyond: int
    unread: int
    problem: str | None
    goes_on_at: Time | None
    again: Cause | None


@frozen
class MailboxView:
    """How the reading of a channel's mailbox goes.

    `state` is `connecting`, `reading`, `waiting` (for news), `backing_off` (until `again_at`),
    `refused` (until there is another credential) or `off`; `problem` is what is in the way.
    `read_at` is when all that lay there was read last since the gateway's start, `behind` how many
    mails are known to wait.
    """

    state: str
    since: Time
    problem: str | None
    read_at: Time | None
    behind: int
    again_at: Time | None


@frozen
class ChannelBody:
    """A channel with its state, queue, limiter and health; `mailbox` is null where none is read."""

    id: str
    tenant: str
    platform: str
    channel_key: str
    state: ChannelState
    reason: str | None
    since: Time
    source: str
    last_event_at: Time | None
    settings: JsonObject
    queue: QueueView
    limiter: JsonObject
    health: JsonObject
    history: HistoryView | None
    mailbox: MailboxView | None
