"""Personas of Messenger: the name and face that a message shows.

Source: developers.facebook.com/docs/messenger-platform/send-messages/personas
"""

from typing import Any

from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.bodies import FETCHED
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.shapes import Object, ShapeError, Text

_SHAPE = Object({"name": Text(100), "profile_picture_url": FETCHED})


def made(channel: Channel, asked: Asked) -> dict[str, Any]:
    """`POST …/personas`. Raises GraphError."""
    try:
        _SHAPE.check(dict(asked.values), "")
    except ShapeError as error:
        raise refusal(100, details=error.details) from None
    persona_id = str(channel.stage.chance.randrange(10**14, 10**15))
    channel.personas[persona_id] = {**asked.values, "id": persona_id}
    return {"id": persona_id}


def listed(channel: Channel, _asked: Asked) -> dict[str, Any]:
    """`GET …/personas`."""
    return {"data": list(channel.personas.values())}


def one(channel: Channel, persona_id: str) -> dict[str, Any]:
    """`GET /{persona id}`."""
    return channel.personas[persona_id]


def removed(channel: Channel, persona_id: str) -> dict[str, Any]:
    """`DELETE /{persona id}`."""
    del channel.personas[persona_id]
    return {"success": True}
