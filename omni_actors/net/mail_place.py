"""What sessions with mail servers have in common, whether they hand mails over or fetch them."""

import ssl

import trio

from omni_actors.net.account import Account
from omni_actors.wire.calls import MailServer, Tls
from omni_actors.wire.hosts import is_loopback


async def dial_tcp(host: str, port: int) -> trio.SocketStream:
    """A connection to a host, which notices by itself when that is no more. Raises OSError."""
    stream = await trio.open_tcp_stream(host, port)
    stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
    return stream


async def secured(
    stream: trio.abc.Stream, context: ssl.SSLContext, host: str
) -> "trio.SSLStream[trio.abc.Stream]":
    """Go on in TLS, with a certificate for `host` that we trust.

    Raises trio.BrokenResourceError; its cause says why.
    """
    # Servers hang up without the end of TLS, and both protocols know by themselves what is whole.
    inside = trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)
    await inside.do_handshake()
    return inside


def is_exposed(server: MailServer) -> bool:
    """Whether others could read what is said to it: in the clear only to this machine itself."""
    return server.tls is Tls.PLAIN and not is_loopback(server.host)


def may_see(account: Account, server: MailServer, usual_port: int) -> bool:
    """Whether the account names the server among those that may see its credential."""
    names = {f"{server.host}:{server.port}".lower()}
    if server.port == usual_port:
        names.add(server.host.lower())
    return account.admits(names)
