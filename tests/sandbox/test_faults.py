"""What goes wrong on request."""

import random
from typing import Any

import httpx
import pytest
import trio

from omni_actors.adapters.meta.graph import GraphError, usage
from omni_actors.adapters.whatsapp.error_table import RANGES, RULES
from omni_actors.adapters.whatsapp.errors import failure_in, rule_of
from omni_actors.adapters.whatsapp.errors import refusal as adapters_refusal
from omni_actors.sandbox import SandboxSettings
from omni_actors.sandbox.faults import REQUEST_KINDS, Faults, Target
from omni_actors.sandbox.whatsapp.errors import refusal, webhook_error
from omni_actors.wire.calls import HttpReply
from tests.sandbox.conftest import EPOCH_S, KEY, TEXT, Play, code_of

SEND = Target(channel_key=KEY, call="messages", type="text", to="")


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(
        bind="127.0.0.1:0", epoch_s=EPOCH_S, windows=False, statuses=("sent",), hook_concurrency=1
    )


async def test_a_lost_answer_is_a_message_that_arrived_all_the_same(play: Play) -> None:
    await play.fault(kind="drop_answer")

    with pytest.raises(httpx.RemoteProtocolError):
        await play.send({**TEXT, "biz_opaque_callback_data": "msg_1"})

    (entry,) = await play.outbox()
    (status,) = await play.hook.statuses(1)
    assert status["id"] == entry["id"]
    assert status["biz_opaque_callback_data"] == "msg_1"


async def test_a_lost_request_leaves_nothing_behind(play: Play) -> None:
    await play.fault(kind="drop_request")

    with pytest.raises(httpx.RemoteProtocolError):
        await play.send(TEXT)

    assert await play.outbox() == []


async def test_half_an_answer_is_a_message_that_arrived_all_the_same(play: Play) -> None:
    await play.fault(kind="disconnect_mid_body")

    with pytest.raises(httpx.RemoteProtocolError):
        await play.send(TEXT)

    assert len(await play.outbox()) == 1


async def test_a_throttled_call_is_told_when_to_come_back(play: Play) -> None:
    await play.fault(kind="throttle", retry_after_s=3)

    throttled, after = await play.send(TEXT), await play.send(TEXT)

    assert (throttled.status_code, code_of(throttled)) == (400, 130429)
    assert throttled.headers["Retry-After"] == "3"
    assert code_of(after) == 0


async def test_an_expired_token_is_answered_190_with_its_subcode(play: Play) -> None:
    await play.fault(kind="expire_token", match={"call": "*"})

    answer = await play.client.get(f"/{KEY}")

    assert (answer.status_code, code_of(answer)) == (401, 190)
    assert answer.json()["error"]["error_subcode"] == 463


@pytest.mark.parametrize(
    ("code", "status"),
    [(131056, 400), (131000, 500), (132001, 404), (234, 403), (138005, 400), (133016, 400)],
)
async def test_any_code_of_the_platform_can_be_asked_for(
    play: Play, code: int, status: int
) -> None:
    await play.fault(kind="error_code", code=code)

    answer = await play.send(TEXT)

    assert (answer.status_code, code_of(answer)) == (status, code)


@pytest.mark.parametrize("code", [*RULES, *(low for low, _high, _rule in RANGES)])
def test_every_code_of_the_table_has_a_title_and_is_read_as_what_it_is(code: int) -> None:
    told = refusal(code, "Details.")
    answer = told.answer()
    failure = adapters_refusal(HttpReply(answer.status, {}, answer.body))

    assert "Unknown error" not in told.message
    assert failure.code == str(code)
    assert failure.advice == rule_of(GraphError(code, "")).sentence
    assert failure_in(webhook_error(code, "Details.")).reason is failure.reason


async def test_an_answer_can_tell_how_much_of_the_budget_is_used(play: Play) -> None:
    await play.write(TEXT)
    await play.fault(kind="usage", percent=97, regain_min=15)

    answer = await play.send(TEXT)
    after = await play.send(TEXT)

    assert [(u.percent, u.regain_s) for u in usage(HttpReply(200, dict(answer.headers)))] == [
        (97.0, 0.0),  # of the app: the platform names no time there
        (97.0, 900.0),
    ]
    assert "x-app-usage" not in after.headers


