"""The hooks of this house: where platforms knock, and with which secrets."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.adapters.contract import HookKind


def addresses(hooks: Mapping[str, "Hook"], public_url: str) -> dict[str, str]:
    """The kinds of hooks by the addresses that platforms must call; none where nobody knows."""
    if not public_url:
        return {}
    return {f"{public_url}/webhooks/{hook.id}": hook.kind.kind for hook in hooks.values()}


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
