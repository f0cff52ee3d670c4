"""The application: hook door in front, bodies kept aside, and Quart-Trio for everything else.

One table of routes makes the rules, who may come in, what is decoded and the OpenAPI document.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field
from quart import Response, g, request, websocket
from quart.wrappers.response import ResponseBody
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter

from omni_actors import telemetry
from omni_actors.api import (
    channels,
    choice_pages,
    connect,
    contacts,
    conversations,
    dead_letters,
    decode,
    events,
    groups,
    jsontext,
    keys,
    mail_templates,
    media,
    messages,
    operations,
    profiles,
    templates,
)
from omni_actors.api.access import admit
from omni_actors.api.asgi import Application, Scope
from omni_actors.api.documents import documents
from omni_actors.api.hook_door import HookDoor
from omni_actors.api.incoming import KEY, BodyDoor, Incoming
from omni_actors.api.live import LIVE, LiveDoor
from omni_actors.api.problems import MEDIA_TYPE, Problem, code_of, refusal
from omni_actors.api.queries import pairs_of
from omni_actors.api.routes import Call, Reply, Route, Source
from omni_actors.api.settings import ApiSettings
from omni_actors.api.spell import json_bytes
from omni_actors.gateway.facade import Code, Gateway, Mistake, RequestError

ROUTES: tuple[Route, ...] = (
    *messages.ROUTES,
    *conversations.ROUTES,
    *contacts.ROUTES,
    *channels.ROUTES,
    *connect.ROUTES,
    *choice_pages.ROUTES,
    *templates.ROUTES,
    *mail_templates.ROUTES,
    *groups.ROUTES,
    *profiles.ROUTES,
    *events.ROUTES,
    LIVE,
    *dead_letters.ROUTES,
    *media.ROUTES,
    *keys.ROUTES,
    *operations.ROUTES,
)
SECURE = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
LIVE_SOCKET = "live_socket"
HEADERS_MAX = 100
STREAM_S_MIN = 60.0
STREAM_BYTES_PER_S = 16 * 1024

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)


def build_app(gateway: Gateway, settings: ApiSettings) -> Application:
    """The whole door as one ASGI callable."""
    app = QuartTrio(__name__, static_folder=None)
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False
    routes = (*ROUTES, *documents(ROUTES, settings))
    door = Door(gateway, settings, routes)
    for route in routes:
        app.add_url_rule(
            route.rule,
            route.name,
            door.view(route),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.add_websocket(LIVE.rule, LIVE_SOCKET, door.serve_live)
    app.before_request(door.admit_request)
    app.before_websocket(door.admit_websocket)
    app.after_request(door.finish)
    app.after_websocket(door.finish)
    for kind in (Problem, RequestError, HTTPException, Exception):
        app.register_error_handler(kind, door.explain)
    return HookDoor(gateway, BodyDoor(app), settings)


class IdConverter(BaseConverter):
    """The ids of our nouns; anything else is not found."""

    regex = "[A-Za-z0-9._~-]{1,128}"


class SourceBody(ResponseBody):
    """A body that is read from a source while it is sent."""

    def __init__(self, source: Source) -> None:
        self.source = source

    async def __aenter__(self) -> Any:
        return await self.source.__aenter__()

    async def __aexit__(self, *problem: Any) -> None:
        await self.source.__aexit__(*problem)  # noqa: ASYNC102 - the source bounds its own end


@define
class Door:
    """What happens to each request between Quart and its handler."""

    gateway: Gateway
    settings: ApiSettings
    routes: tuple[Route, ...]
    live: LiveDoor = field(init=False)
    _by_name: dict[str, Route] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.live = LiveDoor(self.gateway, self.settings.live_max)
        self._by_name = {route.name: route for route in self.routes} | {LIVE_SOCKET: LIVE}

    async def admit_request(self) -> None:
        """Bounds, request id, key, scope and rate, before anything else is looked at."""
        self._admit(request)

    async def admit_websocket(self) -> None:
        """The same for a WebSocket, before its handshake is answered."""
        self._admit(websocket)

    def _admit(self, asked: Any) -> None:
        scope: Scope = asked.scope
        g.route = "unmatched"
        g.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        g.request_id = self._request_id(g.headers.get("x-request-id"))
        self._bound(scope)
        if asked.routing_exception is not None:
            raise asked.routing_exception
        route = self._by_name[asked.url_rule.endpoint]
        g.route = route.name
        g.caller = admit(self.gateway, route, g.headers, scope)

    def _request_id(self, given: str | None) -> str:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return self.settings.request_id()

    def _bound(self, scope: Scope) -> None:
        """Raises Problem when URL or headers are larger than any honest ones."""
        if len(scope["path"]) + len(scope["query_string"]) > self.settings.url_bytes_max:
            raise Problem("uri_too_long", f"the URL has more than {self.settings.url_bytes_max}")
        size = sum([len(name) + len(value) for name, value in scope["headers"]])
        if size > self.settings.header_bytes_max or len(scope["headers"]) > HEADERS_MAX:
            raise Problem("headers_too_large", "the headers are too many or too large")

    def view(self, route: Route) -> Callable[..., Awaitable[Response]]:
        """What Quart calls for a route."""

        async def serve(**path: str) -> Response:
            return respond(await route.handler(await self._call(route, path)))

        return serve

    async def serve_live(self) -> None:
        """One reader of the live feed."""
        await self.live.serve(g.caller)

    async def _call(self, route: Route, path: Mapping[str, str]) -> Call[Any, Any]:
        """The request, decoded. Raises Problem."""
        pairs = pairs_of(request.scope["query_string"])
        query: Any = route.query() if route.any_query else decode.query(pairs, route.query)
        if route.writes:
            self.gateway.accepting()
        scope: Scope = request.scope
        incoming: Incoming | None = scope.get(KEY)
        document = await self._document(route, incoming)
        return Call(
            gateway=self.gateway,
            caller=g.caller,
            method=request.method,
            target=request.path,
            path=path,
            pairs=tuple(pairs),
            query=query,
            body=None if route.body is None else decode.body(document, route.body),
            headers=g.headers,
            bounds=self.settings,
            incoming=incoming,
            idempotency_key=idempotency_key(g.headers) if route.idempotent else None,
            fingerprint=fingerprint(request.method, request.path, document),
        )

    async def _document(self, route: Route, incoming: Incoming | None) -> Any:
        """The JSON of the body, None for a route that takes none."""
        if incoming is None or route.streams:
            return None
        raw = await incoming.read(self.settings.json_bytes_max, self.settings.body_timeout_s)
        if route.body is None:
            return None
        given = g.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in route.body_types:
            wanted = " or ".join(route.body_types)
            detail = f"Content-Type must be {wanted}; it is {given[:80] or 'missing'}"
            raise Problem("unsupported_media_type", detail)
        return jsontext.parse(raw)

    async def finish(self, response: Any) -> Any:
        """The headers that every answer has, and its count."""
        if response is None:
            return None
        for name, value in SECURE.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = g.request_id
        telemetry.of(telemetry.API_REQUESTS, g.route, str(response.status_code)).inc()
        return response

    async def explain(self, error: Exception) -> Response:
        """Any error as a problem. What is not the caller's fault is logged, without content."""
        refused = refusal(self._problem(error), g.get("request_id"))
        headers = {**refused.headers, "Content-Type": MEDIA_TYPE}
        return Response(refused.body, refused.status, headers)

    def _problem(self, error: Exception) -> RequestError | Problem:
        if isinstance(error, RequestError | Problem):
            return error
        if isinstance(error, HTTPException):
            return problem_of(error)
        telemetry.error(
            "api.failed",
            route=g.get("route"),
            request_id=g.get("request_id"),
            error=type(error).__name__,
            place=telemetry.place_of(error),
        )
        return Problem("internal", "the gateway failed; the request id helps to find out why")


