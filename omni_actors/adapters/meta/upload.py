"""The calls that hand a medium to Messenger or Instagram, once for a page or account.

https://developers.facebook.com/docs/messenger-platform/send-messages/saving-assets
"""

import json
from typing import Final

from omni_actors.adapters.contract import Medium, Uploaded
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.meta.graph import unreadable
from omni_actors.adapters.reading import text
from omni_actors.model.failure import Failure
from omni_actors.wire.calls import Auth, Flow, HttpCall, Upload, http

MB: Final = 1_000_000
IMAGE_BYTES_MAX: Final = 8 * MB
IMAGES: Final = ("image/png", "image/jpeg", "image/gif")
# No page says how long an id is good; one that is refused is made anew.
UPLOAD_VALID_S: Final = 90 * 86_400.0
TRANSFER_DEADLINE_S: Final = 30.0
TRANSFER_BYTES_PER_S: Final = 250_000
GONE: Final = frozenset({"100/2018074"})


def attachment_type(medium: Medium) -> str:
    """What the platform knows uploaded bytes as."""
    mime = medium.mime.partition(";")[0].strip().lower()
    if mime in IMAGES and medium.size <= IMAGE_BYTES_MAX:
        return "image"
    kind = mime.partition("/")[0]
    return kind if kind in ("audio", "video") else "file"


def upload(medium: Medium, url: str, auth: Auth, platform: str | None = None) -> Flow[Uploaded]:
    """Hand a medium to the platform. Raises SendFailure.

    `platform` names whose medium it is where a page has two.
    """
    attachment = {"type": attachment_type(medium), "payload": {"is_reusable": True}}
    told = {"message": json.dumps({"attachment": attachment})}
    call = HttpCall(
        "POST",
        url,
        auth,
        form={**told, "platform": platform} if platform else told,
        upload=Upload("filedata", medium.blob, medium.filename or "file", medium.mime, medium.size),
        deadline_s=TRANSFER_DEADLINE_S + medium.size / TRANSFER_BYTES_PER_S,
        idempotent=True,
    )
    reply = yield from http(call)
    external_id = text(answer(reply, repeatable=True).get("attachment_id"))
    if external_id is None:
        raise unreadable("the upload was answered without an id")
    return Uploaded(external_id, UPLOAD_VALID_S)


def upload_gone(failure: Failure) -> bool:
    """Whether a part was refused because the platform has forgotten a medium of it."""
    return failure.code in GONE
