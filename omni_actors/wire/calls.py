"""Descriptions of calls: what an adapter wants done, for `net` to do.

A call names an auth scheme and never holds a credential; `net` adds the channel's own, only for
the hosts that the adapter names and only over TLS (loopback excepted).
"""

import json
from collections.abc import Generator, Mapping
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from omni_actors.wire.mail import Mail

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
    VERIFIER = "verifier"  # proves that who redeems the code is who asked for it (RFC 7636)
    REFRESH_TOKEN = "refresh_token"


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


class Tls(StrEnum):
    """How a mail server is reached; never in the clear because it did not offer anything better."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"  # required: a server that does not offer it is refused
    PLAIN = "plain"  # to loopback only


class Login(StrEnum):
    """What the account's credential is to a mail server."""

    PASSWORD = "password"
    OAUTH = "oauth"  # an access token, by XOAUTH2 or OAUTHBEARER


@frozen
class MailServer:
    """Where an account's mail is handed over or fetched, and as whom. The credential is `net`'s."""

    host: str
    port: int
    username: str
    tls: Tls = Tls.IMPLICIT
    login: Login = Login.PASSWORD
    ehlo: str = ""  # how we greet; empty: the address literal of our end


@frozen
class MailCall:
    """One mail to hand over. `sender` is the envelope's, empty for a mail that must not bounce.

    `envelope_id` is returned in reports of delivery where the server knows of them (RFC 3461).
    Unless every one of the `required` is accepted nobody gets the mail, so that it can be tried
    again without anybody having it twice.
    """

    server: MailServer
    sender: str
    recipients: tuple[str, ...]
    mail: Mail
    envelope_id: str = ""
    required: tuple[str, ...] = ()
    deadline_s: float = 900.0


class Stage(StrEnum):
    """How far a session came with a mail."""

    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"  # after the final dot


@frozen
class SmtpReply:
    """What a mail server answered: its code, the enhanced one (RFC 3463) if there is one, text."""

    code: int
    enhanced: str = ""
    text: str = ""


@frozen
class MailReply:
    """What became of a mail: the reply that decided, and at which stage.

    At END with a code of 2xx the mail is accepted for those of the `recipients` that were.
    """

    stage: Stage
    reply: SmtpReply
    recipients: Mapping[str, SmtpReply] = field(factory=dict)


@frozen
class GreetCall:
    """Log in where mails are handed over, and hand over none. The reply is a `MailReply`: at MAIL
    with 250, a mail could follow."""

    server: MailServer
    deadline_s: float = 30.0


@frozen
class FindCall:
    """Look for a mail of ours by its Message-ID in a folder of the account, as after an answer that
    was lost."""

    server: MailServer
    folder: str
    message_id: str
    deadline_s: float = 60.0


@frozen
class KeepCall:
    """Put a mail that was sent into a folder of the account."""

    server: MailServer
    folder: str
    mail: Mail
    deadline_s: float = 300.0


@frozen
class FolderReply:
    """Whether the folder has the mail."""

    found: bool


@frozen
class ExtractCall:
    """Decode one part of a mail that is here into a blob; `part` is numbered as in IMAP: `2.1`."""

    blob: str
    part: str
    bytes_max: int = 64 << 20


@frozen
class ExtractReply:
    """The bytes of the part are in `blob`."""

    blob: str
    size: int


Call: TypeAlias = HttpCall | MailCall | GreetCall | FindCall | KeepCall | ExtractCall
Reply: TypeAlias = HttpReply | MailReply | FolderReply | ExtractReply

# A flow yields calls and is sent their replies. It may raise SendFailure, and the driver throws a
# SendFailure into it when a call could not be made.
Flow: TypeAlias = Generator[Call, Any, T]


def http(call: HttpCall) -> Flow[HttpReply]:
    """Make one HTTP call within a flow: `reply = yield from http(HttpCall(…))`."""
    reply: HttpReply = yield call
    return reply
