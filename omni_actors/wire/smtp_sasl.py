"""How we prove to a mail server who we are (RFC 4616, RFC 7628, and what came before them).

https://developers.google.com/gmail/imap/xoauth2-protocol
"""

from typing import Final

from attrs import field, frozen

from omni_actors.wire.calls import Login, MailServer
from omni_actors.wire.smtp_lines import Unspeakable

PREFERRED: Final = {
    Login.PASSWORD: ("PLAIN", "LOGIN"),
    Login.OAUTH: ("XOAUTH2", "OAUTHBEARER"),
}


@frozen
class Sasl:
    """One way to prove it: what is said first (None: the server asks first), and the answers to
    what it asks then. With `explains` its question is why it refuses, as JSON."""

    name: str
    first: bytes | None = field(repr=False)
    answers: tuple[bytes, ...] = field(repr=False)
    explains: bool = False


def mechanism_among(offered: tuple[str, ...], login: Login) -> str | None:
    """The best mechanism that the server offers for this sort of credential; None: it has none."""
    return next((name for name in PREFERRED[login] if name in offered), None)


def sasl(name: str, server: MailServer, secret: str) -> Sasl:
    """What to say in a mechanism. Raises Unspeakable, quoting nothing."""
    user, proof = server.username.encode(), _bytes(secret)
    if b"\0" in user + proof or b"\x01" in user + proof:
        raise Unspeakable("the username or the credential holds a control character")
    match name:
        case "PLAIN":
            return Sasl(name, b"\0%b\0%b" % (user, proof), ())
        case "LOGIN":
            return Sasl(name, None, (user, proof))
        case "XOAUTH2":
            first = b"user=%b\x01auth=Bearer %b\x01\x01" % (user, proof)
            return Sasl(name, first, (b"",), explains=True)
        case "OAUTHBEARER":
            name_of_us = user.replace(b"=", b"=3D").replace(b",", b"=2C")
            where = b"host=%b\x01port=%d" % (server.host.encode(), server.port)
            first = b"n,a=%b,\x01%b\x01auth=Bearer %b\x01\x01" % (name_of_us, where, proof)
            return Sasl(name, first, (b"\x01",), explains=True)
        case _:
            raise ValueError(f"no mechanism is called {name}")


def _bytes(secret: str) -> bytes:
    try:
        return secret.encode()
    except UnicodeEncodeError:
        raise Unspeakable("the credential holds half a character") from None
