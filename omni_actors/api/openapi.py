"""The OpenAPI 3.1 document, made from the table of routes."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import fields

from omni_actors.api.bounds import ID_PATTERN
from omni_actors.api.problems import KINDS, MEDIA_TYPE, ProblemView, phrase
from omni_actors.api.routes import Access, Listing, Route
from omni_actors.api.shapes import Schema, Shapes, summary_of
from omni_actors.gateway.facade import Code

DESCRIPTION = (
    "One API and one conversation per person, whatever channel the person writes from. "
    "A 2xx means that the data survives a crash. Times are RFC 3339 in UTC. Errors are RFC 9457 "
    "problems with a stable `code`; a request id leads to the log. Accept unknown members and "
    "unknown event types: they may be added."
)
EVERYWHERE = (Code.INVALID, "uri_too_long", "headers_too_large", "internal")
WITH_KEY = ("unauthenticated", "insufficient_scope", Code.RATE_LIMITED)
WITH_BODY = ("request_timeout", Code.TOO_LARGE)
WITH_WRITES = (Code.DRAINING, Code.DISK_FULL)

_STRING: Schema = {"type": "string"}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": {"description": "Leads to the log.", "schema": _STRING},
    "Location": {"description": "Where the thing is.", "schema": _STRING},
    "Link": {"description": "`rel=next` leads to the next page.", "schema": _STRING},
    "ETag": {"description": "The version, for If-Match.", "schema": _STRING},
    "Allow": {"description": "The methods of this path.", "schema": _STRING},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer to an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Content-Disposition": {"description": "Always an attachment.", "schema": _STRING},
    "WWW-Authenticate": {"description": "What kind of key is needed.", "schema": _STRING},
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
REQUEST_HEADERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "The caller's name for this request; one that does not fit is replaced.",
        "schema": _STRING,
    },
    "Idempotency-Key": {
        "description": "Makes it safe to send the same request again for 24 hours.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "If-Match": {
        "description": "The ETag that the change is based on.",
        "schema": {"type": "string", "pattern": '^("?[0-9]{1,18}"?|\\*)$'},
    },
    "Content-Disposition": {
        "description": "`attachment; filename=…` names the file.",
        "schema": _STRING,
    },
}
EXPLAINED_BY_HEADER = {
    401: "WWW-Authenticate",
    403: "WWW-Authenticate",
    405: "Allow",
    409: "Retry-After",
    429: "Retry-After",
    502: "Retry-After",
    503: "Retry-After",
}


def document(routes: Iterable[Route], *, version: str, public_url: str) -> dict[str, Any]:
    """The whole document."""
    shapes = Shapes()
    shapes.of(ProblemView, asked=False)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, shapes)
    paths["/webhooks/{hook}"] = _hook()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "omni-actors",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url or "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shapes.components.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def codes_of(route: Route) -> tuple[str, ...]:
    """The problems that a route may answer with."""
    codes: list[str] = [*EVERYWHERE, *route.codes]
    if route.access is not Access.PUBLIC:
        codes += WITH_KEY
    if route.method not in ("GET", "HEAD"):
        codes += WITH_BODY
    if route.body is not None:
        codes.append("unsupported_media_type")
    if "{" in route.path:
        codes.append(Code.NOT_FOUND)
    if route.writes:
        codes += WITH_WRITES
    if route.idempotent:
        codes += (Code.IDEMPOTENCY_MISMATCH, Code.IDEMPOTENCY_RUNNING)
    return tuple(dict.fromkeys([str(code) for code in codes]))


def _operation(route: Route, shapes: Shapes) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "description": summary_of(route.handler),
        "tags": [route.tag],
        "security": _security(route),
        "parameters": _parameters(route, shapes),
        "responses": _responses(route, shapes),
    }
    if route.body is not None:
        schema = shapes.of(route.body, asked=True)
        content = {kind: {"schema": schema, "example": route.example} for kind in route.body_types}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.streams:
        content = {kind: {"schema": {}} for kind in route.body_types}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(route: Route) -> list[Schema]:
    match route.access:
        case Access.PUBLIC:
            return []
        case Access.KEY:
            return [{"key": [route.scope]}]
        case Access.OPERATOR:
            return [{"key": ["operate"]}]
        case Access.OPERATOR_OR_LOOPBACK:
            return [{"key": ["operate"]}, {}]


def _parameters(route: Route, shapes: Shapes) -> list[Schema]:
    parameters: list[Schema] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": ID_PATTERN},
        }
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    for attribute in fields(route.query):
        schema = shapes.property_of(route.query, attribute, asked=True)
        parameter = {"name": attribute.name, "in": "query", "schema": _without_null(schema)}
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter)
    wanted = ["X-Request-Id", *(["Idempotency-Key"] if route.idempotent else [])]
    for name in (*wanted, *route.request_headers):
        parameters.append({"name": name, "in": "header", **REQUEST_HEADERS[name]})
    return parameters


def _without_null(schema: Schema) -> Schema:
    """A parameter is there or not; it is never null."""
    if "anyOf" in schema:
        return dict(schema["anyOf"][0])
    kind = schema.get("type")
    return schema | {"type": kind[0]} if isinstance(kind, list) else schema


def _responses(route: Route, shapes: Shapes) -> Schema:
    replayed = ["Idempotency-Replayed"] if route.idempotent else []
    answer: Schema = {
        "description": route.summary,
        "headers": _headers(["X-Request-Id", *route.headers, *replayed]),
    }
    if route.status != 101:
        answer["content"] = {route.answer_type: {"schema": _answer(route, shapes)}}
    statuses = (route.status, *route.also)
    responses: Schema = {str(status): answer for status in statuses}
    return _joined(responses, _problems(codes_of(route)))


def _joined(responses: Schema, problems: Schema) -> Schema:
    """Both; a status that an answer and a problem share has the content of either."""
    joined = responses | problems
    for status in responses.keys() & problems.keys():
        content = responses[status].get("content", {}) | problems[status]["content"]
        joined[status] = {**responses[status], "content": content}
    return joined


def _answer(route: Route, shapes: Shapes) -> Schema:
    match route.answer:
        case None:
            return {}
        case Listing(item):
            return {
                "type": "object",
                "properties": {
                    "items": {"type": "array", "items": shapes.of(item, asked=False)},
                    "next": {
                        "type": ["string", "null"],
                        "description": "The `after` of the next page; null at the end.",
                    },
                },
                "required": ["items", "next"],
            }
        case view:
            return shapes.of(view, asked=False)


def _problems(codes: Sequence[str]) -> Schema:
    """Problems by status; the description names their codes."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {str(status): _problem(status, named) for status, named in sorted(by_status.items())}


