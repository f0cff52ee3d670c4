"""The gateway as its user runs it: a process of its own, started, killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import trio
from attrs import define, field

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 15.0
LISTENING = "listening on "


class ProgramFailed(Exception):
    """The gateway did not start; the text holds its last words."""


@define
class Program:
    """A gateway process on a config file."""

    config: Path
    log: Path
    url: str = ""
    process: trio.Process | None = None
    starts: int = field(default=0)

    async def start(self, nursery: trio.Nursery) -> None:
        """Start it, and return once it listens. Raises ProgramFailed."""
        with self.log.open("ab") as log:
            self.process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "omni_actors", "serve", "--config", str(self.config)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.starts += 1
        assert self.process.stdout is not None
        try:
            with trio.fail_after(START_TIMEOUT_S):
                self.url = await first_url(self.process.stdout)
        except (trio.TooSlowError, EOFError):
            raise ProgramFailed(self.last_words()) from None
        nursery.start_soon(drained, self.process.stdout)

    def last_words(self) -> str:
        """The end of what the program logged."""
        return self.log.read_text(errors="replace")[-2_000:]

    async def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, then its exit code; killed when it does not end in time."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_TIMEOUT_S):
            return await self.process.wait()
        await self.kill()
        return -signal.SIGKILL

    def operator(self) -> httpx.AsyncClient:
        """A client of the API with the operator's key."""
        key = (self.config.parent / "data" / "operator.key").read_text().strip()
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=10
        )


@asynccontextmanager
async def open_program(config: Path) -> AsyncIterator[Program]:
    """A gateway that runs inside the block and is stopped after it."""
    program = Program(config, config.parent / "gateway.log")
    async with trio.open_nursery() as nursery:
        await program.start(nursery)
        try:
            yield program
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_TIMEOUT_S + 2):
                await program.stop()
            nursery.cancel_scope.cancel()


async def first_url(output: trio.abc.ReceiveStream) -> str:
    """The address in the line that the program prints when it listens. Raises EOFError."""
    text = ""
    while True:
        chunk = await output.receive_some(4096)
        if not chunk:
            raise EOFError
        text += bytes(chunk).decode(errors="replace")
        for line in text.splitlines():
            if LISTENING in line and line.endswith(tuple("0123456789")):
                return line.partition(LISTENING)[2].strip()


async def drained(output: trio.abc.ReceiveStream) -> None:
    """Read on, so that the program never waits for us."""
    while await output.receive_some(4096):
        pass
