"""Speaks to a running gateway over its HTTP API, as the command line needs it."""

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx
from attrs import field, frozen

TIMEOUT_S: Final = 30.0
# What is to be done may have to ask a platform, or upload to it; the gateway bounds that, and who
# leaves before it answers does not learn what came of it.
DONE_TIMEOUT_S: Final = 900.0
CONNECT_TIMEOUT_S: Final = 5.0
PAGE: Final = 200


class Unreachable(Exception):
    """No gateway answers there, or what answers is none. The text says where and why."""


class RefusedByGateway(Exception):
    """The gateway answered with a problem: its sentence, its code and what it says is wrong."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code") or "")
        self.sentence = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.retryable = problem.get("retryable") is True
        errors = problem.get("errors")
        self.errors = tuple(
            f"{each.get('pointer', '')}: {each.get('detail', '')}"
            for each in (errors if isinstance(errors, list) else [])
            if isinstance(each, Mapping)
        )
        super().__init__(self.sentence)


@frozen
class ApiClient:
    """One caller of one gateway. Every call raises Unreachable or RefusedByGateway."""

    url: str
    _http: httpx.Client = field(repr=False)

    def get(self, *path: str, **query: Any) -> Any:
        """Read something; a query value of None is left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path, params=wanted)

    def post(self, *path: str, body: Any = None, verb: str = "", key: str | None = None) -> Any:
        """Do something. `verb` is the part after the colon, `key` the Idempotency-Key."""
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is None:
            return self._call("POST", path, verb, headers=headers)
        return self._call("POST", path, verb, headers=headers, json=body)

    def patch(self, *path: str, body: Any, **query: Any) -> Any:
        """Change something; a query value of None is left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("PATCH", path, json=body, params=wanted)

    def upload(self, content: bytes, filename: str) -> Any:
        """Hand in a medium."""
        named = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        headers = {"Content-Disposition": named, "Content-Type": "application/octet-stream"}
        return self._call("POST", ("media",), content=content, headers=headers)

    def delete(self, *path: str, **query: Any) -> Any:
        """Take something away; a query value of None is left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("DELETE", path, params=wanted)

    def listing(self, *path: str, items_max: int | None = None, **query: Any) -> Iterator[Any]:
        """The items of a listing, page after page."""
        after: str | None = None
        left = items_max
        while True:
            limit = PAGE if left is None else min(PAGE, left)
            page = self.get(*path, after=after, limit=limit, **query)
            yield from page["items"]
            after = page.get("next")
            left = None if left is None else left - len(page["items"])
            if after is None or left == 0:
                return

    def pages(self, *path: str) -> Iterator[Any]:
        """The items of a listing whose pages are as long as a platform's."""
        after: str | None = None
        while True:
            page = self.get(*path, after=after)
            yield from page["items"]
            after = page.get("next")
            if after is None:
                return

    def _call(self, method: str, path: tuple[str, ...], verb: str = "", **options: Any) -> Any:
        target = "/v1/" + "/".join(quote(part, safe="") for part in path)
        if verb:
            target += f":{verb}"
        wait_s = TIMEOUT_S if method == "GET" else DONE_TIMEOUT_S
        waits = httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=wait_s)
        try:
            answer = self._http.request(method, target, timeout=waits, **options)
        except httpx.TimeoutException:
            raise Unreachable(f"the gateway at {self.url} does not answer in time") from None
        except httpx.HTTPError as error:
            raise Unreachable(f"no gateway answers at {self.url}: {why(error)}") from None
        return self._document(answer)

    def _document(self, answer: httpx.Response) -> Any:
        document: Any = None
        with contextlib.suppress(ValueError):
            document = answer.json()
        if answer.is_success and document is not None:
            return document
        if answer.is_success or not isinstance(document, Mapping):
            status = answer.status_code
            raise Unreachable(f"what answers at {self.url} is not a gateway (HTTP {status})")
        raise RefusedByGateway(answer.status_code, document)


def why(error: BaseException) -> str:
    """The system's words for a connection that failed; it lies below the library's own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return cause.reason or "TLS failed"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


@contextmanager
def open_client(url: str, key: str) -> Iterator[ApiClient]:
    """A client of the gateway at `url`. It follows no redirect and uses no proxy."""
    with httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        trust_env=False,
    ) as http:
        yield ApiClient(url, http)
