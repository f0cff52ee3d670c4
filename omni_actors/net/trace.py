"""What went over the wire in one attempt, kept for the operator with secrets and content masked."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import define, field, frozen

from omni_actors.model.json import Json
from omni_actors.telemetry import MASK, SECRET_WORDS

BODY_CHARS_MAX = 2_000
DEPTH_MAX = 12


@frozen
class Exchange:
    """One call and its answer, masked; times in unix seconds."""

    method: str
    url: str
    started_at: float
    ended_at: float
    request: Json
    status: int | None
    reply: Json
    error: str | None = None

    def as_json(self) -> Json:
        """As it is stored."""
        return {
            "method": self.method,
            "url": self.url,
            "started_at": self.started_at,
            "ms": round((self.ended_at - self.started_at) * 1000, 1),
            "request": self.request,
            "status": self.status,
            "reply": self.reply,
            "error": self.error,
        }


@define
class Trace:
    """The exchanges of one attempt. `masked_keys` name what is content or secret in a body.

    A text under a key that speaks of a secret is masked whether it is named or not.
    """

    masked_keys: frozenset[str] = frozenset()
    exchanges: list[Exchange] = field(factory=list)

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange."""
        self.exchanges.append(exchange)

    def masked(self, document: Any, depth: int = 0) -> Json:
        """A document whose masked values are replaced by what can be said of them."""
        if depth > DEPTH_MAX:
            return "…"
        match document:
            case Mapping():
                return {
                    str(key): self._member(str(key), value, depth)
                    for key, value in document.items()
                }
            case list() | tuple():
                return [self.masked(item, depth + 1) for item in document]
            case str():
                return document[:BODY_CHARS_MAX]
            case int() | float() | bool() | None:
                return document
            case _:
                return f"({type(document).__name__})"

    def _member(self, key: str, value: Any, depth: int) -> Json:
        if key in self.masked_keys:
            return self.hidden(value, depth + 1)
        if isinstance(value, str) and speaks_of_a_secret(key):
            return MASK
        return self.masked(value, depth + 1)

    def hidden(self, value: Any, depth: int = 0) -> Json:
        """What remains of a value that must not be shown: its shape, and how long its texts are."""
        if depth > DEPTH_MAX:
            return "…"
        match value:
            case str():
                return f"({len(value)} characters)"
            case Mapping():
                return {str(key): self.hidden(item, depth + 1) for key, item in value.items()}
            case list() | tuple():
                return [self.hidden(item, depth + 1) for item in value]
            case _:
                return "(masked)"

    def as_json(self) -> Json:
        """As it is stored."""
        return [exchange.as_json() for exchange in self.exchanges]


@lru_cache(maxsize=4096)
def speaks_of_a_secret(key: str) -> bool:
    """Whether a value under this name had better not be shown."""
    lowered = key.lower()
    return any(word in lowered for word in SECRET_WORDS)
