"""What customers attach: bytes are put on the shelf, and the webhook has an address of them."""

import base64
import binascii
from typing import Any

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.world import World


def attachments_of(world: World, channel: Channel, given: Any, at: float) -> list[dict[str, Any]]:
    """The attachments with an address for each that came as bytes. Raises ControlError."""
    if not isinstance(given, list) or not given:
        raise ControlError("`attachments` must be a list with something in it")
    return [_attachment(world, channel, one, at) for one in given]


def _attachment(world: World, channel: Channel, given: Any, at: float) -> dict[str, Any]:
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        raise ControlError("an attachment is a JSON object with a `type`")
    kind, payload = given["type"], given.get("payload")
    if not isinstance(payload, dict):
        return dict(given)
    payload = dict(payload)
    content = _content(payload)
    if content is None:
        return {**given, "payload": payload}
    mime_type = payload.pop("mime_type", "application/octet-stream")
    name = str(payload.pop("filename", ""))
    one = world.shelf.put(channel.key, kind, str(mime_type), content, name=name)
    return {**given, "payload": {"url": world.shelf.link(one, at), **payload}}


def _content(payload: dict[str, Any]) -> bytes | None:
    content = payload.pop("content", None)
    if content is not None:
        if not isinstance(content, bytes):
            raise ControlError("give the bytes as `content_base64`, or as a form")
        return content
    text = payload.pop("content_base64", None)
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ControlError("`content_base64` is not base64") from None
