"""The calls that send a part over Instagram.

https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message
"""

from typing import Any

from omni_actors.adapters.contract import PartToSend, Sent
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.reading import text
from omni_actors.model.content import Text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import Flow, HttpCall, http


def send(part: PartToSend, settings: InstagramSettings) -> Flow[Sent]:
    """Send a part. Raises SendFailure."""
    recipient = {"id" if key.kind == "igsid" else key.kind: key.value for key in part.to[:1]}
    body: dict[str, Any] = {"recipient": recipient, "message": _message(part)}
    url = settings.url(settings.account_id, "messages")
    reply = yield from http(HttpCall("POST", url, settings.auth, json=body))
    external_id = text(answer(reply, repeatable=False).get("message_id"))
    if external_id is None:
        why = "the answer is good, but names no message"
        raise SendFailure(Failure(Kind.UNKNOWN, Reason.UNKNOWN, code=str(reply.status), text=why))
    return Sent((external_id,))


def _message(part: PartToSend) -> dict[str, str]:
    if not isinstance(part.content, Text):
        why = f"the form {part.form} is not one of Instagram"
        raise SendFailure(Failure(Kind.REJECTED, Reason.CONTENT_UNSUPPORTED, text=why))
    return {"text": part.content.text}
