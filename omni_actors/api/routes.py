"""What a route is: the one declaration that routing, access, decoding and OpenAPI are made from."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlencode

from attrs import field, frozen

from omni_actors.api.incoming import Incoming
from omni_actors.api.requests import NoQuery
from omni_actors.api.settings import ApiSettings
from omni_actors.gateway.facade import Caller, Gateway

Q = TypeVar("Q", covariant=True)
B = TypeVar("B", covariant=True)


class Access(Enum):
    """Who may come in."""

    PUBLIC = "public"
    KEY = "key"  # whose scopes hold the route's scope
    OPERATOR = "operator"
    OPERATOR_OR_LOOPBACK = "operator or loopback"


@frozen
class Call(Generic[Q, B]):
    """One request, decoded."""

    gateway: Gateway
    caller: Caller
    method: str
    target: str
    path: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    query: Q
    body: B
    headers: Mapping[str, str]
    bounds: ApiSettings
    incoming: Incoming | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""


Source: TypeAlias = AbstractAsyncContextManager[AsyncIterator[bytes]]


@frozen
class Reply:
    """An answer: a view that becomes JSON, or bytes with a type of their own, or a source."""

    view: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    raw: bytes | None = None
    source: Source | None = None
    media_type: str = "application/json"


Handler: TypeAlias = Callable[[Call[Any, Any]], Awaitable[Reply]]


@frozen
class Listing:
    """A page of `item` views with the way to the next one."""

    item: type


@frozen
class Route:
    """One operation. `codes` are the problems of its own, besides those that any route has."""

    method: str
    path: str
    handler: Handler
    summary: str
    answer: type | Listing | None = None
    access: Access = Access.KEY
    scope: str = ""
    status: int = 200
    query: type = NoQuery
    body: type | None = None
    body_types: tuple[str, ...] = ("application/json",)
    any_query: bool = False  # the handler reads the pairs itself, whatever they are
    streams: bool = False  # the handler reads the body itself
    idempotent: bool = False  # takes an Idempotency-Key
    writes: bool = False  # refused while the gateway takes nothing new
    answer_type: str = "application/json"
    also: tuple[int, ...] = ()  # further statuses with the same answer
    codes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()  # of the answer, besides the common ones
    request_headers: tuple[str, ...] = ()
    example: Any = None

    @property
    def name(self) -> str:
        """The operation's id, and the endpoint's."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """What the route belongs to."""
        return self.handler.__module__.rpartition(".")[2].replace("_", "-")

    @property
    def rule(self) -> str:
        """The path in the words of the router."""
        return self.path.replace("{", "<id:").replace("}", ">")


def replay_headers(replayed: bool) -> dict[str, str]:
    """What tells a caller that this is the answer to an earlier request of theirs."""
    return {"Idempotency-Replayed": "true"} if replayed else {}


def listing(call: Call[Any, Any], items: list[Any], next_: str | None) -> Reply:
    """A page of a listing; a Link header leads to the next one."""
    headers = {}
    if next_ is not None:
        pairs = [(name, value) for name, value in call.pairs if name != "after"]
        following = urlencode([*pairs, ("after", next_)])
        headers["Link"] = f'<{call.target}?{following}>; rel="next"'
    return Reply({"items": items, "next": next_}, headers=headers)
