"""Where mail is handed over: how the server is reached, and whether it may see the credential."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import trio
from attrs import frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.mail_place import dial_tcp, is_exposed, may_see
from omni_actors.wire.calls import MailServer, Tls

CONNECT_S: Final = 30.0  # and again for TLS
USUAL_PORTS: Final = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.PLAIN: 25}


@frozen
class Reached:
    """A connection, and the address of our end of it."""

    stream: trio.abc.Stream
    ours: str


Dial: TypeAlias = Callable[[str, int], Awaitable[Reached]]


async def dial(host: str, port: int) -> Reached:
    """Connect. Raises OSError."""
    stream = await dial_tcp(host, port)
    return Reached(stream, str(stream.socket.getsockname()[0]))


def name_of_us(ours: str) -> str:
    """How we greet where no name is configured (RFC 5321, 4.1.3)."""
    address = ipaddress.ip_address(ours.partition("%")[0])
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def shown(server: MailServer) -> str:
    """The server, as an error's text or an operator may see it."""
    return f"smtp://{server.host}:{server.port}"


def require_private(server: MailServer) -> None:
    """In the clear only to this machine itself. Raises SendFailure."""
    if is_exposed(server):
        raise misconfigured(
            f"mail goes in the clear to this machine only, so not to {shown(server)}",
            "Set tls of the channel's smtp to implicit or starttls.",
        )


def credential_for(server: MailServer, account: Account) -> str:
    """The account's password or access token; empty where nobody is to be authenticated.

    Raises SendFailure when the server may not see it.
    """
    if not server.username or not account.token:
        return ""
    if not may_see(account, server, USUAL_PORTS[server.tls]):
        raise misconfigured(
            f"the credential may not be shown to {server.host}:{server.port}",
            "The channel's credential is for other servers; check host and port of its smtp.",
        )
    return account.token


def misconfigured(text: str, advice: str) -> SendFailure:
    """The channel must be mended; what waits is kept."""
    reason = Reason.CHANNEL_MISCONFIGURED
    return SendFailure(Failure(Kind.BROKEN, reason, Scope.CHANNEL, text=text, advice=advice))
