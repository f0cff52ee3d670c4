"""The hooks of this house: where platforms knock, and with which secrets."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.adapters.contract import HookKind


@frozen
class Hook:
    """One hook: its id in the URL, its kind and the secrets of that kind."""

    id: str
    kind: HookKind[Any]
    secrets: Any

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The text that proves to the platform that we own this URL; None refuses."""
        return self.kind.handshake(query, self.secrets)

    def authenticates(self, headers: Mapping[str, str], raw: bytes, now: float) -> bool:
        """Whether the platform itself sent these bytes, by the time that it is."""
        return self.kind.authenticate(headers, raw, self.secrets, now)
