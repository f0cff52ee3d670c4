"""Where Messenger and Instagram differ: a record of names, numbers and codes for each."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

Refusal = tuple[int, int | None]


@frozen
class MediaRule:
    """What one kind of attachment may be: its MIME types (a prefix ends in `/`) and its size."""

    types: tuple[str, ...]
    bytes_max: int

    def takes(self, mime_type: str) -> bool:
        """Whether an attachment of this type may be sent."""
        return any(
            mime_type.startswith(each) if each.endswith("/") else mime_type == each
            for each in self.types
        )


@frozen
class Rules:
    """One of the two platforms."""

    name: str
    object: str
    """The `object` of its webhooks, and of an app's subscription."""
    fields: frozenset[str]
    """The webhook fields that there are."""
    mid_prefix: str
    mid_bytes: int
    media: Mapping[str, MediaRule]
    check_send: Callable[[dict[str, Any]], None]
    """Judges the whole body of a send. Raises ShapeError, or GraphError for a code of its own."""
    outside_window: Refusal
    nobody: Refusal
    bad_message: Refusal
    not_owner: Refusal
    too_fast: Refusal
    over_budget: int
    echo_field: str
    texts_per_s: int
    profile_keys: frozenset[str]
    """The properties of the Messenger Profile that it has."""
    inbox_app_id: str
    referral_field: str
    reads_by_mid: bool
    """Whether a read is told message by message, and a delivery never."""