def respond(reply: Reply) -> Response:
    """A handler's reply as Quart sends it."""
    headers = {**reply.headers, "Content-Type": reply.media_type}
    if reply.source is not None:
        response = Response(status=reply.status, headers=headers)
        response.response = SourceBody(reply.source)
        length = int(reply.headers.get("Content-Length", "0"))
        response.timeout = STREAM_S_MIN + length / STREAM_BYTES_PER_S
        return response
    body = json_bytes(reply.view) if reply.raw is None else reply.raw
    response = Response(body, reply.status, headers)
    if "Content-Length" in reply.headers:
        response.headers["Content-Length"] = reply.headers["Content-Length"]
    return response


def problem_of(error: HTTPException) -> Problem:
    """What Quart and its router find, in our words."""
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return Problem(
            "method_not_allowed", f"this path takes {allowed}", headers={"Allow": allowed}
        )
    if isinstance(error, NotFound):
        return Problem(Code.NOT_FOUND, "nothing is at this path")
    return Problem(code_of(error.code or 500), error.description or error.name)


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The Idempotency-Key of a request. Raises Problem for one that cannot be kept."""
    key = headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        detail = "is 1 to 255 printable characters without spaces"
        raise Problem(
            Code.INVALID, f"Idempotency-Key {detail}", mistakes=[Mistake("Idempotency-Key", detail)]
        )
    return key


def fingerprint(method: str, path: str, document: Any) -> str:
    """What tells one request from another, whatever the order of its members."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{method} {path}\n{canonical}".encode()).hexdigest()