def _problem(status: int, codes: Sequence[str]) -> Schema:
    headers = ["X-Request-Id"]
    if status in EXPLAINED_BY_HEADER:
        headers.append(EXPLAINED_BY_HEADER[status])
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"status": {"const": status}}},
        ]
    }
    return {
        "description": f"{phrase(status)}: {', '.join([f'`{code}`' for code in codes])}",
        "headers": _headers(headers),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _headers(names: Iterable[str]) -> Schema:
    return {name: HEADERS[name] for name in names}


def _hook() -> Schema:
    """The door that platforms use; it stands in front of the routes."""
    hook = {"name": "hook", "in": "path", "required": True, "schema": _STRING}
    plain = {"text/plain": {"schema": _STRING}}
    return {
        "parameters": [hook],
        "get": {
            "operationId": "verify_hook",
            "summary": "The platform makes sure that the URL is ours",
            "tags": ["hooks"],
            "security": [],
            "responses": {
                "200": {"description": "The challenge.", "content": plain},
                **_problems((Code.INVALID, "bad_signature", Code.UNKNOWN_HOOK)),
            },
        },
        "post": {
            "operationId": "receive_hook",
            "summary": "The platform tells what happened; 200 means that it is stored",
            "tags": ["hooks"],
            "security": [],
            "requestBody": {"required": True, "content": {"*/*": {"schema": {}}}},
            "responses": {
                "200": {"description": "Stored."},
                **_problems(
                    ("bad_signature", Code.UNKNOWN_HOOK, *WITH_BODY, Code.OVERLOADED, "unavailable")
                ),
            },
        },
    }
