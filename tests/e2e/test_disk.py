"""A disk that refuses to take more: nothing is acknowledged that is not kept, and the program ends.

A limit on the size of files, laid on the running program, stands for a full disk.
"""

import resource

import httpx
import pytest

from tests.e2e.kit import Site, hook_body, raw_of, signature, text_message

ADA = "447700900501"
ROOM_BYTES = 256 * 1024
MEDIUM_ROOM_BYTES = 8 * 1024 * 1024
MESSAGES_MAX = 400
FAILED = 1


def fill_up(site: Site, room_bytes: int) -> None:
    """Let no file of the program grow by more than this."""
    assert site.program.process is not None
    data = site.folder / "data"
    largest = max(each.stat().st_size for each in data.iterdir() if each.is_file())
    most = largest + room_bytes
    resource.prlimit(site.program.process.pid, resource.RLIMIT_FSIZE, (most, most))


async def knock(site: Site, number: int) -> int:
    """One webhook; its status, or 0 when nobody answers any more."""
    words = f"message {number} {'x' * 2_000}"
    raw = raw_of(hook_body(text_message(f"wamid.DISK{number}", words, ADA)))
    async with httpx.AsyncClient(verify=False) as platform:
        try:
            answer = await platform.post(
                f"{site.program.url}/webhooks/meta", content=raw, headers=signature(raw)
            )
        except httpx.TransportError:
            return 0
    return answer.status_code


@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
async def test_a_full_disk_loses_nothing_that_was_acknowledged(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    fill_up(site, ROOM_BYTES)

    statuses = []
    for number in range(MESSAGES_MAX):
        statuses.append(await knock(site, number))
        if statuses[-1] != 200:
            break
    code = await site.ended()
    await site.start()
    taken = statuses.count(200)
    await site.until_phone(ADA, 1 + taken)

    assert statuses[-1] in (0, 503)
    assert code == FAILED
    assert site.logged("store.failed")
    conversation = await site.conversation_of(ADA)
    messages = await site.items(f"/v1/conversations/{conversation}/messages")
    asked = [m["content"]["text"].split()[:2] for m in messages if m["direction"] == "inbound"]
    assert asked[1 : 1 + taken] == [["message", str(number)] for number in range(taken)]
    assert len(set(site.phone(ADA))) == len(site.phone(ADA))


async def test_a_medium_that_does_not_fit_is_refused_and_leaves_nothing_behind(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    blobs = site.folder / "data" / "blobs"
    before = sorted(blobs.rglob("*"))
    fill_up(site, MEDIUM_ROOM_BYTES)

    refused = await site.call("POST", "/v1/media", content=b"x" * (2 * MEDIUM_ROOM_BYTES))
    small = await site.call("POST", "/v1/media", content=b"x")
    await site.writes(ADA, "still there?")

    assert (refused.status_code, small.status_code) == (503, 201)
    assert refused.json()["code"] == "disk_full"
    files = [each for each in blobs.rglob("*") if each.is_file() and each not in before]
    assert [each.stat().st_size for each in files] == [1]
    assert await site.until_phone(ADA, 2) == ["hello", "still there?"]
