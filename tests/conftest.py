"""What holds for every test: chosen examples, no hanging, no threads left, no hidden skips."""

import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

from tests.support.dovecot import PACKAGES, Dovecot, program, running

TEST_S_MAX = 240
THREAD_END_S_MAX = 2.0
NO_SKIPS = os.environ.get("OMNI_TESTS_NO_SKIPS") == "1"

# The speed of the machine decides nothing here: no deadline, and no complaint about slow examples.
settings.register_profile(
    "dev",
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.register_profile("fast", settings.get_profile("dev"), max_examples=20)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

_skipped: list[str] = []


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A real IMAP and LMTP server; see there."""
    if program("dovecot") is None:
        pytest.skip(f"dovecot is not installed: apt-get install {PACKAGES}")
    with running() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def _no_thread_outlives_its_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail when a module leaves a thread behind that would keep the process from exiting."""
    before = set(threading.enumerate())
    yield
    started = [thread for thread in threading.enumerate() if thread not in before]
    lasting = [thread for thread in started if not thread.daemon]
    for thread in lasting:
        thread.join(THREAD_END_S_MAX)
    alive = [thread.name for thread in lasting if thread.is_alive()]
    if alive:
        pytest.fail(f"{request.node.nodeid} left threads running: {', '.join(alive)}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Bound the fixtures of a test in wall time."""
    with _wall_time_limit(item, "setup"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Bound a test in wall time."""
    with _wall_time_limit(item, "call"):
        return (yield)


@contextmanager
def _wall_time_limit(item: pytest.Item, phase: str) -> Iterator[None]:
    """Fail a test that hangs, and end the run: a broken-off trio run would spoil the next one.

    By then pytest's faulthandler has shown the stack of every thread.
    """

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        item.session.shouldfail = f"{item.nodeid} hangs"
        pytest.fail(f"{phase} of {item.nodeid} did not end within {TEST_S_MAX} s")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_S_MAX)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember a skipped test; an expected failure is not one."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(f"{report.nodeid}: {_reason(report)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember a module that skipped itself while it was collected."""
    if report.skipped:
        _skipped.append(f"{report.nodeid}: {_reason(report)}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a green run with skips into a failed one where skips are not allowed."""
    if NO_SKIPS and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skips that failed the run."""
    if NO_SKIPS and _skipped:
        terminalreporter.section("skips are failures here (OMNI_TESTS_NO_SKIPS=1)", red=True)
        for line in _skipped:
            terminalreporter.write_line(line)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
