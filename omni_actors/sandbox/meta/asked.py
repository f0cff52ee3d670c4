"""The parameters of a call to Meta's Graph: its query, and JSON, a form or a multipart body."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from attrs import frozen

from omni_actors.sandbox import graph
from omni_actors.sandbox.forms import FormPart, form_parts
from omni_actors.sandbox.http import JSON_BODY_BYTES_MAX, Request
from omni_actors.sandbox.meta.errors import refusal

UPLOAD_BYTES_MAX = 26 * 1_048_576
CREDENTIALS = frozenset({"access_token", "appsecret_proof", "appsecret_time"})


@frozen
class Asked:
    """What a caller said. A form's values that are JSON objects or lists are taken as such."""

    values: Mapping[str, Any]
    file: FormPart | None = None

    def text(self, name: str) -> str:
        """A parameter as text; empty when it is not there."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def need(self, name: str) -> str:
        """A parameter that must be there. Raises GraphError."""
        value = self.text(name)
        if not value:
            raise refusal(100, details=f"The parameter {name} is required")
        return value


async def asked_of(request: Request) -> Asked:
    """Everything the caller said, without the credentials. Raises GraphError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    multipart = kind == "multipart/form-data"
    body = await request.body(UPLOAD_BYTES_MAX if multipart else JSON_BODY_BYTES_MAX)
    given: dict[str, Any] = {}
    file = None
    if multipart:
        given, file = _multipart(request.headers["content-type"], body)
    elif kind == "application/json" or body.lstrip()[:1] == b"{":
        given = graph.json_object(body) if body else {}
    else:
        given = _plain(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    whole = {**_plain(request.query), **given}
    return Asked({key: value for key, value in whole.items() if key not in CREDENTIALS}, file)


def _multipart(content_type: str, body: bytes) -> tuple[dict[str, Any], FormPart | None]:
    try:
        parts = {part.name: part for part in form_parts(content_type, body)}
    except ValueError as error:
        raise refusal(100, details=str(error)) from None
    file = parts.pop("filedata", None)
    texts = {name: part.content.decode("utf-8", "replace") for name, part in parts.items()}
    return _plain(texts), file


def _plain(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: _read(text) for name, text in texts.items()}


def _read(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
