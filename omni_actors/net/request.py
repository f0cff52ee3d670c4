"""What a described call looks like on the wire, the credential added where it may go."""

import hmac
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, assert_never
from urllib.parse import quote, urlencode

import httpcore
import httpx
from attrs import evolve, frozen

from omni_actors import __version__
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net.account import Account
from omni_actors.wire.calls import Auth, HttpCall, Secret
from omni_actors.wire.hosts import is_loopback

Headers = list[tuple[bytes, bytes]]

CONNECT_TIMEOUT_S: Final = 5.0
COMMON_HEADERS: Final = (
    (b"User-Agent", f"omni-actors/{__version__}".encode()),
    (b"Accept", b"*/*"),
    # We count bytes as they come, so none may grow on the way.
    (b"Accept-Encoding", b"identity"),
)
OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


@frozen
class Place:
    """Where a URL leads. `names` are the ways to write its host in a list of allowed hosts.

    `private` tells that nobody in between can read: TLS, or this machine itself.
    """

    origin: httpcore.Origin
    shown: str  # scheme, host and port: what an error text may say
    host_header: bytes
    target: bytes
    names: frozenset[str]
    private: bool


@lru_cache(maxsize=1024)
def place_of(url: str) -> Place:
    """Read a URL. Raises SendFailure without quoting it, since it may hold a secret."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise _refused(Reason.BAD_REQUEST, "the URL of the call is not readable as one") from None
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host or parsed.userinfo:
        text = "the URL of the call must be http(s)://host… without user-info"
        raise _refused(Reason.BAD_REQUEST, text)
    port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
    netloc = parsed.netloc.decode("ascii").lower()
    host_port = netloc if parsed.port else f"{netloc}:{port}"
    return Place(
        origin=httpcore.Origin(parsed.raw_scheme, parsed.raw_host, port),
        shown=f"{parsed.scheme}://{netloc}",
        host_header=netloc.encode(),
        target=parsed.raw_path,
        names=frozenset({netloc, host_port}),
        private=parsed.scheme == "https" or is_loopback(parsed.host),
    )


@frozen
class Outgoing:
    """A request ready to go. `size` counts the bytes of its body."""

    place: Place
    target: bytes
    headers: Headers


def outgoing(call: HttpCall, account: Account, mime: str | None, size: int | None) -> Outgoing:
    """The request line and the headers of `call` with a body of `mime` and `size`.

    Raises SendFailure when the credential may not go where the call wants it.
    """
    place = place_of(call.url)
    secret_headers, secret_query = _credential(call.auth, account, place)
    target = _with_query(place.target, {**call.query, **secret_query})
    headers: Headers = [(b"Host", place.host_header), *COMMON_HEADERS, *secret_headers]
    if size is not None:
        headers.append((b"Content-Length", b"%d" % size))
    if mime is not None and not any(name.lower() == "content-type" for name in call.headers):
        headers.append((b"Content-Type", mime.encode(errors="replace")))
    headers += _given(call.headers)
    return Outgoing(place, target, headers)


def _credential(auth: Auth, account: Account, place: Place) -> tuple[Headers, dict[str, str]]:
    """What proves who we are: headers and query values."""
    if auth is Auth.NONE:
        return [], {}
    _require_allowed(account, place)
    match auth:
        case Auth.BEARER:
            return _bearer(_token(account)), {}
        case Auth.OAUTH:
            return [(b"Authorization", b"OAuth " + _token(account).encode())], {}
        case Auth.QUERY:
            return [], {"access_token": _token(account)}
        case Auth.PROOF:
            return _bearer(_token(account)), _proof(account)
        case Auth.INSPECT:
            token = _token(account)
            return _bearer(token), {"input_token": token, **_proof(account)}
        case Auth.APP:
            return _bearer(_app_token(account)), {}
        case Auth.SASL:
            raise _refused(Reason.INTERNAL, "an HTTP call cannot authenticate as mail does")
        case _:
            assert_never(auth)


def _require_allowed(account: Account, place: Place) -> None:
    if not place.private:
        text = f"the credential goes over TLS only, so not to {place.shown}"
        raise _refused(Reason.CHANNEL_MISCONFIGURED, text)
    if not account.admits(place.names):
        text = f"the credential may not be shown to {place.host_header.decode()}"
        raise _refused(Reason.CHANNEL_MISCONFIGURED, text)


def _token(account: Account) -> str:
    if not _TOKEN.fullmatch(account.token):
        text = "the access token is empty or holds characters that no token has"
        raise _refused(Reason.CHANNEL_MISCONFIGURED, text)
    return account.token


def with_secrets(call: HttpCall, account: Account) -> HttpCall:
    """The call with the secrets in it that it names. It must not be shown to anybody any more.

    Raises SendFailure when they may not go where the call wants them, or are not there.
    """
    if not call.secrets:
        return call
    _require_allowed(account, place_of(call.url))
    values = {name: _secret(secret, account) for name, secret in call.secrets.items()}
    if call.form is not None:
        return evolve(call, form={**call.form, **values}, secrets={})
    return evolve(call, query={**call.query, **values}, secrets={})


def _secret(secret: Secret, account: Account) -> str:
    match secret:
        case Secret.APP_SECRET:
            value = account.app_secret
        case Secret.TOKEN:
            value = _token(account)
        case Secret.CODE:
            value = account.code
        case Secret.VERIFIER:
            value = account.verifier
        case Secret.REFRESH_TOKEN:
            value = account.refresh_token
        case _:
            assert_never(secret)
    if not value:
        text = f"the call needs the {secret.value.replace('_', ' ')}, and there is none"
        raise _refused(Reason.CHANNEL_MISCONFIGURED, text)
    return value


def _bearer(token: str) -> Headers:
    return [(b"Authorization", b"Bearer " + token.encode())]


def _proof(account: Account) -> dict[str, str]:
    """Proof that the token is not a stolen one, for an account that knows its app's secret.

    https://developers.facebook.com/docs/graph-api/guides/secure-requests
    """
    if not account.app_secret:
        return {}
    proof = hmac.new(account.app_secret.encode(), account.token.encode(), sha256)
    return {"appsecret_proof": proof.hexdigest()}


def _app_token(account: Account) -> str:
    """https://developers.facebook.com/docs/facebook-login/guides/access-tokens"""
    if not account.app_id or not account.app_secret:
        text = "the call needs the app's id and its secret, and the channel does not have both"
        raise _refused(Reason.CHANNEL_MISCONFIGURED, text)
    return f"{account.app_id}|{account.app_secret}"