async def test_a_bad_moment_is_a_page_without_json(play: Play) -> None:
    await play.fault(kind="error_5xx", status=502)

    answer = await play.send(TEXT)

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "text/html"


@pytest.mark.slow
async def test_a_status_can_come_before_the_answer(play: Play) -> None:
    await play.fault(kind="status_before_answer", delay_s=0.5)
    order: list[str] = []

    async def send() -> None:
        await play.send(TEXT)
        order.append("answer")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await play.hook.statuses(1)
        order.append("status")

    assert order == ["status", "answer"]


async def test_a_slow_call_is_carried_out_late(play: Play) -> None:
    await play.fault(kind="delay", delay_s=0.02)
    before = trio.current_time()

    await play.send(TEXT)

    assert trio.current_time() - before >= 0.02


async def test_an_accepted_message_can_fail_later(play: Play) -> None:
    await play.fault(kind="failed_status", code=131026)

    answer = await play.send(TEXT)

    assert answer.status_code == 200
    (status,) = await play.hook.statuses(1)
    assert status["errors"][0]["code"] == 131026
    assert await play.outbox() == []


async def test_a_template_can_be_held_back(play: Play) -> None:
    await play.fault(kind="held")
    content = {"name": "hello_world", "language": {"code": "en_US"}}

    answer = await play.send({"type": "template", "template": content})

    held = "held_for_quality_assessment"
    assert answer.json()["messages"][0]["message_status"] == held


async def test_a_webhook_can_come_twice(play: Play) -> None:
    await play.fault(kind="duplicate_webhook")

    await play.write(TEXT)

    first, second = await play.hook.documents(2)
    assert first == second


async def test_a_webhook_can_be_overtaken(play: Play, autojump_clock: object) -> None:
    await play.fault(kind="reorder_webhooks", delay_s=1, match={"type": "text"})

    await play.write(TEXT)
    await play.write({"type": "location", "location": {"latitude": 1, "longitude": 2}})

    values = await play.hook.values(2)
    assert [value["messages"][0]["type"] for value in values] == ["location", "text"]


async def test_a_rule_befalls_only_what_it_names(play: Play) -> None:
    await play.fault(kind="throttle", match={"type": "image", "channel_key": KEY})

    answer = await play.send(TEXT)

    assert code_of(answer) == 0
    rules = (await play.client.get("/sandbox/faults")).json()["faults"]
    assert [(rule["kind"], rule["left"]) for rule in rules] == [("throttle", 1)]


async def test_a_person_may_be_named_with_the_plus_of_their_number_or_without(play: Play) -> None:
    await play.fault(kind="throttle", match={"to": "447700900777"})

    answers = [await play.send(TEXT, to="+447700900777") for _ in "ab"]

    assert [code_of(answer) for answer in answers] == [130429, 0]


async def test_rules_can_be_lifted(play: Play) -> None:
    await play.fault(kind="throttle", count=100)

    await play.client.delete("/sandbox/faults")

    assert code_of(await play.send(TEXT)) == 0


def test_chance_is_seeded() -> None:
    runs = []
    for _ in range(2):
        faults = Faults(random.Random(7))
        faults.add({"kind": "throttle", "probability": 0.3})
        runs.append([faults.take(SEND, REQUEST_KINDS) is not None for _ in range(200)])

    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


def test_a_counted_rule_is_spent() -> None:
    faults = Faults(random.Random(7))
    faults.add([{"kind": "throttle", "count": 2}])

    taken = [faults.take(SEND, REQUEST_KINDS) is not None for _ in range(3)]

    assert taken == [True, True, False]
    assert faults.taken == {"throttle": 2}


WRONG: dict[str, Any] = {
    "no object": "throttle",
    "an unknown kind": {"kind": "earthquake"},
    "an unknown key": {"kind": "throttle", "times": 3},
    "a count in words": {"kind": "throttle", "count": "three"},
    "a probability above 1": {"kind": "throttle", "probability": 2},
    "a match that is no object": {"kind": "throttle", "match": "text"},
    "a match of an unknown key": {"kind": "throttle", "match": {"weather": "rain"}},
}


@pytest.mark.parametrize("label", WRONG)
async def test_a_rule_that_makes_no_sense_is_refused_with_a_sentence(
    play: Play, label: str
) -> None:
    answer = await play.client.post("/sandbox/faults", json=WRONG[label])

    assert answer.status_code == 400
    assert answer.json()["error"]
