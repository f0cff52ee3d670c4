"""The manners of the Graph API that all platforms behind it share: versions, errors, tokens."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.sandbox.http import Answer, Request, json_answer

_VERSION = re.compile(r"v\d{1,3}\.\d")


@frozen
class GraphError(Exception):
    """A refusal in the platform's own words; `status` is the HTTP status."""

    status: int
    code: int
    message: str
    details: str = ""
    subcode: int | None = None
    kind: str = "OAuthException"
    is_transient: bool | None = None
    product: str | None = None

    def document(self, trace_id: str) -> dict[str, Any]:
        """The error object as the Graph API writes it."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.details:
            extra = {"messaging_product": self.product} if self.product else {}
            error["error_data"] = {**extra, "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.is_transient is not None:
            error["is_transient"] = self.is_transient
        return {"error": {**error, "fbtrace_id": trace_id}}

    def answer(self, *headers: tuple[str, str]) -> Answer:
        """The error as an answer."""
        text = f"{self.code}{self.message}{self.details}"
        trace_id = "A" + hashlib.sha256(text.encode()).hexdigest()[:21]
        challenge = ("WWW-Authenticate", f'OAuth "Facebook Platform" "{self.kind}" "error"')
        if self.status == 401:
            headers = (challenge, *headers)
        return json_answer(self.status, self.document(trace_id), *headers)


def unknown_object(object_id: str, method: str) -> GraphError:
    """No object of this id, or no right to it: the Graph API does not tell which."""
    return GraphError(
        status=400,
        code=33,
        subcode=33,
        kind="GraphMethodException",
        message=f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not "
        "exist, cannot be loaded due to missing permissions, or does not support this operation.",
    )


def unknown_path(path: str) -> GraphError:
    """No such edge."""
    return GraphError(
        status=400,
        code=2500,
        message=f"Unknown path components: {path}",
    )


def bad_token(details: str, subcode: int | None = None) -> GraphError:
    """The token is missing, malformed, expired or not ours."""
    return GraphError(status=401, code=190, message=details, subcode=subcode)


def route_of(request: Request) -> list[str]:
    """The path without its version."""
    segments = request.segments
    return segments[1:] if segments and _VERSION.fullmatch(segments[0]) else segments


def token_of(request: Request) -> str:
    """The caller's token. Raises GraphError when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "oauth") and token.strip():
        return token.strip()
    if token := request.query.get("access_token", ""):
        return token
    raise bad_token("An access token is required to request this resource.")


def check_proof(request: Request, token: str, app_secret: str, *, required: bool) -> None:
    """Check `appsecret_proof` when it is given or demanded. Raises GraphError."""
    proof = request.query.get("appsecret_proof")
    if proof is None:
        if required:
            raise _proof("API calls from the server require an appsecret_proof argument")
        return
    moment = request.query.get("appsecret_time")
    text = token if moment is None else f"{token}|{moment}"
    right = hmac.digest(app_secret.encode(), text.encode(), "sha256").hex()
    if not hmac.compare_digest(right.encode(), proof.encode()):
        raise _proof("Invalid appsecret_proof provided in the API argument")


def _proof(message: str) -> GraphError:
    return GraphError(status=401, code=104, message=message, kind="GraphMethodException")


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises GraphError."""
    try:
        document = json.loads(body)
    except ValueError:
        raise GraphError(
            400, 100, "(#100) Invalid parameter", "The body is not valid JSON"
        ) from None
    if not isinstance(document, dict):
        raise GraphError(400, 100, "(#100) Invalid parameter", "The body is not a JSON object")
    return document


def escaped(document: Mapping[str, Any]) -> bytes:
    r"""JSON the way Meta writes it in webhooks: `\u00e1` and `\/`, no spaces."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode("ascii")
