"""Messages: sending, previewing, looking at, cancelling."""

from omni_actors.api import render
from omni_actors.api.problems import Problem
from omni_actors.api.requests import NoQuery, Receipt
from omni_actors.api.routes import Call, Listing, Reply, Route, listing, replay_headers
from omni_actors.api.views import AttemptView, MessageView, PreviewView, SentView
from omni_actors.gateway.facade import Code, Mistake, Sign
from omni_actors.model.requests import SendRequest

SENDING = (
    Code.NOT_FOUND,
    Code.UNKNOWN_CHANNEL,
    Code.BAD_ADDRESS,
    Code.NO_IDENTITY,
    Code.NO_CHANNEL_LEFT,
    Code.CONTENT_UNSUPPORTED,
    Code.CONTROLLED_ELSEWHERE,
    Code.OUTSIDE_WINDOW,
    Code.MEDIA_PENDING,
    Code.MEDIA_FAILED,
    Code.MEDIA_UNKNOWN,
    Code.TEMPLATE_UNUSABLE,
    Code.TEMPLATE_PARAMS,
)
EXAMPLE = {
    "to": {"channel_id": "wa-support", "address": "+447700900123"},
    "content": {
        "type": "choices",
        "text": "Which **day** suits you?",
        "format": "markdown",
        "options": [{"id": "mon", "title": "Monday"}, {"id": "tue", "title": "Tuesday"}],
    },
    "delivery": {"on_closed_window": "hold"},
    "expires_in_s": 86400,
    "metadata": {"order": "77"},
}


async def send_message(call: Call[NoQuery, SendRequest]) -> Reply:
    """Take a message for sending."""
    answer = await call.gateway.submit(
        call.caller, call.body, call.idempotency_key, call.fingerprint
    )
    location = {"Location": f"/v1/messages/{answer.message_id}"}
    headers = location | replay_headers(answer.replayed)
    return Reply(render.sent(answer.body), 202, headers)


async def preview_message(call: Call[NoQuery, SendRequest]) -> Reply:
    """Show what a message would become."""
    return Reply(render.preview(await call.gateway.preview(call.caller, call.body)))


async def get_message(call: Call[NoQuery, None]) -> Reply:
    """One message."""
    return Reply(render.message(await call.gateway.message(call.caller, call.path["message_id"])))


async def list_attempts(call: Call[NoQuery, None]) -> Reply:
    """Every try to send the message's parts."""
    message = await call.gateway.message(call.caller, call.path["message_id"])
    rows = await call.gateway.attempts(call.caller, message.id)
    items = [render.attempt(row, message.platform) for row in rows]
    return listing(call, items, None)


async def read_message(call: Call[NoQuery, Receipt]) -> Reply:
    """Tell the customer that it was read."""
    message = await call.gateway.show_sign(call.caller, call.path["message_id"], sign_of(call.body))
    return Reply(render.message(message))


def sign_of(receipt: Receipt) -> Sign:
    """What the customer is to be shown. Raises Problem."""
    if receipt.typing and receipt.stop_typing:
        why = "either the customer is shown that somebody types, or no longer"
        raise Problem(Code.INVALID, why, mistakes=[Mistake("/stop_typing", why)])
    if receipt.stop_typing:
        return Sign.STOPPED
    return Sign.TYPING if receipt.typing else Sign.READ


async def cancel_message(call: Call[NoQuery, None]) -> Reply:
    """Cancel what has not been claimed."""
    return Reply(render.message(await call.gateway.cancel(call.caller, call.path["message_id"])))


async def release_message(call: Call[NoQuery, None]) -> Reply:
    """Send once more, behind what its leg has queued, what `on_unknown: hold` has held.

    The platform may have it already: the parts are marked `maybe_duplicate`. What waits for a reply
    window is not released.
    """
    return Reply(render.message(await call.gateway.release(call.caller, call.path["message_id"])))


ROUTES = (
    Route(
        "POST",
        "/v1/messages",
        send_message,
        "Send a message",
        answer=SentView,
        status=202,
        scope="messages:write",
        body=SendRequest,
        idempotent=True,
        writes=True,
        codes=SENDING,
        headers=("Location",),
        example=EXAMPLE,
    ),
    Route(
        "POST",
        "/v1/messages:preview",
        preview_message,
        "Show what a message would become, without sending it",
        answer=PreviewView,
        scope="messages:write",
        body=SendRequest,
        codes=SENDING,
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/v1/messages/{message_id}",
        get_message,
        "One message with its parts, statuses and reasons",
        answer=MessageView,
        scope="messages:read",
    ),
    Route(
        "GET",
        "/v1/messages/{message_id}/attempts",
        list_attempts,
        "Every try to send it, with masked requests and answers",
        answer=Listing(AttemptView),
        scope="messages:read",
    ),
    Route(
        "POST",
        "/v1/messages/{message_id}:cancel",
        cancel_message,
        "Cancel what has not been claimed for sending",
        answer=MessageView,
        scope="messages:write",
        writes=True,
        codes=(Code.TOO_LATE,),
    ),
    Route(
        "POST",
        "/v1/messages/{message_id}:release",
        release_message,
        "Send once more what is held because nobody knows whether it arrived",
        answer=MessageView,
        scope="messages:write",
        writes=True,
        codes=(Code.NOT_HELD,),
    ),
    Route(
        "POST",
        "/v1/messages/{message_id}:read",
        read_message,
        "Tell the customer that it was read, or that an answer is being written, or no longer",
        answer=MessageView,
        scope="messages:write",
        body=Receipt,
        example={"typing": True},
        writes=True,
        codes=(Code.CONTENT_UNSUPPORTED, Code.PLATFORM_REFUSED),
    ),
)
