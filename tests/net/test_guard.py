"""The guard lets no call reach an address inside, however the URL or the name spells it."""

import datetime
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Any

import httpcore
import pytest
import trio
import trio.testing
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.net.guard import (
    GuardedBackend,
    GuardPolicy,
    Refused,
    check_url,
    refusal,
)
from tests.net.guard_corpus import (
    ALLOWED_ADDRESSES,
    REFUSED_ADDRESSES,
    REFUSED_NAMES,
    REFUSED_URLS,
)

PUBLIC = "93.184.216.34"
PRIVATE = "10.0.0.5"
STRICT = GuardPolicy()
OPEN_LOOPBACK = GuardPolicy(
    allowed_networks=("127.0.0.0/8", "::1/128"),
    allowed_ports=range(1, 65536),
    schemes=("http", "https"),
)
ANY_PORT_HTTP = GuardPolicy(allowed_ports=range(1, 65536), schemes=("http", "https"))
TLS = ssl.create_default_context()


def test_the_corpus_of_spellings_is_large() -> None:
    corpus = REFUSED_URLS + REFUSED_ADDRESSES

    assert len(set(corpus)) == len(corpus) >= 150


@pytest.mark.parametrize("text", REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert refusal(ipaddress.ip_address(text)) is not None


@pytest.mark.parametrize("text", ALLOWED_ADDRESSES)
def test_a_public_address_beside_the_denied_ones_is_not_refused(text: str) -> None:
    assert refusal(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
def test_what_the_standard_library_calls_not_global_is_always_refused(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None

    assert ip.is_global or mapped or refusal(ip) is not None


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_never_opens_it(ip: ipaddress.IPv4Address) -> None:
    number = int(ip)
    wrapped = [
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(0x64FF9B << 96 | number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
        ipaddress.IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF),
    ]

    verdicts = [refusal(form) for form in wrapped]

    assert verdicts[0] == refusal(ip)
    assert None not in verdicts[1:]


def test_an_allowed_translator_still_does_not_open_private_addresses_behind_it() -> None:
    nat64 = GuardPolicy(allowed_networks=("64:ff9b::/96",)).allowed_networks

    public = refusal(ipaddress.ip_address("64:ff9b::8.8.8.8"), nat64)
    private = refusal(ipaddress.ip_address("64:ff9b::10.0.0.1"), nat64)

    assert public is None
    assert private == "a private address"


def test_an_allowed_network_opens_nothing_else() -> None:
    networks = OPEN_LOOPBACK.allowed_networks

    verdicts = {ip: refusal(ipaddress.ip_address(ip), networks) for ip in ("127.0.0.1", PRIVATE)}

    assert verdicts == {"127.0.0.1": None, PRIVATE: "a private address"}


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_is_spelled_suspiciously_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, STRICT)


@pytest.mark.parametrize(
    "url", ["https://exa mple.com/", " https://example.com/", "https://example.com/\n", "", "\x00"]
)
def test_a_url_with_spaces_or_control_characters_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, STRICT)


def test_a_url_that_is_too_long_is_refused() -> None:
    with pytest.raises(Refused, match="longer than 2048"):
        check_url("https://example.com/" + "a" * 2048, STRICT)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=b",
        "https://example.com",
        "HTTPS://EXAMPLE.COM/",
        "https://example.com:443/",
        "https://example.com:8443/",
        "https://example.com./",
        "https://a_b.example.com/",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://93.184.216.34/",
        "https://[2606:4700:4700::1111]/",
        "https://example.com/@user",
        "https://example.com/?next=http://10.0.0.1/",
        "https://3com.example/",
        "https://0x7f.example/",
    ],
)
def test_an_ordinary_public_url_is_allowed(url: str) -> None:
    assert check_url(url, STRICT).scheme == "https"


def test_port_80_is_open_to_plain_http_only_where_plain_http_is_allowed() -> None:
    policy = GuardPolicy(schemes=("https", "http"))

    allowed = check_url("http://example.com/", policy)

    assert allowed.host == "example.com"
    with pytest.raises(Refused, match="port 80"):
        check_url("https://example.com:80/", policy)


def test_local_names_are_left_to_their_addresses_once_a_network_is_allowed() -> None:
    policy = GuardPolicy(allowed_networks=("10.0.0.0/8",))

    assert check_url("https://bot.internal/", policy).host == "bot.internal"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com:1/S3CRET",
        "https://u:S3CRET@10.0.0.1/",
        "ftp://example.com/?k=S3CRET",
        "https://user:S3CRET/x@example.com/",
        "https://u:S3CRET@[::zz]/",
    ],
)
def test_a_refusal_never_repeats_what_may_be_a_secret(url: str) -> None:
    with pytest.raises(Refused) as refused:
        check_url(url, STRICT)

    assert "S3CRET" not in f"{refused.value} {refused.value.url} {refused.value.reason}"


