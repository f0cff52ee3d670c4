"""`kill -9` at any moment, under load in both directions, loses and doubles nothing."""

import random

import pytest

from tests.e2e.kill import SETUP, play_round
from tests.e2e.kit import Setup, Site

ROUNDS = 3
SEED = 7

# A connection that breaks while httpx sends a body leaves the body's generator to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")


@pytest.fixture
def setup() -> Setup:
    """Customers on every platform that webhooks tell of."""
    return SETUP


async def test_sigkill_under_load_loses_doubles_and_misplaces_nothing(site: Site) -> None:
    chance = random.Random(SEED)

    loads = [await play_round(site, number, chance) for number in range(ROUNDS)]

    mistakes = [mistake for load in loads for mistake in load.mistakes]
    assert mistakes == []
    assert sum(load.kills for load in loads) >= ROUNDS


async def test_what_was_on_the_wire_at_a_kill_is_sent_again_and_says_so(site: Site) -> None:
    await site.writes("447700900101", "hello")
    await site.until_phone("447700900101", 1)
    await site.faults({"kind": "delay", "count": 1, "delay_s": 60})

    await site.writes("447700900101", "are you there?")
    await site.until(lambda: site.sandbox.faults.taken.get("delay") == 1)
    await site.kill_and_start()
    texts = await site.until_phone("447700900101", 2)

    assert texts[:2] == ["hello", "are you there?"]
    conversation = await site.conversation_of("447700900101")
    last = (await site.items(f"/v1/conversations/{conversation}/messages"))[-1]
    assert [part["maybe_duplicate"] for part in last["parts"]] == [True]


async def test_the_answer_to_a_request_survives_the_kill_that_follows_it(site: Site) -> None:
    await site.writes("447700900102", "hello")
    await site.until_phone("447700900102", 1)
    request = {
        "json": {
            "to": {"channel_id": "wa-support", "address": "+447700900102"},
            "content": {"type": "text", "text": "only once"},
        },
        "headers": {"Idempotency-Key": "one"},
    }

    first = await site.call("POST", "/v1/messages", **request)
    await site.kill_and_start()
    again = await site.call("POST", "/v1/messages", **request)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    texts = await site.until_phone("447700900102", 2)
    assert texts == ["hello", "only once"]
