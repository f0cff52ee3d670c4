"""Attachments: what customers send, what businesses upload, and addresses that expire.

Source: developers.facebook.com/docs/messenger-platform/send-messages/saving-assets
"""

import hmac
from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

from omni_actors.sandbox.contract import Outcome
from omni_actors.sandbox.faults import Fault
from omni_actors.sandbox.http import Answer

LINK_LIFE_S: Final = 2 * 86_400
HTML: Final = (("Content-Type", "text/html"),)


@frozen(eq=False)
class Attachment:
    """Bytes of one account; `content` is None where an address that is not on loopback was
    believed."""

    id: str
    channel_key: str
    kind: str
    mime_type: str
    name: str
    content: bytes | None
    url: str = ""


@define(eq=False)
class Shelf:
    """All attachments; the oldest make room when `bytes_max` is reached."""

    bytes_max: int
    _key: bytes
    _base_url: str
    held: dict[str, Attachment] = field(factory=dict)
    held_bytes: int = 0
    _next_id: int = 1_857_700_000_000_001

    def put(
        self,
        channel_key: str,
        kind: str,
        mime_type: str,
        content: bytes | None,
        *,
        name: str = "",
        url: str = "",
    ) -> Attachment:
        """Keep an attachment under a new id. Raises ValueError when it exceeds the shelf."""
        size = len(content or b"")
        if size > self.bytes_max:
            raise ValueError(f"the sandbox keeps at most {self.bytes_max} bytes of media")
        while self.held_bytes + size > self.bytes_max:
            oldest = self.held.pop(next(iter(self.held)))
            self.held_bytes -= len(oldest.content or b"")
        one = Attachment(str(self._next_id), channel_key, kind, mime_type, name, content, url)
        self._next_id += 1
        self.held[one.id] = one
        self.held_bytes += size
        return one

    def mine(self, attachment_id: str, channel_key: str) -> Attachment | None:
        """An attachment of this account."""
        one = self.held.get(attachment_id)
        return one if one is not None and one.channel_key == channel_key else None

    def link(self, one: Attachment, now: float) -> str:
        """An address that serves the bytes for two days; `oe` tells in hex until when."""
        if one.content is None:
            return one.url
        until = f"{int(now) + LINK_LIFE_S:X}"
        seal = self._seal(one.id, until)
        suffix = one.mime_type.partition("/")[2].partition(";")[0]
        return f"{self._base_url}/v/t1.15752-9/{one.id}.{suffix}?oh={seal}&oe={until}"

    def download(self, name: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The id behind an address, or an empty text when it is forged.

        A token is none of an address's business: who sends one gives it away.
        """
        attachment_id, until = name.partition(".")[0], query.get("oe", "")
        right = self._seal(attachment_id, until).encode()
        sealed = hmac.compare_digest(right, query.get("oh", "").encode())
        return attachment_id if sealed and "authorization" not in headers else ""

    def fetched(
        self, attachment_id: str, query: Mapping[str, str], now: float, fault: Fault | None
    ) -> Outcome:
        """The bytes, or that the address is too old."""
        one = self.held.get(attachment_id)
        if fault is not None and fault.kind == "expired_url":
            return Outcome(Answer(404, b"", HTML))
        if one is None or one.content is None or int(query["oe"], 16) <= now:
            return Outcome(Answer(403, b"URL signature expired", HTML))
        content = one.content
        if fault is not None and fault.kind == "wrong_bytes":
            content = content[:-1] + bytes([content[-1] ^ 1])
        headers = [("Content-Type", one.mime_type)]
        if one.name:
            headers.append(("Content-Disposition", f'attachment; filename="{_plain(one.name)}"'))
        return Outcome(Answer(200, content, tuple(headers)))

    def _seal(self, attachment_id: str, until: str) -> str:
        return hmac.digest(self._key, f"{attachment_id}|{until}".encode(), "sha256").hex()[:32]

    def clear(self) -> None:
        """Forget everything."""
        self.held.clear()
        self.held_bytes = 0


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isascii() and letter not in '"\\\r\n')