@define
class FakeNet(httpcore.AsyncNetworkBackend):
    """Records where connections go; each either answers with canned bytes or fails."""

    replies: list[bytes] = field(factory=list)
    dead: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    calls: list[tuple[str, int]] = field(factory=list)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.calls.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("refused")
        if host in self.silent:
            assert timeout is not None
            await trio.sleep(timeout)
            raise httpcore.ConnectTimeout("silence")
        return httpcore.AsyncMockStream(list(self.replies))


@define
class Answers:
    """A resolver that gives one list of addresses after the other, then repeats the last."""

    lists: Sequence[Sequence[str]]
    asked: int = 0
    _script: Iterator[Sequence[str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._script = chain(self.lists, repeat(self.lists[-1]))

    async def __call__(
        self, host: str, port: int, *, type: int = 0
    ) -> list[tuple[Any, Any, Any, Any, tuple[Any, ...]]]:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        return [(0, type, 0, "", (address, port)) for address in next(self._script)]


OK_CLOSED = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b""]
OK_KEPT = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"] * 4


def pool_on(backend: GuardedBackend, tls: ssl.SSLContext = TLS) -> httpcore.AsyncConnectionPool:
    """Connections made and kept as those of the house are."""
    return httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=backend)


async def test_the_connection_goes_to_the_checked_address_and_not_to_the_name() -> None:
    net = FakeNet()
    backend = GuardedBackend(STRICT, resolve=Answers([[PUBLIC]]), inner=net)

    await backend.connect_tcp("example.com", 443)

    assert net.calls == [(PUBLIC, 443)]


async def test_a_name_that_flips_to_a_private_address_is_never_connected_there() -> None:
    net = FakeNet(OK_CLOSED)
    answers = Answers([[PUBLIC], [PRIVATE]])
    backend = GuardedBackend(ANY_PORT_HTTP, resolve=answers, inner=net)

    async with pool_on(backend) as pool:
        first = await pool.request("GET", "http://example.com/")
        with pytest.raises(Refused, match="private"):
            await pool.request("GET", "http://example.com/")

    assert first.content == b"ok"
    assert answers.asked == 2
    assert net.calls == [(PUBLIC, 80)]


@pytest.mark.parametrize("flips", range(1, 6))
async def test_each_connection_looks_up_once_so_no_flip_falls_between(flips: int) -> None:
    net = FakeNet()
    answers = Answers([[PUBLIC]] * flips + [[PRIVATE]])
    backend = GuardedBackend(STRICT, resolve=answers, inner=net)

    for _ in range(flips):
        await backend.connect_tcp("example.com", 443)
    with pytest.raises(Refused):
        await backend.connect_tcp("example.com", 443)

    assert net.calls == [(PUBLIC, 443)] * flips


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_one_private_address_among_public_ones_refuses_the_name(position: int) -> None:
    net = FakeNet()
    addresses = ["1.1.1.1", "8.8.8.8"]
    addresses.insert(position, "::ffff:10.0.0.1")
    backend = GuardedBackend(STRICT, resolve=Answers([addresses]), inner=net)

    with pytest.raises(Refused):
        await backend.connect_tcp("example.com", 443)

    assert net.calls == []


async def test_a_refusal_does_not_tell_the_address_inside() -> None:
    backend = GuardedBackend(STRICT, resolve=Answers([[PRIVATE]]), inner=FakeNet())

    with pytest.raises(Refused) as refused:
        await backend.connect_tcp("example.com", 443)

    assert refused.value.url == "example.com:443"
    assert PRIVATE not in str(refused.value)


@pytest.mark.parametrize("host", REFUSED_NAMES)
async def test_whatever_the_real_resolver_makes_of_a_spelling_is_refused(host: str) -> None:
    net = FakeNet()
    backend = GuardedBackend(STRICT, inner=net)

    with pytest.raises(Refused):
        await backend.connect_tcp(host, 443)

    assert net.calls == []


async def test_a_dead_address_is_followed_by_the_next_one() -> None:
    net = FakeNet(dead=frozenset({"1.1.1.1"}))
    backend = GuardedBackend(STRICT, resolve=Answers([["1.1.1.1", "8.8.8.8"]]), inner=net)

    await backend.connect_tcp("example.com", 443)

    assert net.calls == [("1.1.1.1", 443), ("8.8.8.8", 443)]


async def test_a_silent_address_takes_only_its_share_of_the_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net = FakeNet(silent=frozenset({"1.1.1.1"}))
    backend = GuardedBackend(STRICT, resolve=Answers([["1.1.1.1", "8.8.8.8"]]), inner=net)
    started = trio.current_time()

    await backend.connect_tcp("example.com", 443, timeout=6)

    assert trio.current_time() - started == pytest.approx(3)


