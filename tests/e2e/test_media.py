"""Media through the built program, when the platform's side goes wrong."""

import base64
import hashlib
from typing import Any

import pytest

from tests.e2e.kit import Setup, Site, patiently

ADA = "447700900123"
PNG = b"\x89PNG\r\n\x1a\n" + hashlib.sha256(b"pixels").digest() * 2_000
DOWNLOAD = {"call": "media", "type": "download"}


@pytest.fixture
def setup() -> Setup:
    return Setup(bot="none")


async def picture_of(site: Site, sender: str = ADA) -> str:
    """A customer sends a picture; the id of its message on the platform."""
    picture = {"content_base64": base64.b64encode(PNG).decode(), "mime_type": "image/png"}
    return await site.acts(sender, type="image", image=picture)


async def told(site: Site, type: str, count: int = 1) -> list[dict[str, Any]]:
    """The events of a type, once there are so many."""

    async def look() -> list[dict[str, Any]]:
        events = await site.events(type)
        return events if len(events) >= count else []

    return await patiently(look)


async def bytes_of(site: Site, event: dict[str, Any]) -> bytes:
    answer = await site.call("GET", f"/v1/media/{event['detail']['media_id']}")
    assert answer.status_code == 200, answer.text
    return answer.content


FAULTS: dict[str, dict[str, Any]] = {
    "a body that breaks off twice": {"kind": "disconnect_mid_body", "count": 2, "match": DOWNLOAD},
    "an address that is gone": {"kind": "expired_url", "count": 2},
    "a slow body": {"kind": "slow_body", "delay_s": 0.02},
    "an answer that is lost": {"kind": "drop_answer", "match": DOWNLOAD},
}


@pytest.mark.parametrize("rule", FAULTS.values(), ids=FAULTS.keys())
async def test_a_picture_comes_whole_whatever_happens_on_the_way(
    site: Site, rule: dict[str, Any]
) -> None:
    await site.faults(rule)
    await picture_of(site)

    [ready] = await told(site, "media.ready")

    assert await bytes_of(site, ready) == PNG


async def test_a_picture_that_cannot_be_had_costs_no_other(site: Site) -> None:
    gone = {"kind": "error_code", "code": 131052, "count": 1, "match": {**DOWNLOAD, "type": "get"}}
    await site.faults({"kind": "expired_url", "count": 1}, gone)
    await picture_of(site)
    [failed] = await told(site, "media.failed")
    await picture_of(site, "447700900124")
    [ready] = await told(site, "media.ready")

    assert failed["detail"]["failure"]["code"] == "media_unreachable"
    assert failed["detail"]["failure"]["raw"]["code"] == "131052"
    assert await bytes_of(site, ready) == PNG
