"""Bodies: nothing is answered into a client that still talks, and no answer is cut off."""

from typing import Any

import pytest
import trio

from omni_actors.api.incoming import KEY, BodyDoor, Incoming
from omni_actors.api.problems import Problem

SCOPE = {"type": "http", "method": "GET", "headers": [(b"content-length", b"4")]}
START = {"type": "http.response.start", "status": 405, "headers": []}
BODY = {"type": "http.response.body", "body": b"no"}


def piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def at_once(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that answers without reading."""
    await send(START)
    await send(BODY)


async def test_an_answer_waits_until_the_body_has_come() -> None:
    log: list[str] = []
    pieces = [piece(b"no", more=True), piece(b"pe", more=False)]

    async def receive() -> dict[str, Any]:
        log.append("read")
        return pieces.pop(0)

    async def send(event: dict[str, Any]) -> None:
        log.append(event["type"])

    await BodyDoor(at_once)(dict(SCOPE), receive, send)

    assert log == ["read", "read", START["type"], BODY["type"]]


async def test_a_body_that_never_comes_holds_an_answer_only_for_a_moment(
    autojump_clock: trio.testing.MockClock,
) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await trio.sleep_forever()
        raise AssertionError

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    with trio.fail_after(3):
        await BodyDoor(at_once)(dict(SCOPE), receive, send)

    assert sent == [START, BODY]


async def test_the_last_event_is_sent_whole_though_its_task_is_cancelled() -> None:
    finished: list[str] = []

    async def cancelled(_scope: Any, _receive: Any, send: Any) -> None:
        with trio.CancelScope() as scope:
            await send(START)
            scope.cancel()
            await send(BODY)

    async def receive() -> dict[str, Any]:
        return piece(b"nope", more=False)

    async def send(event: dict[str, Any]) -> None:
        if event is BODY:
            await trio.lowlevel.checkpoint()
        finished.append(event["type"])

    await BodyDoor(cancelled)(dict(SCOPE), receive, send)

    assert finished == [START["type"], BODY["type"]]


async def test_a_slow_body_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def receive() -> dict[str, Any]:
        await trio.sleep(20)
        return piece(b"x", more=True)

    with pytest.raises(Problem) as caught:
        await Incoming(receive, "").read(100, 10)

    assert caught.value.code == "request_timeout"


async def test_quart_sees_an_empty_body_and_then_the_departure() -> None:
    events = [piece(b"nope", more=False), {"type": "http.disconnect"}]
    seen: list[dict[str, Any]] = []

    async def reader(scope: Any, receive: Any, _send: Any) -> None:
        seen.append(await receive())
        seen.append(piece(await scope[KEY].read(100, 1), more=False))
        seen.append(await receive())

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    await BodyDoor(reader)(dict(SCOPE), receive, None)  # type: ignore[arg-type]  # nothing is sent

    assert [event.get("body") for event in seen] == [b"", b"nope", None]
