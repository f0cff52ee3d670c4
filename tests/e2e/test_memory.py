"""Large media cost the gateway time and disk, and no memory to speak of."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.kit import CHANNEL, NUMBER, Setup, Site, patiently

ADA = "447700900123"
MB = 1_000_000
MIB = 1 << 20
ALLOWED_BYTES = 16 * MIB
PIECE = hashlib.sha256(b"piece").digest() * 2_048


@pytest.fixture
def setup() -> Setup:
    return Setup(bot="none")


class Memory:
    """What a process holds, as the kernel counts it."""

    def __init__(self, pid: int) -> None:
        self.proc = Path(f"/proc/{pid}")

    def bytes_of(self, name: str) -> int:
        """`VmRSS` (now) or `VmHWM` (at most)."""
        lines = (self.proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

    def forget_peak(self) -> int:
        """Let the peak be counted from now on; what is held now."""
        (self.proc / "clear_refs").write_text("5")
        return self.bytes_of("VmRSS")


def document(size: int) -> bytes:
    """A PDF as far as its first bytes tell."""
    return (b"%PDF-1.7\n" + PIECE * (size // len(PIECE) + 1))[:size]


async def customer_sends(site: Site, body: bytes) -> str:
    """A customer sends a document; our id of it, once its bytes are here."""
    message = {"from": ADA, "type": "document", "document": {"filename": "plan.pdf"}}
    before = len(await site.events("media.ready"))
    answer = await site.control.post(
        f"/sandbox/whatsapp/{NUMBER}/inbound",
        files={"message": (None, json.dumps(message)), "file": ("p", body, "application/pdf")},
    )
    assert answer.status_code == 200, answer.text

    async def ready() -> str:
        events = await site.events("media.ready")
        return str(events[-1]["detail"]["media_id"]) if len(events) > before else ""

    return await patiently(ready)


async def read_back(site: Site, media_id: str) -> str:
    """The hash of a medium's bytes as the API serves them."""
    digest = hashlib.sha256()
    async with site.client() as client, client.stream("GET", f"/v1/media/{media_id}") as answer:
        assert answer.status_code == 200
        async for chunk in answer.aiter_bytes():
            digest.update(chunk)
    return digest.hexdigest()


async def we_send(site: Site, body: bytes) -> str:
    """A caller uploads a document and sends it; the platform's hash of it."""

    async def chunks() -> AsyncIterator[bytes]:
        for first in range(0, len(body), MIB):
            yield body[first : first + MIB]

    before = len(list(site.sandbox.platforms["whatsapp"].outboxes[NUMBER].after(0)))
    headers = {"Content-Type": "application/pdf", "Content-Disposition": 'a; filename="q.pdf"'}
    answer = await site.call("POST", "/v1/media", content=chunks(), headers=headers)
    assert answer.status_code == 201, answer.text
    content = {"type": "media", "kind": "document", "media_id": answer.json()["id"]}
    to = {"channel_id": CHANNEL, "address": f"+{ADA}"}
    sent = await site.call("POST", "/v1/messages", json={"to": to, "content": content})
    assert sent.status_code == 202, sent.text

    def shown() -> list[dict[str, str]]:
        outbox = site.sandbox.platforms["whatsapp"].outboxes[NUMBER]
        return [each.request["document"] for each in outbox.after(before)]

    await site.until(lambda: bool(shown()))
    assert shown()[0]["filename"] == "q.pdf"
    return await hash_at_the_platform(site, shown()[0]["id"])


async def hash_at_the_platform(site: Site, external_id: str) -> str:
    token = {"Authorization": "Bearer sandbox-token"}
    found = await site.control.get(f"/v25.0/{external_id}", headers=token)
    return str(found.json()["sha256"])


async def test_a_document_of_100_mb_in_and_out_costs_less_than_16_mb(site: Site) -> None:
    small, large = document(100_000), document(100 * MB)
    assert site.program.process is not None
    memory = Memory(site.program.process.pid)
    await read_back(site, await customer_sends(site, small))
    await we_send(site, small)
    idle = memory.forget_peak()

    media_id = await customer_sends(site, large)
    came_in = memory.bytes_of("VmHWM") - idle
    assert await read_back(site, media_id) == hashlib.sha256(large).hexdigest()
    served = memory.bytes_of("VmHWM") - idle
    assert await we_send(site, large[:-1]) == hashlib.sha256(large[:-1]).hexdigest()
    went_out = memory.bytes_of("VmHWM") - idle

    held = {"in": came_in // MIB, "served": served // MIB, "out": went_out // MIB}
    assert max(came_in, served, went_out) < ALLOWED_BYTES, f"MiB over the idle process: {held}"
