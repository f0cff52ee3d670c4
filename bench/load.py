"""The load generator: one process, plain sockets, requests that are made before the clock starts.

It reads one job a line and answers one result a line; between `ready` and `go` nothing happens.
Closed loop: each connection sends its next request when the last one is answered. Open loop: each
request has its moment, whether or not the server keeps up, and latency counts from that moment.
"""

import gc
import hmac
import json
import random
import re
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from urllib.parse import urlsplit

from attrs import asdict, define, field, frozen

from omni_actors.sandbox import SandboxSettings, WhatsAppAccount
from omni_actors.sandbox.clock import SandboxClock
from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.whatsapp.platform import WhatsApp

READ_BYTES = 65_536
STALL_S = 20.0
SECRET = "sandbox-secret"

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@frozen
class Job:
    """Webhooks to post: `requests` of them, each of another customer, over `connections`.

    Serial numbers begin at `first`; customer, message and text follow from them, so that two jobs
    of one server must not share any. `rate` is requests per second, 0 for a closed loop.
    """

    url: str
    requests: int
    connections: int = 32
    rate: float = 0.0
    first: int = 0
    channel_keys: tuple[str, ...] = ("770011223344556",)


@frozen
class Result:
    """How it went; `began` and `ended` are readings of the machine's monotonic clock."""

    began: float
    ended: float
    statuses: dict[str, int]
    broken: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    cpu_us: float

    @property
    def errors(self) -> int:
        """Requests that were not answered 200."""
        return self.broken + sum(n for status, n in self.statuses.items() if status != "200")

    @property
    def per_s(self) -> float:
        """Requests answered 200 in a second."""
        return self.statuses.get("200", 0) / (self.ended - self.began)


def text_of(serial: int) -> str:
    """What the customer of this serial number writes."""
    return f"order {serial}, please tell me when it is ready to be picked up"


def serial_in(text: str) -> int:
    """The serial number in a customer's text."""
    return int(text.split(",")[0].removeprefix("order "))