async def test_a_look_up_that_hangs_ends_in_a_connect_timeout(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def hang(host: str, port: int, *, type: int = 0) -> list[Any]:
        await trio.sleep(3600)
        return []

    backend = GuardedBackend(STRICT, resolve=hang, inner=FakeNet())

    with pytest.raises(httpcore.ConnectTimeout, match="10 s"):
        await backend.connect_tcp("example.com", 443)


async def test_a_name_without_an_address_is_a_connect_error() -> None:
    async def unknown(host: str, port: int, *, type: int = 0) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    backend = GuardedBackend(STRICT, resolve=unknown, inner=FakeNet())

    with pytest.raises(httpcore.ConnectError, match="cannot be resolved"):
        await backend.connect_tcp("example.com", 443)


async def test_a_local_socket_is_refused() -> None:
    with pytest.raises(Refused):
        await GuardedBackend(STRICT).connect_unix_socket("/run/docker.sock")


async def test_an_old_connection_is_not_used_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net = FakeNet(OK_KEPT)
    backend = GuardedBackend(ANY_PORT_HTTP, resolve=Answers([[PUBLIC]]), inner=net, age_s_max=60)
    connections = []

    async with pool_on(backend) as pool:
        for pause_s in (0, 59, 2):
            await trio.sleep(pause_s)
            await pool.request("GET", "http://example.com/")
            connections.append(len(net.calls))

    assert connections == [1, 1, 2]


@asynccontextmanager
async def loopback_server(reply: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A listener on a free loopback port, and the request heads it has received."""
    heads: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            heads.append(await stream.receive_some())
            await stream.send_all(reply)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield listeners[0].socket.getsockname()[1], heads
        nursery.cancel_scope.cancel()


def tls_contexts(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context around a fresh certificate of `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(secret + text)
        file.flush()
        server.load_cert_chain(file.name)
    return server, ssl.create_default_context(cadata=text.decode())


async def get_over_tls(certified: str, asked: str) -> str:
    """What a server with a certificate for one name answers to a call for another."""

    async def to_loopback(host: str, port: int, *, type: int = 0) -> list[Any]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with suppress(trio.BrokenResourceError):
            async with stream:
                await stream.receive_some()
                await stream.send_all(OK_CLOSED[0])

    server_tls, client_tls = tls_contexts(certified)
    backend = GuardedBackend(OPEN_LOOPBACK, resolve=to_loopback)
    async with trio.open_nursery() as nursery, pool_on(backend, client_tls) as pool:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        secured = [trio.SSLListener(listener, server_tls) for listener in listeners]
        nursery.start_soon(trio.serve_listeners, serve, secured)
        try:
            return (await pool.request("GET", f"https://{asked}:{port}/")).content.decode()
        except httpcore.ConnectError as error:
            return str(root_of(error))
        finally:
            nursery.cancel_scope.cancel()
    raise AssertionError("unreachable")


def root_of(error: BaseException) -> BaseException:
    """What went wrong first."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


async def test_a_real_server_that_proves_the_name_is_heard() -> None:
    assert await get_over_tls("bot.example", "bot.example") == "ok"


async def test_a_real_server_that_proves_another_name_is_not_heard() -> None:
    assert "Hostname mismatch" in await get_over_tls("bot.example", "other.example")


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "2130706433", "localhost", "rebind.example", "[::1]"]
)
async def test_a_real_listener_hears_nothing_of_a_refused_call(name: str) -> None:
    async def to_loopback(host: str, port: int, *, type: int = 0) -> list[Any]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    async with loopback_server(OK_CLOSED[0]) as (port, heads):
        async with pool_on(GuardedBackend(ANY_PORT_HTTP, resolve=to_loopback)) as pool:
            with pytest.raises(Refused):
                await pool.request("GET", f"http://{name}:{port}/")
        await trio.testing.wait_all_tasks_blocked()

    assert heads == []


async def test_an_allowed_network_is_called_with_the_name_kept_in_the_host_header() -> None:
    async def to_loopback(host: str, port: int, *, type: int = 0) -> list[Any]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    pool = pool_on(GuardedBackend(OPEN_LOOPBACK, resolve=to_loopback))
    async with loopback_server(OK_CLOSED[0]) as (port, heads), pool:
        url = f"http://bot.example:{port}/hook"
        reply = await pool.request("POST", url, content=b"hello")

    assert reply.content == b"ok"
    assert f"Host: bot.example:{port}\r\n".encode() in heads[0]


async def test_tls_is_checked_against_the_name_and_not_the_address() -> None:
    asked: list[str | None] = []

    class NamedStream(httpcore.AsyncMockStream):
        async def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore.AsyncNetworkStream:
            asked.append(server_hostname)
            return self

    class NamedNet(FakeNet):
        async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
            return NamedStream(list(OK_CLOSED))

    backend = GuardedBackend(STRICT, resolve=Answers([[PUBLIC]]), inner=NamedNet())

    async with pool_on(backend) as pool:
        await pool.request("GET", "https://example.com/")

    assert asked == ["example.com"]
