"""Loop health: passes are timed, stalls are reported with the stack that causes them."""

import threading

import pytest
import trio

from omni_actors.actors.lag import LoopLag, Stall, Watchdog, open_lag_watch


class Hands:
    """A stopwatch set by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_passes_are_timed_between_two_waits() -> None:
    hands = Hands()
    lag = LoopLag(hands)
    for took_s in (0.001, 0.001, 0.3):
        lag.after_io_wait(0)
        hands.at += took_s
        lag.before_io_wait(0)
        hands.at += 100

    statistics = lag.statistics()

    assert statistics.passes == 3
    assert statistics.max_s == pytest.approx(0.3)
    assert 0.001 <= statistics.p50_s <= 0.002


def test_a_stall_is_reported_once_with_the_stack() -> None:
    hands, stalls = Hands(), list[Stall]()
    lag = LoopLag(hands)
    watchdog = Watchdog(lag, threading.get_ident(), stalls.append, 0.25, hands)

    lag.after_io_wait(0)
    for _ in range(10):
        hands.at += 0.1
        watchdog.look()

    assert [round(stall.lasted_s, 3) for stall in stalls] == [0.3]
    assert stalls[0].stack[-1].endswith(" look")


def test_an_idle_loop_is_no_stall() -> None:
    hands, stalls = Hands(), list[Stall]()
    lag = LoopLag(hands)
    watchdog = Watchdog(lag, threading.get_ident(), stalls.append, 0.25, hands)
    lag.after_io_wait(0)
    lag.before_io_wait(60)

    hands.at += 60
    watchdog.look()

    assert stalls == []


async def test_the_watch_catches_a_blocked_loop_and_ends_with_its_block() -> None:
    reported = threading.Event()
    stalls: list[Stall] = []

    def report(stall: Stall) -> None:
        stalls.append(stall)
        reported.set()

    async with open_lag_watch(report, stall_s=0.02) as lag:
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert reported.wait(5), "this blocks the loop on purpose"
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()

    assert any("test_lag.py" in place for place in stalls[0].stack)
    assert lag.statistics().max_s >= 0.02
    assert not any(thread.name == "loop watchdog" for thread in threading.enumerate())
