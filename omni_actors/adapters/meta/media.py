"""Fetches the media that customers sent over Messenger and Instagram, from signed addresses.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
"""

from typing import Any, Final

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.meta.errors import refusal
from omni_actors.adapters.reading import text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

DOWNLOAD_BYTES_MAX: Final = 30_000_000


def fetch(ref: MediaRef, settings: Any, age_s: float) -> Flow[Fetched]:
    """Stream a customer's medium into a blob. Raises SendFailure."""
    url = text(ref.ref.get("url"))
    if url is None:
        why = "the medium has no address"
        raise SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=why))
    call = HttpCall(
        "GET", url, Auth.NONE, download=True, bytes_max=DOWNLOAD_BYTES_MAX, guarded=True,
        idempotent=True,
    )  # fmt: skip
    reply = yield from http(call)
    if not reply.ok or reply.blob is None:
        raise SendFailure(refusal(reply, repeatable=True))
    return Fetched(reply.blob, reply.size, reply.headers.get("content-type"))
