"""The verbs about media: what is to be fetched, what is here, what a platform calls it."""

from attrs import field, frozen

from omni_actors.model.failure import Failure
from omni_actors.model.json import JsonObject
from omni_actors.store.contract import Verb
from omni_actors.store.rows import Medium, NewMedium
from omni_actors.store.verbs import Idempotency


@frozen
class AddMedium(Verb[NewMedium]):
    """A medium that is here already (an upload over the API).

    Refused `idempotency_mismatch` as in Submit.
    """

    medium: Medium
    idempotency: Idempotency | None = None


@frozen
class KeepUpload(Verb[None]):
    """What a channel's platform calls a medium from now on, until `until`."""

    media_id: str
    channel_id: str
    external_id: str
    until: float


@frozen
class KeepDerivative(Verb[None]):
    """What a recipe made of a medium, as a medium of its own, or why it made nothing."""

    media_id: str
    recipe: str
    made: Medium | None
    problem: str | None = None


@frozen
class ClaimMedium(Verb[Medium | None]):
    """Take a pending medium to fetch it: attempt counted, `due_at` set to `until` (the lease)."""

    media_id: str
    at: float
    until: float


@frozen
class HurryMedia(Verb[None]):
    """Let all pending media of a channel be due: what stood in their way may be gone."""

    channel_id: str
    at: float


@frozen
class MediumReady(Verb[None]):
    """The bytes are here; writes `media.ready`."""

    media_id: str
    blob: str
    size: int
    mime: str | None
    filename: str | None
    at: float
    traits: JsonObject = field(factory=dict)


@frozen
class MediumAgain(Verb[None]):
    media_id: str
    due_at: float
    failure: Failure


@frozen
class MediumFailed(Verb[None]):
    """Given up; writes `media.failed`."""

    media_id: str
    failure: Failure
    at: float
