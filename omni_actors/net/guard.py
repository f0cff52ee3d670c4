"""Which addresses we refuse to call, for every URL that a stranger gave us.

A URL is checked twice: its spelling before anything is looked up, and every address that its
name resolves to at the moment of connecting. The connection goes to an address that was checked,
never to the name again, so an answer that changes between check and connect gains nothing.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Container, Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

import httpcore
import httpx
import trio
from attrs import field, frozen

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARS_MAX: Final = 2048
ADDRESSES_TRIED_MAX: Final = 4
CONNECT_TIMEOUT_S: Final = 10.0
CONNECTION_AGE_S_MAX: Final = 60.0

_DENIED: Final[tuple[tuple[IPNetwork, str], ...]] = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a shared carrier address"),
        ("127.0.0.0/8", "a loopback address"),
        # Azure answers its machines' metadata questions on this otherwise public address.
        ("168.63.129.16/32", "a cloud metadata address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a protocol assignment"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.31.196.0/24", "a DNS sinkhole address"),
        ("192.52.193.0/24", "a multicast relay address"),
        ("192.88.99.0/24", "a 6to4 relay address"),
        ("192.168.0.0/16", "a private address"),
        ("192.175.48.0/24", "a DNS sinkhole address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "a broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("100::/64", "a discard address"),
        ("100:0:0:1::/64", "a discard address"),
        ("2001::/32", "a Teredo address"),
        ("2001::/23", "a protocol assignment"),
        ("2001:db8::/32", "a documentation address"),
        ("2002::/16", "a 6to4 address"),
        ("2620:4f:8000::/48", "a DNS sinkhole address"),
        ("3fff::/20", "a documentation address"),
        ("5f00::/16", "a segment-routing address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
    )
)
_IPV6_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")
_IPV6_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_SUFFIXES: Final = frozenset(
    {"corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "private"}
    | {"home.arpa"}
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Refused(Exception):
    """We will not call this. Not worth another try as long as the URL and the policy stay.

    `url` is scheme, host and port (or only host and port) of the call, without user-info, path
    and query, because those may hold a secret; `reason` is a short English phrase.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"refused to call {url}: {reason}")
        self.url = url
        self.reason = reason


def _networks(networks: Iterable[str | IPNetwork]) -> tuple[IPNetwork, ...]:
    return tuple(ipaddress.ip_network(network) for network in networks)


@frozen
class GuardPolicy:
    """What may be called. The default is the public internet over TLS on its usual ports.

    `allowed_networks` (networks or their text) lifts the deny list for these addresses only.
    `allowed_ports` is any container of ports, such as `range(1, 65536)`; port 80 needs no mention
    where `http` is among the `schemes`, and is then open to `http` alone.
    """

    allowed_networks: tuple[IPNetwork, ...] = field(default=(), converter=_networks)
    allowed_ports: Container[int] = (443, 8443)
    schemes: tuple[str, ...] = ("https",)


def refusal(ip: IPAddress, allowed_networks: Sequence[IPNetwork] = ()) -> str | None:
    """Why `ip` must not be called, or None when it may be.

    An IPv6 address that carries an IPv4 address is judged by both, so a tunnel or a translator
    never opens what the plain address would not; an exception for one form does not cover the
    other.
    """
    for form in _forms(ip):
        if any(form in network for network in allowed_networks):
            continue
        if reason := _denied(form):
            return reason
    return None


def _forms(ip: IPAddress) -> list[IPAddress]:
    """The address itself, then the IPv4 addresses that packets to it may end at."""
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    forms: list[IPAddress] = [ip]
    if ip.ipv4_mapped is not None:
        forms.append(ip.ipv4_mapped)
    if ip.sixtofour is not None:
        forms.append(ip.sixtofour)
    if ip.teredo is not None:
        forms.extend(ip.teredo)
    if ip in _NAT64:
        forms.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return forms


def _denied(ip: IPAddress) -> str | None:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return "an address of one network interface"
        if ip in _IPV6_MAPPED:
            return None
    for network, reason in _DENIED:
        if ip in network:
            return reason
    if ip.version == 6 and ip not in _IPV6_GLOBAL:
        return "not a global address"
    return None


def check_url(url: str | httpx.URL, policy: GuardPolicy) -> httpx.URL:
    """`url`, parsed, when its spelling gives no reason to refuse it. Looks nothing up.

    Meant for the moment a URL is configured, and made again for each call: only the connection
    itself judges what a name resolves to. Raises Refused.
    """
    parsed = _parse(str(url))
    origin = _origin(parsed)
    reason = (
        _scheme_refusal(parsed, policy)
        or _host_refusal(parsed.raw_host.decode("ascii"), policy)
        or _port_refusal(parsed, policy)
    )
    if reason is not None:
        raise Refused(origin, reason)
    return parsed


def _parse(text: str) -> httpx.URL:
    if len(text) > URL_CHARS_MAX:
        raise Refused("a URL", f"longer than {URL_CHARS_MAX} characters")
    if any(character.isspace() or character == "\\" for character in text):
        raise Refused("a URL", "it holds a space or a backslash, which programs read differently")
    try:
        parsed = httpx.URL(text)
    except httpx.InvalidURL:
        # Its text is left out: it may quote a part of a password that was taken for a port.
        raise Refused("a URL", "not readable as one") from None
    _, _, after_scheme = text.partition("://")
    if "@" in re.split("[/?#]", after_scheme, maxsplit=1)[0]:
        raise Refused(_origin(parsed), "user-info in the URL")
    return parsed


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


