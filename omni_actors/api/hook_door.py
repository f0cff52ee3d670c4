"""The hook door: a thin ASGI layer that takes in what platforms send, in front of Quart.

This is the hot path of receiving: a request costs one body, one mapping of headers and one call
into the gateway; the answers are made once, when the module is read.
"""

from typing import TypeAlias

import trio
from attrs import define, field

from omni_actors import telemetry
from omni_actors.api.asgi import (
    Application,
    Event,
    Gone,
    Receive,
    Scope,
    Send,
    TooMuch,
    drain,
    says_more,
)
from omni_actors.api.problems import KINDS, MEDIA_TYPE, Problem, problem_bytes
from omni_actors.api.queries import pairs_of
from omni_actors.api.settings import ApiSettings
from omni_actors.gateway.facade import Gateway

PREFIX = "/webhooks/"
RETRY_AFTER_S = 5

Answer: TypeAlias = tuple[Event, Event]

SECURE: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


def _answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    length = (b"content-length", str(len(body)).encode())
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [length, *headers, *SECURE],
    }
    return start, {"type": "http.response.body", "body": body}


def _problem(code: str, detail: str, *more: tuple[bytes, bytes]) -> Answer:
    headers = [(b"content-type", MEDIA_TYPE.encode()), *more]
    return _answer(KINDS[code].status, headers, problem_bytes(code, detail))


_RETRY = (b"retry-after", str(RETRY_AFTER_S).encode())
_CLOSE = (b"connection", b"close")
TAKEN = _answer(200, [], b"")
ANSWERS = {
    403: _problem("bad_signature", "the request does not come from the platform"),
    404: _problem("unknown_hook", "there is no such hook"),
    503: _problem("unavailable", "nothing was stored; send it again", _RETRY),
}
NOT_ALLOWED = _problem("method_not_allowed", "a hook takes GET and POST", (b"allow", b"GET, POST"))
TOO_LARGE = _problem("too_large", "the body is too large", _CLOSE)
TOO_SLOW = _problem("request_timeout", "the body did not come in time", _CLOSE)
BAD_QUERY = _problem("invalid_request", "the query cannot be read")
OVERLOADED = _problem("overloaded", "too many requests at once; send it again", _RETRY)


@define
class HookDoor:
    """Answers `/webhooks/{hook}` itself and hands everything else to `inner`."""

    gateway: Gateway
    inner: Application
    settings: ApiSettings
    _requests: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.inner(scope, receive, send)
            return
        method = scope["method"]
        if method == "POST":
            answer = await self._post(scope, receive)
        else:
            answer = self._get(scope) if method == "GET" else NOT_ALLOWED
            await drain(receive)
        if answer is not None:
            await send(answer[0])
            await send(answer[1])

    async def _post(self, scope: Scope, receive: Receive) -> Answer | None:
        """Read the body and give it to the gateway; what to answer, if anybody still listens."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        hook = scope["path"][len(PREFIX) :]
        size_max = self.gateway.hook_body_max(hook)
        if says_more(headers.get("content-length", ""), size_max):
            await drain(receive)
            return TOO_LARGE
        held = _Held()
        try:
            with trio.move_on_after(self.settings.hook_timeout_s) as reading:
                raw = await self._body(receive, held, size_max)
            if reading.cancelled_caught:
                return TOO_SLOW
            return await self._receive(hook, headers, raw)
        except Gone:
            return None
        except TooMuch:
            await drain(receive)
            return TOO_LARGE
        except Crowded:
            await drain(receive)
            return OVERLOADED
        finally:
            self._bytes -= held.amount

    async def _body(self, receive: Receive, held: "_Held", size_max: int) -> bytes:
        """The whole body. Raises Gone, TooMuch and Crowded."""
        chunks: list[bytes] = []
        while True:
            event = await receive()
            if event["type"] != "http.request":
                raise Gone
            if chunk := event.get("body"):
                held.amount += len(chunk)
                self._bytes += len(chunk)
                if held.amount > size_max:
                    raise TooMuch
                if self._bytes > self.settings.hook_bytes_max:
                    raise Crowded
                chunks.append(chunk)
            if not event.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _receive(self, hook: str, headers: dict[str, str], raw: bytes) -> Answer:
        if self._requests >= self.settings.hooks_max:
            return OVERLOADED
        self._requests += 1
        try:
            status = await self.gateway.receive(hook, headers, raw)
        except Exception as error:  # noqa: BLE001 - a bug must not cost the platform's patience
            telemetry.error("api.hook_failed", hook=hook, error=type(error).__name__)
            return ANSWERS[503]
        finally:
            self._requests -= 1
        return TAKEN if status == 200 else ANSWERS[status]

    def _get(self, scope: Scope) -> Answer:
        """The platform's handshake."""
        try:
            pairs = pairs_of(scope["query_string"])
        except Problem:
            return BAD_QUERY
        status, challenge = self.gateway.handshake(scope["path"][len(PREFIX) :], dict(pairs))
        if status != 200:
            return ANSWERS[status]
        plain = [(b"content-type", b"text/plain; charset=utf-8")]
        return _answer(200, plain, challenge.encode("utf-8", "replace"))


class Crowded(Exception):
    """The bodies that are held at the moment leave no room for another."""


@define
class _Held:
    """The bytes that one request holds."""

    amount: int = 0
