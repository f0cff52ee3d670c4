"""How a channel stands with its platform: what is known of it, one topic at a time."""

from attrs import frozen

from omni_actors.model.json import JsonObject


@frozen
class Standing:
    """The newest word on one topic of a channel, such as `ban` or `quality`.

    `ok` is whether its operator may leave it so. While one that `blocks` is in force the channel is
    RESTRICTED. From `until` (unix seconds; None: until newer word) it no longer counts.
    """

    topic: str
    ok: bool
    sentence: str
    at: float
    blocks: bool = False
    until: float | None = None
    detail: JsonObject | None = None
