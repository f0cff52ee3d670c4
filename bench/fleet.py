"""The processes of a bench: gateway, doors, pretend platforms, load generator, each on its own."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw
from attrs import asdict, define, field, frozen

from bench.load import SECRET, Job, Result
from bench.report import ROOT

START_S = 60.0
ANSWER_S = 300.0
STOP_S = 15.0
LOOK_S = 0.02
LISTENING = "listening on "
GATEWAY = (sys.executable, "-m", "omni_actors", "serve", "--config")
CLOCK_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

HEAD = """\
[server]
bind = "127.0.0.1:0"
public_url = "http://127.0.0.1:8080"

[store]
url = "sqlite:///{data}/omni.db"

[log]
level = "warning"

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["{secret}"]
verify_token = "sandbox-verify"

[bot]
kind = "{bot}"
"""
CHANNEL = """
[[channels]]
id = "wa-{key}"
platform = "whatsapp"
phone_number_id = "{key}"
access_token = "sandbox-token"
graph_url = "{graph}"
rate = {{ per_second = 1000000, burst = 1000000 }}
pair_rate = {{ per_second = 1000000, burst = 1000000 }}
"""


class Failed(Exception):
    """A process of the bench ended, or did not answer in time; the text holds its last words."""


@define(eq=False)
class Child:
    """A process that speaks in lines on standard output."""

    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                bufsize=0,
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.process.pid

    def line(self, within_s: float) -> str:
        """The next line it says. Raises Failed."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], within_s)
        text = self.process.stdout.readline().decode() if ready else ""
        if not text:
            raise Failed(f"{' '.join(self.command)} said nothing: {self.last_words()}")
        return text

    def url(self) -> str:
        """Where it listens, once it does. Raises Failed."""
        while LISTENING not in (line := self.line(START_S)):
            pass
        return line.partition(LISTENING)[2].strip()

    def tell(self, said: Any) -> None:
        """Say one line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(said).encode() + b"\n")

    def ask(self, said: Any) -> Any:
        """Say one line and hear one. Raises Failed."""
        self.tell(said)
        return json.loads(self.line(ANSWER_S))

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]

    def cpu_s(self) -> float:
        """The processor time it has used so far."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) * CLOCK_TICK_S

    def memory_mib(self) -> float:
        """The memory it holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096 / 2**20

    def stop(self) -> None:
        """End it; killed when it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@frozen
class Backlog:
    """What a gateway has not done yet."""

    entries: int
    parts: int
    parked: int

    @property
    def amount(self) -> int:
        """All of it."""
        return self.entries + self.parts + self.parked


@define(eq=False)
class Server:
    """A server under load; `database` is None for one that stores nothing."""

    name: str
    child: Child
    hook: str
    database: Path | None = None

    def backlog(self) -> Backlog:
        """What waits in its database: entries to handle, parts to send, statuses to match."""
        assert self.database is not None
        connection = apsw.Connection(str(self.database), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(5000)
            row = connection.execute(
                "SELECT (SELECT count(*) FROM entry), "
                "(SELECT count(*) FROM part WHERE open = 1), (SELECT count(*) FROM parked)"
            ).fetchone()
        finally:
            connection.close()
        assert row is not None
        return Backlog(*row)


@define(eq=False)
class Fleet:
    """Starts processes in a folder of its own, and stops them in the reverse order."""

    folder: Path
    stack: ExitStack
    serials: int = 0

    def start(self, name: str, *command: str) -> Child:
        """A child that is stopped at the end."""
        child = Child(command, self.folder / f"{name}.log")
        self.stack.callback(child.stop)
        return child

    def config(self, name: str, keys: Sequence[str], graph: str, bot: str = "none") -> Path:
        """A config with a data folder of its own."""
        data = self.folder / name
        data.mkdir()
        path = self.folder / f"{name}.toml"
        channels = [CHANNEL.format(key=key, graph=graph) for key in keys]
        head = HEAD.format(data=data, secret=SECRET, bot=bot)
        path.write_text(head + "".join(channels))
        return path

    def gateway(self, name: str, config: Path) -> Server:
        """The built program."""
        child = self.start(name, *GATEWAY, str(config))
        database = self.folder / config.stem / "omni.db"
        return Server(name, child, f"{child.url()}/webhooks/meta", database)

    def door(self, kind: str, config: Path) -> Server:
        """One of `bench.doors`."""
        child = self.start(kind, sys.executable, "-m", "bench.doors", kind, str(config))
        database = self.folder / config.stem / "omni.db" if kind == "accept" else None
        return Server(kind, child, f"{child.url()}/webhooks/meta", database)

    def platforms(self, name: str, keys: Sequence[str], **settings: Any) -> tuple[Child, str]:
        """The pretend platforms, and their URL."""
        document = json.dumps({"channel_keys": keys, **settings})
        child = self.start(name, sys.executable, "-m", "bench.platforms", document)
        return child, json.loads(child.line(START_S))

    def load(self) -> Child:
        """The load generator."""
        return self.start("load", sys.executable, "-m", "bench.load")

    def job(self, url: str, requests: int, **more: Any) -> Job:
        """A job of customers that were never seen before."""
        first, self.serials = self.serials, self.serials + requests
        return Job(url, requests, first=first, **more)


def ready(load: Child, job: Job) -> None:
    """Have a job prepared. Raises Failed."""
    answer = load.ask(asdict(job))
    assert answer == "ready"


def go(load: Child) -> Result:
    """Do the job that is prepared. Raises Failed."""
    return Result(**load.ask("go"))


def wait_until_done(server: Server, within_s: float) -> float | None:
    """The moment at which the backlog of a server was seen empty; None when it never was."""
    deadline = time.monotonic() + within_s
    while server.backlog().amount:
        if time.monotonic() > deadline:
            return None
        time.sleep(LOOK_S)
    return time.monotonic()


@contextmanager
def open_fleet() -> Iterator[Fleet]:
    """A fleet that leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="omni-bench-") as folder, ExitStack() as stack:
        yield Fleet(Path(folder), stack)
