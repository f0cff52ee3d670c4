"""A person takes an app's rights back, or wants their data gone: the app's callbacks are called.

Source: developers.facebook.com/docs/development/create-an-app/app-dashboard/
data-deletion-callback
"""

import base64
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.line import ExchangeError, Line
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.world import World, owner_of

VERBS = ("deauthorize", "data_deletion")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
TIMEOUT_S = 10.0


async def act(world: World, channel: Channel, verb: str, request: Request) -> Answer | None:
    """`POST …/deauthorize` and `…/data_deletion`, with the callback's `url`.

    Who removes an app ends its tokens and is told of no more. Raises ControlError, ValueError.
    """
    if request.method != "POST" or verb not in VERBS:
        return None
    document = json.loads(await request.body() or b"{}")
    url = document.get("url") if isinstance(document, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ControlError("`url` must be the address of the app's callback")
    account = channel.account
    if verb == "deauthorize":
        world.book.withdraw(owner_of(account), account.app_id, 458)
        for each in world.channels.values():
            if (owner_of(each.account), each.account.app_id) == (owner_of(account), account.app_id):
                each.standing.subscribed = False
    issued_at = int(world.stage.clock.now())
    signed = signed_request(account.app_secret, owner_of(account), issued_at)
    return json_answer(200, await _called(url, signed))


async def _called(url: str, signed: str) -> dict[str, Any]:
    line = Line(timeout_s=TIMEOUT_S)
    body = urlencode({"signed_request": signed}).encode()
    try:
        reply = await line.call("POST", url, [FORM], body)
    except ExchangeError as error:
        return {"status": None, "error": str(error), "signed_request": signed}
    finally:
        await line.aclose()
    text = reply.body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text
    return {"status": reply.status, "error": None, "answer": answer, "signed_request": signed}


def signed_request(secret: str, user_id: str, issued_at: int) -> str:
    """Who it is about, signed with the app's secret."""
    facts = {"algorithm": "HMAC-SHA256", "issued_at": issued_at, "user_id": user_id}
    payload = _url64(json.dumps(facts, separators=(",", ":")).encode())
    seal = hmac.digest(secret.encode(), payload.encode(), "sha256")
    return f"{_url64(seal)}.{payload}"


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