class MachineClock(SandboxClock):
    """The platform's clock outside of a trio run."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


def requests_of(job: Job) -> list[bytes]:
    """Whole HTTP requests, signed, with the bodies that the pretend platform writes."""
    settings = SandboxSettings(limits=False)
    stage = Stage(settings, MachineClock(0.0), random.Random(job.first), "")
    platform = WhatsApp(stage)
    for key in job.channel_keys:
        platform.open_account(WhatsAppAccount(phone_number_id=key))
    serials = range(job.first, job.first + job.requests)
    return [_request(job, _body(platform, job.channel_keys, serial)) for serial in serials]


def _body(platform: WhatsApp, keys: Sequence[str], serial: int) -> bytes:
    customer = {"from": f"49{serial:011d}", "name": f"Customer {serial}"}
    written = platform.customer_writes(
        keys[serial % len(keys)], {**customer, "type": "text", "text": {"body": text_of(serial)}}
    )
    return platform.envelope([written.update])


def _request(job: Job, body: bytes) -> bytes:
    parts = urlsplit(job.url)
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"User-Agent: facebookexternalua\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@define(eq=False)
class Wire:
    """One keep-alive connection with at most one request on it."""

    address: tuple[str, int]
    line: socket.socket = field(init=False)
    since: float = 0.0
    heard: bytes = b""

    def __attrs_post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Connect, and send without delay from then on."""
        self.line = socket.create_connection(self.address, timeout=10)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def greet(self, request: str) -> None:
        """Exchange a request that counts for nothing, so that the server knows the connection."""
        self.line.sendall(request.encode())
        while self.answer() is None:
            pass

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose latency counts from `since`. Raises OSError."""
        self.since = since
        self.line.sendall(request)

    def answer(self) -> bytes | None:
        """The status of the answer, None while it is not whole. Raises OSError."""
        chunk = self.line.recv(READ_BYTES)
        if not chunk:
            raise ConnectionResetError("the server hung up")
        heard = self.heard + chunk if self.heard else chunk
        end = heard.find(b"\r\n\r\n")
        length = _LENGTH.search(heard, 0, end) if end >= 0 else None
        if end < 0 or len(heard) < end + 4 + (int(length[1]) if length else 0):
            self.heard = heard
            return None
        self.heard = b""
        return heard[9:12]


@define(eq=False)
class Run:
    """One job at work."""

    job: Job
    requests: list[bytes]
    wires: dict[int, Wire] = field(factory=dict)
    idle: deque[Wire] = field(factory=deque)
    took_s: list[float] = field(factory=list)
    statuses: Counter[bytes] = field(factory=Counter)
    broken: int = 0
    posted: int = 0
    poll: select.epoll = field(factory=select.epoll)

    def connect(self) -> None:
        """Open all connections before the clock starts."""
        parts = urlsplit(self.job.url)
        for _ in range(self.job.connections):
            wire = Wire((parts.hostname or "", parts.port or 80))
            unsigned = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 0"
            wire.greet(f"{unsigned}\r\n\r\n")
            self._join(wire)
            self.idle.append(wire)

    def _join(self, wire: Wire) -> None:
        self.wires[wire.line.fileno()] = wire
        self.poll.register(wire.line.fileno(), select.EPOLLIN)

    def run(self) -> Result:
        """Post everything and wait for every answer; nothing else happens in this process."""
        gc.collect()
        gc.disable()
        cpu, began = time.process_time(), time.monotonic()
        heard_at = began
        while self.answered < self.job.requests:
            due_in = self._post(began, time.monotonic())
            if self._hear(due_in):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > STALL_S:
                self.broken += self.job.requests - self.answered
        ended, cpu = time.monotonic(), time.process_time() - cpu
        gc.enable()
        return self._result(began, ended, cpu)

    @property
    def answered(self) -> int:
        """Requests that are over, one way or the other."""
        return len(self.took_s) + self.broken

    def _post(self, began: float, now: float) -> float:
        """Send what is due while connections are free; seconds until the next is due."""
        rate, amount = self.job.rate, self.job.requests
        while self.posted < amount and self.idle:
            due = began + self.posted / rate if rate else now
            if due > now:
                return due - now
            self._send(self.idle.popleft(), due)
        return 1.0

    def _send(self, wire: Wire, since: float) -> None:
        request = self.requests[self.posted]
        self.posted += 1
        try:
            wire.send(request, since)
        except OSError:
            self._lost(wire)

    def _hear(self, wait_s: float) -> bool:
        """Take the answers that are there, or that come within `wait_s`."""
        if wait_s < 1.0:  # epoll waits in whole milliseconds
            select.select([self.poll.fileno()], [], [], wait_s)
            ready = self.poll.poll(0)
        else:
            ready = self.poll.poll(wait_s)
        for descriptor, _ in ready:
            wire = self.wires[descriptor]
            try:
                status = wire.answer()
            except OSError:
                self._lost(wire)
                continue
            if status is not None:
                self.took_s.append(time.monotonic() - wire.since)
                self.statuses[status] += 1
                self._free(wire)
        return bool(ready)

    def _free(self, wire: Wire) -> None:
        if self.job.rate or self.posted >= self.job.requests:
            self.idle.append(wire)
        else:
            self._send(wire, time.monotonic())

    def _lost(self, wire: Wire) -> None:
        """Count the request as broken and connect anew."""
        self.broken += 1
        del self.wires[wire.line.fileno()]
        wire.line.close()
        wire.heard = b""
        wire.open()
        self._join(wire)
        self.idle.append(wire)

    def _result(self, began: float, ended: float, cpu: float) -> Result:
        took_ms = sorted(1000 * each for each in self.took_s) or [0.0]
        return Result(
            began=began,
            ended=ended,
            statuses={status.decode(): count for status, count in self.statuses.items()},
            broken=self.broken,
            p50_ms=quantile(took_ms, 0.5),
            p99_ms=quantile(took_ms, 0.99),
            most_ms=took_ms[-1],
            cpu_us=1e6 * cpu / self.job.requests,
        )

    def close(self) -> None:
        """Hang up."""
        for wire in self.wires.values():
            wire.line.close()
        self.poll.close()


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Do the jobs that come on standard input."""
    for line in sys.stdin:
        document = json.loads(line)
        run = Run(job := Job(**document), requests_of(job))
        run.connect()
        print(json.dumps("ready"), flush=True)
        sys.stdin.readline()
        print(json.dumps(asdict(run.run())), flush=True)
        run.close()


if __name__ == "__main__":
    main()
