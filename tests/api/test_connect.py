"""Connecting over the API: who may begin, what a browser sees, and notices of the platform."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.conftest import CONFIG, House, bearer, open_house

APPS = """
[[apps]]
id = "facebook"
kind = "facebook"
app_id = "990011223344"
app_secret = "omni-test-app-secret-01"
"""
OURS = "http://127.0.0.1:8080"
NOTICE = (
    "GT4_WhC8dTPrxcFv90jdAac6oWLFIcTNq2ZOD0t_U6w.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9h"
    "dCI6MTc5MDAwMDAwMCwidXNlcl9pZCI6IjEwMTUwMDAwMDAwMDAwMDQyIn0"
)


@pytest.fixture
async def able(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway with an app of Facebook."""
    async with open_house(tmp_path, CONFIG + APPS) as opened:
        yield opened


@pytest.mark.slow
async def test_a_connecting_begins_with_an_address_to_open(able: House) -> None:
    answer = await able.client.get("/v1/connect/messenger", params={"channel_id": "shop"})

    begun = answer.json()
    assert (answer.status_code, begun["status"], begun["app"]) == (200, "waiting", "facebook")
    query = parse_qs(urlsplit(begun["url"]).query)
    assert query["redirect_uri"] == [f"{OURS}/v1/connect/messenger/callback"]
    later = (await able.client.get(f"/v1/connections/{begun['id']}")).json()
    assert (later["status"], later["url"]) == ("waiting", None)
    other = bearer(await able.key("channels:write", tenant="other"))
    hidden = await able.client.get(f"/v1/connections/{begun['id']}", headers=other)
    assert hidden.status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "query", "status", "code"),
    [
        ("whatsapp", {}, 409, "connect_unavailable"),
        ("pigeon", {}, 404, "not_found"),
        ("messenger", {"app": "instagram"}, 400, "invalid_request"),
        ("messenger", {"tenant": "other"}, 400, "invalid_request"),
        ("messenger", {"channel_id": "a b"}, 400, "invalid_request"),
        ("messenger", {"channel_id": "wa-support"}, 409, "channel_taken"),
    ],
)
async def test_what_cannot_begin_says_why(
    able: House, platform: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = await able.client.get(f"/v1/connect/{platform}", params=query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.slow
async def test_nothing_is_chosen_before_the_login(able: House) -> None:
    begun = (await able.client.get("/v1/connect/messenger")).json()

    answer = await able.client.post(
        f"/v1/connections/{begun['id']}:choose", json={"accounts": ["1"]}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_state")


@pytest.mark.slow
async def test_a_browser_that_comes_back_sees_a_page_without_anything_to_run(able: House) -> None:
    begun = (await able.client.get("/v1/connect/messenger")).json()
    state = parse_qs(urlsplit(begun["url"]).query)["state"][0]
    words = "<script>alert(1)</script>"

    answer = await able.client.get(
        "/v1/connect/messenger/callback",
        params={"state": state, "error": "access_denied", "error_description": words, "new": "x"},
    )

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" in answer.text
    assert "<script>" not in answer.text
    ended = (await able.client.get(f"/v1/connections/{begun['id']}")).json()
    assert ended["status"] == "failed"


@pytest.mark.slow
async def test_a_browser_without_a_state_is_told_so(able: House) -> None:
    answer = await able.client.get("/v1/connect/messenger/callback", params={"code": "AQ"})

    assert answer.status_code == 409
    assert "not begun here" in answer.text


@pytest.mark.slow
async def test_a_deletion_is_answered_as_meta_asks_and_seen_by_the_person(able: House) -> None:
    told = await able.client.post(
        "/v1/apps/facebook/data-deletion", data={"signed_request": NOTICE}
    )

    answer = told.json()
    code = answer["confirmation_code"]
    assert answer == {"url": f"{OURS}/deletions/{code}", "confirmation_code": code}
    page = await able.client.get(f"/deletions/{code}")
    assert (page.status_code, code in page.text) == (200, True)
    assert (await able.client.get("/deletions/another")).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("what", ["deauthorize", "data-deletion"])
async def test_a_notice_is_believed_by_its_signature_only(able: House, what: str) -> None:
    path = f"/v1/apps/facebook/{what}"
    for form, status in (
        ({"signed_request": NOTICE}, 200),
        ({"signed_request": NOTICE + "x"}, 403),
        ({}, 403),
        ({"signed_request": "x" * 20_000}, 413),
    ):
        assert (await able.client.post(path, data=form)).status_code == status
    assert (await able.client.post(f"/v1/apps/none/{what}", data={})).status_code == 404
