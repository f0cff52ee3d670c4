"""Profiles and personas over the API: what is set, what is refused, and by whom."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

from tests.api.conftest import CONFIG, House, bearer, open_house

PROFILE, PERSONAS = "/v1/channels/fb-page/profile", "/v1/channels/fb-page/personas"
CHANNELS = """
[[channels]]
id = "fb-page"
platform = "messenger"
page_id = "104500000000001"
access_token = "sandbox-token"
graph_url = "http://127.0.0.1:{port}"

[[channels]]
id = "ig-shop"
platform = "instagram"
ig_id = "17841400000000009"
access_token = "sandbox-token"
graph_url = "http://127.0.0.1:{port}"
"""
MENU = {"menu": [{"items": [{"title": "Talk to a person", "id": "HUMAN"}]}]}


@define
class Far:
    """The far end: it keeps what was asked, and answers the same to everything."""

    answer: Any = field(factory=lambda: {"result": "success"})
    status: int = 200
    asked: list[tuple[str, str, Any]] = field(factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request of a connection after the other."""
        held = b""
        async for some in stream:
            held += some
            while b"\r\n\r\n" in held:
                head, _, rest = held.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                sizes = [x for x in lines if x.lower().startswith("content-length:")]
                size = int(sizes[0].split(":")[1]) if sizes else 0
                if len(rest) < size:
                    break
                held = rest[size:]
                method, path, _ = lines[0].split(" ")
                body = json.loads(rest[:size]) if size else None
                self.asked.append((method, path.partition("?")[0], body))
                await stream.send_all(self.spelled())

    def spelled(self) -> bytes:
        told = json.dumps(self.answer).encode()
        head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(told)}\r\n"
        return head.encode() + b"content-type: application/json\r\n\r\n" + told


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
async def paged(tmp_path: Path, far: Far) -> AsyncIterator[House]:
    """A gateway with a page and an account whose platform is `far`."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, far.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        config = CONFIG + CHANNELS.replace("{port}", str(port))
        async with open_house(tmp_path, config) as opened:
            yield opened
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_profile_is_set_read_and_taken_away(paged: House, far: Far) -> None:
    put = await paged.client.put(PROFILE, json=MENU)
    far.answer = {"data": [{"get_started": {"payload": "START"}}]}
    got = await paged.client.get(PROFILE)
    far.answer = {"result": "success"}
    gone = await paged.client.delete(PROFILE, params={"pieces": "menu,starters"})

    assert (put.status_code, put.json()) == (200, MENU)
    assert got.json() == {"get_started": "START"}
    assert gone.json() == {"cleared": ["menu", "starters"]}
    assert [method for method, _path, _body in far.asked] == ["POST", "GET", "DELETE"]
    assert far.asked[2][2] == {"fields": ["persistent_menu", "ice_breakers"]}


@pytest.mark.slow
async def test_without_names_all_pieces_of_the_platform_are_taken_away(
    paged: House, far: Far
) -> None:
    gone = await paged.client.delete("/v1/channels/ig-shop/profile")

    assert gone.json() == {"cleared": ["starters", "menu"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channel", "profile", "pointer"),
    [
        ("fb-page", {"greeting": [{"text": "x" * 161}]}, "/greeting/0/text"),
        ("ig-shop", {"greeting": [{"text": "Hi"}]}, "/greeting"),
        ("fb-page", {"menu": [{"items": [{"title": "Shop"}]}]}, "/menu/0/items/0"),
        ("fb-page", {"colour": "red"}, "/colour"),
    ],
)
async def test_what_does_not_fit_is_named_and_never_sent(
    paged: House, far: Far, channel: str, profile: dict[str, Any], pointer: str
) -> None:
    answer = await paged.client.put(f"/v1/channels/{channel}/profile", json=profile)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert far.asked == []


@pytest.mark.slow
async def test_a_profile_without_pieces_is_a_mistake(paged: House, far: Far) -> None:
    answer = await paged.client.put(PROFILE, json={})
    strange = await paged.client.delete(
        "/v1/channels/ig-shop/profile", params={"pieces": "greeting"}
    )

    assert (answer.status_code, strange.status_code) == (400, 400)
    assert far.asked == []


@pytest.mark.slow
async def test_the_platforms_refusal_is_told_in_its_words(paged: House, far: Far) -> None:
    far.status = 400
    far.answer = {"error": {"code": 100, "message": "(#100) You must set a get started button"}}

    answer = await paged.client.put(PROFILE, json=MENU)

    assert (answer.status_code, answer.json()["code"]) == (502, "platform_refused")
    assert "get started" in answer.json()["detail"]


@pytest.mark.slow
async def test_a_page_is_asked_no_more_than_it_takes(paged: House, far: Far) -> None:
    far.answer = {"data": []}
    answers = [await paged.client.get(PROFILE) for _ in range(6)]

    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 60


@pytest.mark.slow
async def test_faces_are_made_listed_and_taken_away(paged: House, far: Far) -> None:
    rita = {"name": "Rita", "picture_url": "https://cdn.example/r.jpg"}
    far.answer = {"id": "9900"}
    made = await paged.client.post(PERSONAS, json=rita)
    far.answer = {"data": [{"id": "9900", "name": "Rita"}]}
    listed = await paged.client.get(PERSONAS)
    far.answer = {"success": True}
    gone = await paged.client.delete(f"{PERSONAS}/9900")

    assert (made.status_code, made.json()) == (201, {"id": "9900", **rita})
    assert listed.json() == {"items": [{"id": "9900", "name": "Rita"}], "next": None}
    assert gone.json() == {"deleted": "9900"}


@pytest.mark.slow
async def test_a_channel_without_them_says_so(paged: House) -> None:
    for path in ("/v1/channels/wa-support/profile", "/v1/channels/ig-shop/personas"):
        answer = await paged.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.slow
async def test_reading_and_changing_need_their_scopes(paged: House, far: Far) -> None:
    far.answer = {"data": []}
    reader = bearer(await paged.key("channels:read"))
    stranger = bearer(await paged.key("channels:read", "channels:write", tenant="other"))

    assert (await paged.client.get(PROFILE, headers=reader)).status_code == 200
    assert (await paged.client.put(PROFILE, json=MENU, headers=reader)).status_code == 403
    assert (await paged.client.delete(PROFILE, headers=reader)).status_code == 403
    assert (await paged.client.post(PERSONAS, json={}, headers=reader)).status_code == 403
    assert (await paged.client.get(PROFILE, headers=stranger)).status_code == 404
    assert (await paged.client.get(PERSONAS, headers=stranger)).status_code == 404