def _scheme_refusal(url: httpx.URL, policy: GuardPolicy) -> str | None:
    if url.scheme not in policy.schemes or url.scheme not in _DEFAULT_PORTS:
        return f"only {', '.join(policy.schemes)} is allowed"
    return None


def _port_refusal(url: httpx.URL, policy: GuardPolicy) -> str | None:
    port = url.port if url.port is not None else _DEFAULT_PORTS[url.scheme]
    if port in policy.allowed_ports or (url.scheme, port) == ("http", 80):
        return None
    return f"port {port} is not allowed"


def _host_refusal(host: str, policy: GuardPolicy) -> str | None:
    if not host:
        return "no host"
    try:
        return refusal(ipaddress.ip_address(host), policy.allowed_networks)
    except ValueError:
        return _name_refusal(host.lower().removesuffix("."), policy)


def _name_refusal(name: str, policy: GuardPolicy) -> str | None:
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "not a host name"
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        # 0x7f.1, 017700000001 and 127.0.0.1. mean different hosts to different programs.
        return "a number that is not a plain IPv4 address"
    local = len(labels) == 1 or labels[-1] in _LOCAL_SUFFIXES or name.endswith(".home.arpa")
    if local and not policy.allowed_networks:
        return "a name of the local network"
    return None


class Resolver(Protocol):
    """Turns a name into addresses, in the shape of `trio.socket.getaddrinfo`."""

    async def __call__(
        self, host: str, port: int, *, type: int = 0
    ) -> Sequence[tuple[Any, Any, Any, Any, tuple[Any, ...]]]:
        """Five-tuples whose last item begins with the address; OSError when there are none."""
        ...


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only; the host name stays with the caller for TLS and `Host`.

    One refused address among several refuses the name as a whole: a name that points inside as
    well as outside is a trap or a mistake. `inner` makes the connection and is only ever given
    the text of an address.
    """

    def __init__(
        self,
        policy: GuardPolicy,
        *,
        resolve: Resolver = trio.socket.getaddrinfo,
        inner: httpcore.AsyncNetworkBackend | None = None,
        age_s_max: float = CONNECTION_AGE_S_MAX,
    ) -> None:
        self._policy = policy
        self._resolve = resolve
        self._inner = inner if inner is not None else httpcore.TrioBackend()
        self._age_s_max = age_s_max

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A stream to one of the addresses of `host`, tried in the order of the answer.

        The time (10 s when none is given) covers the look-up and all tries. Raises Refused,
        httpcore.ConnectError, httpcore.ConnectTimeout.
        """
        timeout_s = CONNECT_TIMEOUT_S if timeout is None else timeout
        try:
            with trio.fail_after(timeout_s):
                addresses = await self._checked_addresses(host, port)
                stream = await self._connect_first(addresses, port, local_address, socket_options)
        except trio.TooSlowError:
            raise httpcore.ConnectTimeout(f"no connection within {timeout_s:g} s") from None
        return _AgingStream(stream, trio.current_time() + self._age_s_max)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Always refused: a local socket is inside."""
        raise Refused("a local socket", "not an internet address")

    async def sleep(self, seconds: float) -> None:
        """Wait on the run loop's clock."""
        await trio.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> list[IPAddress]:
        try:
            answers = await self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved") from error
        addresses = list(dict.fromkeys(_address(answer[4]) for answer in answers))
        for address in addresses:
            if reason := refusal(address, self._policy.allowed_networks):
                # The address stays unsaid: the text may reach a stranger who maps our network.
                raise Refused(f"{host}:{port}", f"its name leads to {reason}")
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        return addresses

    async def _connect_first(
        self,
        addresses: Sequence[IPAddress],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        """Give each address an equal share of the time left, so a dead first one is survived."""
        tried = addresses[:ADDRESSES_TRIED_MAX]
        for tries_left, address in zip(range(len(tried), 0, -1), tried, strict=True):
            left_s = max(0.0, trio.current_effective_deadline() - trio.current_time())
            try:
                return await self._inner.connect_tcp(
                    str(address), port, left_s / tries_left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tries_left == 1:
                    raise
        raise AssertionError("unreachable: there is at least one address")


def _address(sockaddr: tuple[Any, ...]) -> IPAddress:
    """The address of one answer, with the interface that a link-local one is bound to."""
    ip = ipaddress.ip_address(sockaddr[0])
    if ip.version == 6 and len(sockaddr) > 3 and sockaddr[3] and ip.scope_id is None:
        return ipaddress.IPv6Address(f"{ip}%{sockaddr[3]}")
    return ip


class _AgingStream(httpcore.AsyncNetworkStream):
    """A stream that reports itself as hung up once it is old, so that the pool looks up anew.

    The pool asks an idle connection whether it is readable, which at rest means that the other
    side has closed it, and drops it then; no request under way is disturbed.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream, retires_at: float) -> None:
        self._inner = inner
        self._retires_at = retires_at

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        secured = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _AgingStream(secured, self._retires_at)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and trio.current_time() >= self._retires_at:
            return True
        return self._inner.get_extra_info(info)
