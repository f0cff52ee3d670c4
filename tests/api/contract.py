"""Holds every answer against the OpenAPI document, more strictly than a caller has to."""

import copy
import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it ships no types

from omni_actors.api import openapi
from omni_actors.api.app import ROUTES
from omni_actors.api.documents import documents
from omni_actors.api.settings import ApiSettings

SETTINGS = ApiSettings(version="0")
ALL_ROUTES = (*ROUTES, *documents(ROUTES, SETTINGS))
DOCUMENT = openapi.document(ALL_ROUTES, version="0", public_url="")
FROM_ANY_PATH = {404, 405}  # what the router itself answers, on paths that stand nowhere


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every object of named members closed, so that an extra one is seen."""
    strict = copy.deepcopy(document)
    for name, schema in strict["components"]["schemas"].items():
        if "properties" in schema and name != "Problem":
            schema["additionalProperties"] = False
    return strict


STRICT = closed(DOCUMENT)


async def check(response: httpx.Response) -> None:
    """Fail when an answer is not one that the document promises."""
    await response.aread()
    request = response.request
    operation = operation_of(request.method, request.url.path)
    assert response.headers["x-content-type-options"] == "nosniff"
    if operation is None or (request.method == "HEAD" and response.status_code == 405):
        assert response.status_code in FROM_ANY_PATH
        return
    assert str(response.status_code) in operation["responses"], response.text
    promised = operation["responses"][str(response.status_code)]
    for name in response.headers:
        if name.title() in openapi.HEADERS or name == "etag":
            assert name.lower() in {header.lower() for header in promised.get("headers", {})}
    if request.method != "HEAD" and response.content:
        check_body(response, promised)


def check_body(response: httpx.Response, promised: dict[str, Any]) -> None:
    """Fail when a body has another type or shape than promised."""
    content = promised["content"]
    given = response.headers["content-type"]
    entry = content.get(given) or content.get(given.partition(";")[0]) or content.get("*/*")
    assert entry is not None, f"{given} is not promised"
    if "json" in given:
        schema = {"components": STRICT["components"], **entry["schema"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request, None when it says nothing."""
    for template, item in STRICT["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[A-Za-z0-9._~-]{1,128}", re.escape(template))
        name = "get" if method == "HEAD" else method.lower()
        if re.fullmatch(pattern, path) and name in item:
            operation: dict[str, Any] = item[name]
            return operation
    return None
