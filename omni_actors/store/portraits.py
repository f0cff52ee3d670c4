"""The verbs about portraits: who is to be asked about, and what the platform showed."""

from attrs import frozen

from omni_actors.model.portrait import Portrait
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.store.contract import Query, Verb
from omni_actors.store.rows import Medium


@frozen
class Sitter:
    """Somebody of whom the platform may be asked. `shown` is where the picture that we have came
    from, as the adapter told."""

    identity_id: str
    tenant: str
    channel_id: str
    keys: tuple[IdentityKey, ...]
    shown: MediaRef | None


@frozen
class SitterOf(Query[Sitter | None]):
    """The person of a leg; None where the leg is gone, or somebody asked after `since`."""

    leg_id: str
    since: float


@frozen
class KeepPortrait(Verb[None]):
    """What the platform showed of a person, or the `problem` why it did not.

    `picture` is a medium that is here, in place of the one that the identity has. Writes
    `identity.portrait` when anything is different now.
    """

    identity_id: str
    channel_id: str
    at: float
    portrait: Portrait
    picture: Medium | None = None
    problem: str | None = None