def _with_query(target: bytes, query: Mapping[str, str]) -> bytes:
    if not query:
        return target
    joint = b"&" if b"?" in target else b"?"
    return target + joint + urlencode(query, quote_via=quote).encode()


def _given(headers: Mapping[str, str]) -> Headers:
    """The call's own headers. Raises SendFailure for one that may not go, naming no value."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in OURS:
            raise _refused(Reason.BAD_REQUEST, f"the header {name!r} is not the call's to set")
        if not _HEADER_VALUE.fullmatch(value):
            text = f"the header {name} holds a character that no header may"
            raise _refused(Reason.BAD_REQUEST, text)
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def encoded_body(call: HttpCall) -> tuple[str | None, bytes | None]:
    """The MIME type and the bytes of a body that is not streamed. Raises SendFailure."""
    if call.json is not None:
        return "application/json", _encoded(call.json)
    if call.form is not None:
        return "application/x-www-form-urlencoded", urlencode(call.form).encode()
    if call.body is None and call.method in _BODILESS:
        return None, None
    return None, call.body or b""


def _encoded(document: Any) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        text = f"the body of the call is not JSON: {type(error).__name__}"
        raise _refused(Reason.BAD_REQUEST, text) from error
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which someone's cut text may hold, exists only escaped.
        return json.dumps(document, separators=(",", ":")).encode()


def _refused(reason: Reason, text: str) -> SendFailure:
    return SendFailure(Failure(Kind.REJECTED, reason, text=text))
