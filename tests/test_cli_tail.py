"""The tail: a live feed that is followed through breaks, refusals and Ctrl-C."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from omni_actors import cli
from omni_actors.cli_exits import Exit

ROOT = Path(__file__).resolve().parent.parent
KEY = "omni_test_key"
START_S_MAX = 30

Captured = pytest.CaptureFixture[str]

EVENTS = [
    {
        "id": f"evt_{n}",
        "cursor": str(n).zfill(16),
        "type": "message.received",
        "at": "2026-11-22T10:00:00.000Z",
        "conversation_id": "cnv_1",
        "channel_id": "wa",
        "detail": {},
        "message": {"id": f"msg_{n}", "content": {"type": "text", "text": f"hi\x1b {n}"}},
    }
    for n in range(1, 5)
]


@contextmanager
def live_feed(turns: list[list[dict[str, Any]]]) -> Iterator[tuple[str, list[str]]]:
    """A feed that breaks after each turn's events; its URL, and the targets that were asked for."""
    targets: list[str] = []
    ports: queue.Queue[int] = queue.Queue()
    token: list[trio.lowlevel.TrioToken] = []
    end = trio.Event()

    async def reader(asked: WebSocketRequest) -> None:
        targets.append(asked.path)
        if dict(asked.headers).get(b"authorization") != f"Bearer {KEY}".encode():
            told = {"code": "unauthenticated", "detail": "the API key is not known"}
            await asked.reject(401, body=json.dumps(told).encode())
            return
        connection = await asked.accept()
        with suppress(ConnectionClosed):  # the client leaves as soon as it has what it counted
            for event in turns[len(targets) - 1] if len(targets) <= len(turns) else []:
                await connection.send_message(json.dumps(event))
            await connection.aclose(1001, "shutting down")

    async def serve() -> None:
        token.append(trio.lowlevel.current_trio_token())
        async with trio.open_nursery() as nursery:
            server = await nursery.start(
                partial(serve_websocket, reader, "127.0.0.1", 0, ssl_context=None)
            )
            ports.put(server.port)
            await end.wait()
            nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=START_S_MAX)}", targets
    finally:
        token[0].run_sync_soon(end.set)
        thread.join()


@pytest.mark.slow
def test_the_tail_goes_on_where_it_was_when_the_connection_breaks(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNI_API_KEY", KEY)
    with live_feed([EVENTS[:2], EVENTS[2:]]) as (url, targets):
        code = cli.run(["tail", "--after", "0", "--types", "message.received,message.sent",
                        "--count", "3", "--url", url])  # fmt: skip

    told = capsys.readouterr()
    assert code == Exit.OK
    assert [line.split()[-1] for line in told.out.splitlines()] == ["1”", "2”", "3”"]
    assert "\x1b" not in told.out
    types = "types=message.received%2Cmessage.sent"
    assert targets == [f"/v1/live?after=0&{types}", f"/v1/live?after={'2'.zfill(16)}&{types}"]
    assert "shutting down" in told.err
    assert "connected again" in told.err


def test_a_tail_with_a_wrong_key_is_refused(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNI_API_KEY", "omni_wrong")
    with live_feed([]) as (url, _targets):
        code = cli.run(["tail", "--after", "0", "--json", "--url", url])

    assert code == Exit.REFUSED
    assert "the API key is not known" in capsys.readouterr().err


@pytest.mark.e2e
def test_ctrl_c_ends_a_client_quietly(tmp_path: Path) -> None:
    with (
        live_feed([EVENTS]) as (url, _targets),
        subprocess.Popen(
            [sys.executable, "-m", "omni_actors", "tail", "--after", "0", "--url", url],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMNI_API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as started,
    ):
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.readline()

        started.send_signal(signal.SIGINT)

        assert started.wait(START_S_MAX) == Exit.INTERRUPTED
        assert "Traceback" not in started.stderr.read()
