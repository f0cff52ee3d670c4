"""The verb about who controls a conversation at its platform, by what we asked for."""

from attrs import frozen

from omni_actors.model.json import JsonObject
from omni_actors.store.contract import Verb


@frozen
class ControlMoved(Verb[None]):
    """The platform did what we asked: `owner` is the app that controls a leg now, None while we
    may answer. Writes `conversation.control`."""

    leg_id: str
    owner: str | None
    at: float
    detail: JsonObject
