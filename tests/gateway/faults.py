"""What can go wrong at the far end, and what arrives there."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import define, frozen


@frozen
class Refuse:
    """An error of the Graph API; nothing was accepted."""

    code: int
    status: int = 400
    retry_after_s: float | None = None


@frozen
class Wordless:
    """An answer without an error of the Graph, as something in between gives."""

    status: int


@frozen
class Lose:
    """The answer is lost; only the platform knows whether it took the message."""

    accepted: bool


@frozen
class Unreachable:
    """The request never left."""


@frozen
class Explode:
    """What makes calls has a bug."""


Fault: TypeAlias = Refuse | Wordless | Lose | Unreachable | Explode


@define
class Planned:
    """A fault that strikes the next `left` messages to `to` (None: to anybody)."""

    fault: Fault
    left: int
    to: str | None = None


@frozen
class Arrival:
    """One message as it arrived at the platform; `external_id` when it was accepted."""

    at: float
    number: str
    to: str
    part_id: str
    body: Mapping[str, Any]
    token: str
    external_id: str | None

    @property
    def text(self) -> str:
        """What the customer reads, as far as it is text."""
        return str(self.body.get("text", {}).get("body", self.body["type"]))
