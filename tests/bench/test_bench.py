"""The benches run, prove what they claim before they count it, and say where they ran.

Nothing here looks at how fast anything was.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import (
    echo,
    intake,
    mail_idle,
    mail_parsing,
    mail_sending,
    profile,
    restart,
    runtime,
)
from bench.load import Job, Result, requests_of, serial_in, text_of
from bench.report import BUSY, Row, Yardstick, append_json, at_least, at_most, spelled
from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.model.content import Text
from omni_actors.model.reports import Received, Report

HOOK = "http://127.0.0.1:9/webhooks/meta"


def by_name(rows: Sequence[Row], part: str) -> list[Row]:
    """The rows whose name holds a text."""
    return [row for row in rows if part in row.name]


def test_requests_of_the_load_are_signed_webhooks_of_different_customers() -> None:
    meta = HOOK_KINDS["meta"]
    secrets = meta.secrets(app_secrets=("sandbox-secret",), verify_token="sandbox-verify")

    requests = requests_of(Job(HOOK, requests=3, first=7))

    reports: list[Report] = []
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:]
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        assert meta.authenticate(headers, body, secrets, 0.0)
        reports += ADAPTERS["whatsapp"].parse(meta.decode(body, secrets))
    assert [r.content for r in reports if isinstance(r, Received)] == [
        Text(text_of(serial)) for serial in (7, 8, 9)
    ]
    assert len({report.identities for report in reports}) == 3


def test_requests_are_spread_over_the_channels_in_turn() -> None:
    job = Job(HOOK, requests=4, channel_keys=("1001", "1002"))

    requests = requests_of(job)

    assert [b'"1001"' in each for each in requests] == [True, False, True, False]


def test_a_text_tells_its_serial_number() -> None:
    assert serial_in(text_of(123)) == 123


def test_a_round_with_a_doubled_or_a_missing_answer_is_void() -> None:
    result = Result(0.0, 1.0, {"200": 2}, 0, 1.0, 1.0, 1.0, 1.0)
    job = Job(HOOK, requests=2, first=5)

    problems = [
        echo.Round(job, result, 1.0, [(serial, 0.5) for serial in serials], 0.0).problem()
        for serials in ((6, 5), (5,), (5, 5), (5, 6, 6))
    ]

    assert problems[0] is None
    assert all(problems[1:])


def test_latency_counts_from_the_intended_moment() -> None:
    result = Result(100.0, 101.0, {"200": 2}, 0, 1.0, 1.0, 1.0, 1.0)
    job = Job(HOOK, requests=2, first=5, rate=10.0)

    done = echo.Round(job, result, 101.0, [(5, 100.02), (6, 100.15)], 0.0)

    assert done.latencies_ms() == pytest.approx([20.0, 50.0])


def test_a_table_says_what_was_missed_and_what_is_void() -> None:
    rows = [at_least("rate", 1.0, "/s", 2), at_most("p99", 1.0, "ms", 2, void="no answers")]

    table = spelled(rows).splitlines()

    assert table[0].endswith("MISSED")
    assert table[1].endswith("VOID: no answers")


def test_json_lines_hold_the_rows_and_where_they_were_measured(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"

    append_json(path, "intake", {"commit": "abc"}, [Row("rate", 1.5, "/s")])
    append_json(path, "echo", {"commit": "abc"}, [Row("rate", 2.5, "/s")])

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["bench"], line["value"], line["commit"]) for line in lines] == [
        ("intake", 1.5, "abc"),
        ("echo", 2.5, "abc"),
    ]


def test_stacks_are_counted_in_a_function_and_below_it() -> None:
    text = profile.spelled("run (a.py:1);work (b.py:2) 3\nrun (a.py:1) 1")

    own, below = text.split("\n\n")
    assert own.splitlines()[1:] == ["  75.0 %  work (b.py)", "  25.0 %  run (a.py)"]
    assert below.splitlines()[1] == " 100.0 %  run (a.py)"


@pytest.mark.slow
def test_the_runtime_bench_measures_every_promise() -> None:
    rows = runtime.run(quick=True)

    assert sum(row.target is not None for row in rows) >= 6
    assert all(row.value > 0 for row in by_name(rows, "tell"))


@pytest.mark.slow
@pytest.mark.e2e
def test_the_intake_bench_takes_every_webhook() -> None:
    rows = intake.run(quick=True)

    assert {row.value for row in by_name(rows, "errors")} == {0.0}
    assert all(row.value > 0 for row in by_name(rows, "closed loop") if row.unit == "/s")


@pytest.mark.slow
@pytest.mark.e2e
def test_the_echo_bench_sees_every_answer_once() -> None:
    rows = echo.run(quick=True)

    # That the machine does something else voids a figure, and no answer.
    assert [row.void for row in rows if row.void and not row.void.startswith(BUSY)] == []


def test_a_yardstick_that_swings_proves_nothing() -> None:
    steady, swinging = Yardstick([1.2, 1.0, 1.1]), Yardstick([1.0, 1.5])

    assert (steady.slowness, steady.void) == (1.0, None)
    assert swinging.void is not None
    assert swinging.void.startswith(BUSY)


@pytest.mark.slow
@pytest.mark.e2e
def test_the_restart_bench_sees_a_first_dispatch() -> None:
    rows = restart.run(quick=True)

    assert rows[0].void is None


@pytest.mark.slow
def test_the_mails_of_the_bench_are_read() -> None:
    assert all(mail_parsing.is_read(mail_parsing.ordinary(number)) for number in range(6))
    assert [name for name, raw in mail_parsing.hostile(quick=True) if len(raw) < 9_000] == []


@pytest.mark.slow
def test_reading_mails_is_measured_beside_the_standard_library() -> None:
    rows = mail_parsing.run(quick=True)

    assert len(by_name(rows, "ordinary mails")) == 2
    assert len(by_name(rows, "1 MB of")) == 5


@pytest.mark.slow
@pytest.mark.e2e
def test_the_bench_of_idle_mailboxes_closes_all_that_it_opened() -> None:
    rows = mail_idle.run(quick=True)

    assert [row.void for row in rows] == [None] * len(rows)


@pytest.mark.slow
@pytest.mark.e2e
def test_the_bench_of_sending_hands_every_mail_over() -> None:
    rows = mail_sending.run(quick=True)

    assert [row.void for row in rows if row.void and not row.void.startswith(BUSY)] == []
    assert sum("kept connection" in row.name and row.value > 0 for row in rows) == 3
