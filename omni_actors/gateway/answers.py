"""What the gateway answers where no row of the store says it."""

from typing import Any

from attrs import frozen

from omni_actors.model.json import JsonObject


@frozen
class Answer:
    """What a submit answers: the body of the 202, and whether it is a repetition."""

    body: JsonObject
    replayed: bool
    message_id: str


@frozen
class Rendered:
    """What a message would become; there is no leg where nobody was written to yet."""

    parts: tuple[Any, ...]
    rendering: tuple[JsonObject, ...]
    channel_id: str
    leg_id: str | None
    window: JsonObject


@frozen
class Readiness:
    """Whether the house takes work, and if not, why."""

    ready: bool
    reasons: tuple[str, ...] = ()
