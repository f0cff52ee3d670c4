"""Of the writes and what they say: what closed windows, limits and new credentials ask for."""

from attrs import field, frozen

from omni_actors.model.content import Content
from omni_actors.model.failure import Failure
from omni_actors.model.json import JsonObject
from omni_actors.store.contract import Verb
from omni_actors.store.rows import Channel, LegWake


@frozen
class Fallback:
    """What goes out in place of all that is left of a message when its window is closed.

    `note` is the line of the rendering report that says so.
    """

    form: str
    content: Content
    note: JsonObject
    media_ids: tuple[str, ...] = ()


@frozen
class ShutOut:
    """The platform says that the reply window is closed: it is so for the leg, and the part meets
    what its caller wanted for that case."""

    failure: Failure


@frozen
class HoldPart(Verb[tuple[LegWake, ...]]):
    """Hold a QUEUED part until `until`, for the reason in `failure`, or until its window opens;
    answers with the leg's next heads."""

    part_id: str
    at: float
    until: float
    failure: Failure


@frozen
class PutCredentials(Verb[Channel]):
    """Use these credentials on a channel, sealed, until the config says others than it does now.

    A channel in `needs_reauth` is `active` again. Refused `unknown_channel`.
    """

    tenant: str
    channel_id: str
    credentials: JsonObject = field(repr=False)
    at: float
