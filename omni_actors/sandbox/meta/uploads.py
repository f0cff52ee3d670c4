"""The attachment upload API: bytes or an address for an id that can be sent again and again.

Source: developers.facebook.com/docs/messenger-platform/send-messages/saving-assets
"""

from collections.abc import Mapping
from typing import Any

from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.bodies import MEDIA_KINDS, upload_shape
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.fetching import File
from omni_actors.sandbox.meta.media import Shelf
from omni_actors.sandbox.meta.sending import kept_file, kept_link
from omni_actors.sandbox.shapes import ShapeError

_BY_LINK = upload_shape(MEDIA_KINDS, by_link=True)
_BY_FILE = upload_shape(MEDIA_KINDS, by_link=False)


def uploaded(
    channel: Channel, shelf: Shelf, asked: Asked, files: Mapping[str, File]
) -> dict[str, Any]:
    """`POST …/message_attachments`. Raises GraphError."""
    document = dict(asked.values)
    try:
        (_BY_LINK if asked.file is None else _BY_FILE).check(document, "")
    except ShapeError as error:
        raise refusal(*channel.rules.bad_message, error.details) from None
    attachment = document["message"]["attachment"]
    kind = attachment["type"]
    if asked.file is not None:
        one = kept_file(channel, shelf, kind, asked.file)
    else:
        one = kept_link(channel, shelf, kind, attachment["payload"]["url"], files)
    return {"attachment_id": one.id}
