"""What the actor runtime costs, beside trio's memory channels and Pykka, in one run.

`tell` counts from the call to the end of handling, divided by the number of messages; a run's best
of several rounds is kept, because whatever else the machine does can only add to it.
"""

import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pykka
import trio

from bench.report import Row, Yardstick, at_least, at_most, time_at_most
from omni_actors.actors.clock import stopwatch
from omni_actors.actors.roster import Roster
from omni_actors.actors.system import System, open_system

TELL_US_MAX: Final = 1.0
TELL_RATIO_MIN: Final = 4.0
ASK_US_MAX: Final = 25.0
IDLE_KIB_MAX: Final = 6.0
SLEPT_MIB_MAX: Final = 20.0
_WINDOW: Final = 512


class Counter:
    """Counts, and wakes whoever waits for a number."""

    def __init__(self) -> None:
        self.count = 0
        self.goal = -1
        self.reached = trio.Event()

    async def handle(self, _message: object) -> int:
        self.count += 1
        if self.count == self.goal:
            self.reached.set()
        return self.count

    async def at(self, goal: int) -> None:
        """Wait until `goal` messages were handled."""
        if self.count < goal:
            self.goal, self.reached = goal, trio.Event()
            await self.reached.wait()


class PykkaCounter(pykka.ThreadingActor):
    """The same for Pykka."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, _message: Any) -> int:
        self.count += 1
        return self.count


def run(*, quick: bool = False) -> list[Row]:
    """Measure everything; `quick` takes a tenth of the messages and fewer rounds."""
    messages, rounds = (10_000, 3) if quick else (100_000, 7)
    actors = 10_000 if quick else 100_000
    pykka_tell_us, pykka_ask_us = _pykka(messages // 5, 1 if quick else 3)
    yardstick = Yardstick()
    yardstick.look(rounds)
    tell = trio.run(_best, rounds, _tell, messages)
    ask = trio.run(_best, rounds, _ask, messages // 20)["ask"]
    windowed = _windowed(rounds, messages)
    yardstick.look(rounds)
    against = (pykka_tell_us, TELL_US_MAX, yardstick)
    return [
        yardstick.row(),
        _row("tell, call to handled, one burst", tell["handled"], *against),
        _row("tell, the call alone, one burst", tell["call"], *against),
        *_windows(windowed, pykka_tell_us, yardstick),
        at_least("tell against Pykka", pykka_tell_us / tell["handled"], "times", TELL_RATIO_MIN),
        _row("ask", ask, pykka_ask_us, ASK_US_MAX, yardstick),
        _plain("Pykka tell", pykka_tell_us),
        _plain("Pykka ask", pykka_ask_us),
        _memory("idle actor", "KiB", actors, IDLE_KIB_MAX),
        _memory("slept keys", "MiB", actors, SLEPT_MIB_MAX),
        _memory("slept keys, all awake at once", "MiB", actors, None),
    ]


def _windowed(rounds: int, messages: int) -> tuple[float, float]:
    """A tell and a message through a trio channel, when only so many may wait."""
    windows = trio.run(_best, rounds, _tell_windows, messages)["handled"]
    return windows, trio.run(_best, rounds, _channel, messages // 5)["channel"]


def _windows(windowed: tuple[float, float], pykka_us: float, yardstick: Yardstick) -> list[Row]:
    windows, channel = windowed
    name = f"tell, call to handled, {_WINDOW} at a time"
    return [
        _row(name, windows, pykka_us, TELL_US_MAX, yardstick),
        Row(
            "trio memory channel, send to receive",
            channel,
            "us",
            ratio=channel / windows,
            against="tell",
        ),
    ]


def _row(name: str, value: float, pykka_us: float, most: float, yardstick: Yardstick) -> Row:
    ratio, slow, void = pykka_us / value, yardstick.slowness, yardstick.void
    return time_at_most(
        name, value, most=most, slowness=slow, ratio=ratio, against="Pykka", void=void
    )


def _plain(name: str, value: float) -> Row:
    return Row(name, value, "us")


async def _best(
    rounds: int, measure: Callable[[int], Awaitable[dict[str, float]]], amount: int
) -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(rounds):
        gc.collect()
        for name, value in (await measure(amount)).items():
            best[name] = min(value, best.get(name, value))
    return best


async def _tell(messages: int) -> dict[str, float]:
    counter = Counter()
    async with open_system() as system:
        system.spawn("counter", lambda: counter, count_max=messages)
        await system.wait_started("counter", timeout_s=1)
        tell = system.tell
        began = stopwatch()
        for number in range(messages):
            tell("counter", number)
        called = stopwatch()
        await counter.at(messages)
        handled = stopwatch()
    scale = 1e6 / messages
    return {"call": (called - began) * scale, "handled": (handled - began) * scale}


async def _tell_windows(messages: int) -> dict[str, float]:
    counter = Counter()
    async with open_system() as system:
        system.spawn("counter", lambda: counter, count_max=_WINDOW)
        await system.wait_started("counter", timeout_s=1)
        tell = system.tell
        began = stopwatch()
        for start in range(0, messages, _WINDOW):
            window = min(_WINDOW, messages - start)
            for number in range(window):
                tell("counter", number)
            await counter.at(start + window)
        took = stopwatch() - began
    return {"handled": took * 1e6 / messages}


async def _channel(messages: int) -> dict[str, float]:
    send, receive = trio.open_memory_channel[int](_WINDOW)
    count = 0

    async def consume() -> None:
        nonlocal count
        async for _ in receive:
            count += 1

    began = stopwatch()
    async with trio.open_nursery() as nursery, send:
        nursery.start_soon(consume)
        for number in range(messages):
            await send.send(number)
    return {"channel": (stopwatch() - began) * 1e6 / messages}


async def _ask(messages: int) -> dict[str, float]:
    counter = Counter()
    async with open_system() as system:
        system.spawn("counter", lambda: counter)
        began = stopwatch()
        for number in range(messages):
            await system.ask("counter", number, timeout_s=10)
        took = stopwatch() - began
    return {"ask": took * 1e6 / messages}


def _pykka(messages: int, rounds: int) -> tuple[float, float]:
    tell, ask = [], []
    for _ in range(rounds):
        actor = PykkaCounter.start()
        began = stopwatch()
        for number in range(messages):
            actor.tell(number)
        actor.ask("the last one tells that all are handled")
        tell.append((stopwatch() - began) * 1e6 / messages)
        began = stopwatch()
        for number in range(messages // 10):
            actor.ask(number)
        ask.append((stopwatch() - began) * 1e6 / (messages // 10))
        actor.stop()
    return min(tell), min(ask)


def _memory(name: str, unit: str, actors: int, most: float | None) -> Row:
    """Measured in a fresh process, whose memory holds nothing else.

    When all were awake at once, most of what stays resident is free blocks that the allocator
    keeps; hence that row has no target, and the one that has wakes a thousand at a time.
    """
    command = [sys.executable, "-m", "bench.runtime", "--memory", name, str(actors)]
    grown = int(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    value = grown / actors / 1024 if unit == "KiB" else grown / 2**20
    whole = f"{name}, {actors:,} of them"
    return Row(whole, value, unit) if most is None else at_most(whole, value, unit, most)


async def _grown(name: str, actors: int) -> int:
    async with open_system(close_s=60) as system:
        await _wake(system, "warm", 1_000, awake_max=1_000)
        gc.collect()
        before = _resident()
        awake_max = 1_000 if name == "slept keys" else actors
        roster = await _wake(system, "room", actors, awake_max=awake_max)
        if name != "idle actor":
            for number in range(actors):
                roster.passivate(str(number))
            assert roster.active == 0
        gc.collect()
        return _resident() - before


async def _wake(system: System, prefix: str, actors: int, *, awake_max: int) -> Roster:
    roster = Roster(system, prefix, lambda _key: Counter(), active_max=awake_max, idle_s=3600)
    for number in range(actors):
        await roster.ask(str(number), "wake up", timeout_s=60)
    return roster


def _resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


if __name__ == "__main__":
    print(trio.run(_grown, sys.argv[2], int(sys.argv[3])))
