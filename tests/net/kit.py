"""A small scripted HTTP server on loopback, and hands to call it with."""

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import trio
from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from omni_actors.media.blobs import Blob, Blobs, DiskFull, Missing
from omni_actors.model.failure import Failure, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.http import HttpHands, open_hands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import HttpCall

TOKEN = "EAAtoken0123456789"
APP_SECRET = "app-secret-0123"
LOOPBACK_OPEN = GuardPolicy(
    allowed_networks=("127.0.0.0/8",), allowed_ports=range(1, 65536), schemes=("http", "https")
)


@frozen
class Seen:
    """One request as the server read it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@define(eq=False)
class Peer:
    """The server's end of one connection. `number` counts connections from 0."""

    stream: trio.abc.Stream
    number: int
    served: "Served"
    _buffer: bytearray = field(factory=bytearray)

    async def head(self) -> Seen | None:
        """Read the head of a request; None when the client has hung up."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines)
        return Seen(method, target, {name.lower(): value for name, value in pairs}, b"")

    async def request(self) -> Seen | None:
        """Read one request with its body and note it; None when the client has hung up."""
        head = await self.head()
        if head is None:
            return None
        size = int(head.headers.get("content-length", "0"))
        while len(self._buffer) < size:
            assert await self._more(), "the client hung up within a body"
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        seen = Seen(head.method, head.target, head.headers, body)
        self.served.seen.append(seen)
        return seen

    async def skip(self, size: int) -> int:
        """Read `size` bytes of a body and forget them; how many came."""
        count = len(self._buffer)
        self._buffer.clear()
        while count < size and await self._more():
            count += len(self._buffer)
            self._buffer.clear()
        return count

    async def answer(self, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
        """Answer with a framed body; underscores in header names become hyphens."""
        named = {"content_length": str(len(body)), "content_type": "application/json", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
        await self.raw(f"HTTP/1.1 {status} X\r\n" + "\r\n".join(lines) + "\r\n\r\n", body)

    async def raw(self, head: str, body: bytes = b"") -> None:
        """Write as it is."""
        await self.stream.send_all(head.encode() + body)

    async def _more(self) -> bool:
        chunk = await self.stream.receive_some(65536)
        self._buffer += chunk
        return bool(chunk)


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


@define(eq=False)
class Served:
    """A running server: where it is, what it saw, how many connections it took and has open."""

    port: int = 0
    scheme: str = "http"
    seen: list[Seen] = field(factory=list)
    connections: int = 0
    open: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/v23.0/42/messages") -> str:
        return f"{self.scheme}://{self.host}{path}"


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """Run `script` for every connection that is made; a script that returns hangs up."""
    served = Served(scheme="https" if tls else "http")

    async def serve(tcp: trio.SocketStream) -> None:
        stream: trio.abc.Stream = tcp
        if tls is not None:
            stream = trio.SSLStream(tcp, tls, server_side=True, https_compatible=True)
        peer = Peer(stream, served.connections, served)
        served.connections += 1
        served.open += 1
        try:
            async with stream:
                await script(peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client hung up, which some tests are about
        finally:
            served.open -= 1

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        served.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield served
        nursery.cancel_scope.cancel()


async def friendly(peer: Peer) -> None:
    """Answer everything with an empty document and keep the connection."""
    while await peer.request() is not None:
        await peer.answer()


async def until(reached: Callable[[], bool]) -> None:
    """Let the others run until something holds; it is told by events of theirs, not by time."""
    while not reached():
        await trio.lowlevel.checkpoint()


def account(served: Served, channel_id: str = "wa", **changes: Any) -> Account:
    """A channel whose token may be shown to the server."""
    known = {"token": TOKEN, "app_secret": APP_SECRET, "hosts": frozenset({served.host})}
    return Account(channel_id, **{**known, **changes})


def blobs_in(path: Path) -> Blobs:
    """Blobs in a folder of this test."""
    blobs = Blobs(path / "blobs")
    blobs.prepare()
    return blobs


@asynccontextmanager
async def hands_of(
    blobs: Blobs,
    *,
    policy: GuardPolicy | None = None,
    ssl_context: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[HttpHands]:
    """Hands wired as the product wires them."""
    async with open_hands(
        open_source=lambda blob, size: blobs.open_source(Blob(blob, size)),
        open_sink=blobs.open_sink,
        guard_policy=policy or GuardPolicy(),
        now=trio.current_time,
        ssl_context=ssl_context,
        disk_errors=(OSError, DiskFull, Missing),
        **options,
    ) as hands:
        yield hands


async def failure_of(
    hands: HttpHands, call: HttpCall, by: Account, trace: Trace | None = None
) -> Failure:
    """How a call failed that must fail."""
    try:
        reply = await hands.make(call, by, trace or Trace())
    except SendFailure as failed:
        return failed.failure
    raise AssertionError(f"the call was answered with {reply.status}")


@frozen
class Identity:
    """A certificate for 127.0.0.1 signed by itself: what a server shows, what a client trusts."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


def identity(folder: Path) -> Identity:
    """Make one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "identity.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Identity(server, ssl.create_default_context(cafile=str(path)))
