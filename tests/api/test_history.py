"""Having old conversations read over the API."""

from pathlib import Path

import pytest
import trio

from omni_actors.cli_sync import progress, tell_progress
from tests.api.conftest import CHANNEL, CONFIG, House, bearer, open_house

PATH = f"/v1/channels/{CHANNEL}/history:sync"
# A page whose Graph does not answer.
PAGE = """
[[channels]]
id = "fb-page"
platform = "messenger"
page_id = "104500000000001"
access_token = "sandbox-page-token"
graph_url = "http://127.0.0.1:9"
"""


@pytest.mark.slow
async def test_a_platform_that_keeps_nothing_to_read_is_told_of(house: House) -> None:
    response = await house.client.post(PATH)

    assert (response.status_code, response.json()["code"]) == (409, "history_unreachable")
    assert (await house.client.get(f"/v1/channels/{CHANNEL}")).json()["history"] is None


@pytest.mark.slow
async def test_it_needs_its_scope_and_its_channel(house: House) -> None:
    reader = bearer(await house.key("channels:read"))
    stranger = bearer(await house.key("channels:write", tenant="acme"))

    assert (await house.client.post(PATH, headers=reader)).status_code == 403
    assert (await house.client.post(PATH, headers=stranger)).status_code == 404


@pytest.mark.slow
async def test_a_reading_is_taken_on_and_what_is_in_its_way_is_shown(tmp_path: Path) -> None:
    async with open_house(tmp_path, CONFIG + PAGE) as house:
        taken = await house.client.post("/v1/channels/fb-page/history:sync")
        assert taken.status_code == 202
        history = taken.json()["history"]
        assert (history["cause"], history["since"], history["messages"]) == ("asked", None, 0)

        with trio.fail_after(10):
            while history["problem"] is None:
                await trio.sleep(0.02)
                found = await house.client.get("/v1/channels/fb-page")
                history = found.json()["history"]
        assert history["state"] == "waiting"
        assert history["goes_on_at"] is not None


HISTORY = {
    "messages": 20,
    "conversations": 2,
    "added": 3,
    "reached_at": None,
    "beyond": 0,
    "unread": 0,
    "problem": None,
    "goes_on_at": None,
}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "20 messages of 2 conversations read; 3 of them new"),
        (
            {"beyond": 13, "unread": 1},
            "20 messages of 2 conversations read; 3 of them new; 13 older ones are with the "
            "platform only; 1 could not be read",
        ),
        (
            {"problem": "too many calls", "goes_on_at": "2026-09-21T10:05:11.000Z"},
            "20 messages of 2 conversations read; 3 of them new; too many calls; goes on at "
            "2026-09-21T10:05:11.000Z",
        ),
    ],
)
def test_a_terminal_shows_how_far_it_is(told: dict[str, object], line: str) -> None:
    assert progress({**HISTORY, **told}) == line


def test_what_has_not_changed_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    told = tell_progress(HISTORY, "")
    tell_progress(HISTORY, told)
    assert capsys.readouterr().err.count("20 messages") == 1
