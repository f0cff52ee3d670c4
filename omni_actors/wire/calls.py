"""Descriptions of calls: what an adapter wants done, for `net` to do.

A call names an auth scheme and never holds a credential; `net` adds the channel's own, only for
the hosts that the adapter names and only over TLS (loopback excepted).
"""

import json
from collections.abc import Generator, Mapping
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

T = TypeVar("T")


class Auth(StrEnum):
    """Where the credential goes."""

    NONE = "none"
    BEARER = "bearer"  # Authorization: Bearer <token>
    OAUTH = "oauth"  # Authorization: OAuth <token>
    QUERY = "query"  # ?access_token=<token>
    PROOF = "proof"  # bearer, and ?appsecret_proof=<hmac of the token> where there is an app secret
    INSPECT = "inspect"  # as proof, and ?input_token=<token>: the token is what is asked about
    APP = "app"  # the bearer is the app itself: its id and its secret
    SASL = "sasl"  # within a mail session


class Secret(StrEnum):
    """A value that a call needs under a name of the platform's own, beside or instead of an auth.

    Like a credential it is filled in by `net`, and only for the hosts that may see it.
    """

    APP_SECRET = "app_secret"
    TOKEN = "token"
    CODE = "code"  # what the platform gave a person's browser, for the app to redeem once


@frozen
class Upload:
    """A file, streamed from a blob: one of a multipart form, or a body of its own."""

    field_name: str
    blob: str
    filename: str
    mime: str
    size: int


@frozen
class HttpCall:
    """One HTTP request. At most one of `json`, `form` (with `upload`), `upload` alone and `body`.

    An `upload` without a form is the whole body.
    `download`: the body of a 2xx answer is streamed into a blob, at most `bytes_max`, and the reply
    carries the blob instead of bytes; they must have the hash `sha256` (hex) if one is given. With
    `resume`, a name, what came of a body that breaks off is kept, and the next call of that name
    asks for the rest only. Otherwise at most `bytes_max` bytes of it are read.
    `idempotent`: the call may be made again when its answer is lost, so nothing is in doubt.
    `secrets` names parameters of the form, or of the query where there is no form, and what secret
    each of them takes.
    """

    method: str
    url: str
    auth: Auth = Auth.BEARER
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    secrets: Mapping[str, Secret] = field(factory=dict)
    upload: Upload | None = None
    body: bytes | None = None
    download: bool = False
    sha256: str | None = None
    resume: str | None = None
    bytes_max: int = 1 << 20
    deadline_s: float = 30.0
    idempotent: bool = False
    guarded: bool = False  # the URL did not come from the config: the SSRF guard stands before it


@frozen
class HttpReply:
    """The answer, whatever its status. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    blob: str | None = None
    size: int = 0

    def document(self) -> Any:
        """The body decoded as JSON; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@frozen
class MailCall:
    """One mail to hand over: envelope addresses and the raw message, from a blob."""

    sender: str
    recipients: tuple[str, ...]
    blob: str
    size: int
    deadline_s: float = 300.0


@frozen
class MailReply:
    """What the mail server said: per recipient (code, text); code 250 is accepted."""

    results: Mapping[str, tuple[int, str]]
    queue_id: str | None = None


Call: TypeAlias = HttpCall | MailCall
Reply: TypeAlias = HttpReply | MailReply

# A flow yields calls and is sent their replies. It may raise SendFailure, and the driver throws a
# SendFailure into it when a call could not be made.
Flow: TypeAlias = Generator[Call, Any, T]


def http(call: HttpCall) -> Flow[HttpReply]:
    """Make one HTTP call within a flow: `reply = yield from http(HttpCall(…))`."""
    reply: HttpReply = yield call
    return reply
