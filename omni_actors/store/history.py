"""Old conversations in the store: how far each channel's were read."""

from attrs import frozen

from omni_actors.model.failure import Failure
from omni_actors.model.history import Cause, SyncState
from omni_actors.model.reports import IdentityKey
from omni_actors.store.contract import Query, Verb


@frozen
class HistorySync:
    """How far a channel's old conversations were read. Times in unix seconds.

    `cursor` is where it goes on, "" at the start. `since` is how far back it has to go, None for
    all the way; `reached_at` how far it is: when something last happened in the conversation that
    was read last. Of `messages` that were read `added` were new here; `beyond` are those that the
    platform keeps and does not hand over, `unread` those that it hands over and nobody can read.
    `due_at` is when it goes on, None while it need not. `strikes` failures in a row came last.
    `next_cause` is why it is to be read once more after that, as far back as `next_since`.
    """

    channel_id: str
    tenant: str
    state: SyncState
    cause: Cause
    since: float | None
    asked_at: float
    due_at: float | None
    began_at: float | None = None
    ended_at: float | None = None
    cursor: str = ""
    strikes: int = 0
    reached_at: float | None = None
    conversations: int = 0
    messages: int = 0
    added: int = 0
    beyond: int = 0
    unread: int = 0
    failure: Failure | None = None
    next_cause: Cause | None = None
    next_since: float | None = None


@frozen
class AskHistory(Verb[HistorySync]):
    """A channel's old conversations are to be read from `due_at` on, as far back as `since`.

    While they are being read that goes on; where it does not go as far, or has passed what may be
    missing, they are read once more after it. Whoever only asks for them is content with a reading
    under way that goes all the way. Refused for a channel that there is not.
    """

    channel_id: str
    cause: Cause
    since: float | None
    at: float
    due_at: float


@frozen
class NoteHistory(Verb[HistorySync]):
    """How far a reading is now. When it is done, which a `channel.reported` event of the kind
    `history` tells, what was asked for meanwhile is next.

    `sync` is as `AskHistory` or this verb answered, with its progress; what was asked for
    meanwhile is left as it is.
    """

    sync: HistorySync


@frozen
class HistoryOf(Query[HistorySync | None]):
    """How far a channel's old conversations were read; None when nobody ever wanted that."""

    channel_id: str


@frozen
class KnownPerson:
    """Somebody with a leg on a channel, by the keys of their identity."""

    conversation_id: str
    leg_id: str
    keys: tuple[IdentityKey, ...]


@frozen
class PeopleOf(Query[tuple[KnownPerson, ...]]):
    """The people of a channel, those met last first; `after` is (conversation id, leg id) of the
    last of the page before."""

    channel_id: str
    after: tuple[str, str]
    limit: int


@frozen
class Histories(Query[tuple[HistorySync, ...]]):
    """The same for all channels of a tenant."""

    tenant: str
