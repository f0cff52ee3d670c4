"""Of the writes: what closed windows, limits, doubt and new credentials ask for."""

from attrs import field, frozen

from omni_actors.model.content import Content
from omni_actors.model.failure import Failure
from omni_actors.model.json import JsonObject
from omni_actors.model.limits import Closure
from omni_actors.model.standing import Standing
from omni_actors.store.contract import Verb
from omni_actors.store.rows import Channel, LegWake, Message


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
    """Hold a QUEUED part until there is room to write first, for the reason in `failure`, or until
    its window opens; answers with the leg's next heads."""

    part_id: str
    at: float
    failure: Failure


@frozen
class LetOut:
    """Who was let out of the line of what is held for room: `people` by the platform's name of them
    (model/limits.py). `empty` are the channels on which nobody is left in line."""

    people: tuple[str, ...]
    wakes: tuple[LegWake, ...]
    empty: tuple[str, ...]


@frozen
class FreeOutreach(Verb[LetOut]):
    """Queue what is held for room on these channels, at its old place: the parts of as many people,
    those first whose oldest part was queued first."""

    channel_ids: tuple[str, ...]
    people: int
    at: float


@frozen
class FreeLeg(Verb[tuple[LegWake, ...]]):
    """Queue what is held for room on one leg, at its old place: its person may be written to."""

    leg_id: str
    at: float


@frozen
class TellLimits(Verb[Channel | None]):
    """Keep what the platform, when it was asked, told of a channel's limits (model/limits.py) as of
    `at`; the channel, when it has others now. `standing` renews what was told of its topic before.
    """

    channel_id: str
    told: JsonObject
    at: float
    standing: Standing | None = None


@frozen
class KeepClosure(Verb[None]):
    """Remember that a platform has closed a scope, until the latest moment that it named."""

    closure: Closure


@frozen
class PutCredentials(Verb[Channel]):
    """Use these credentials on a channel, sealed, until the config says others than it does now.

    A channel in `needs_reauth` is `active` again. Refused `unknown_channel`.
    """

    tenant: str
    channel_id: str
    credentials: JsonObject = field(repr=False)
    at: float


@frozen
class OpenWindow(Verb[tuple[LegWake, ...]]):
    """Queue the parts of a leg that were held for its window, behind what it has queued by now."""

    leg_id: str
    at: float


@frozen
class Release(Verb[Message]):
    """Send the parts once more that are held because nobody knows what became of them.

    They go behind what their leg has queued by now, flagged `maybe_duplicate`, with all attempts
    before them. What is held for a reply window stays. Refused `unknown_message`, `not_held`.
    """

    tenant: str
    message_id: str
    at: float
