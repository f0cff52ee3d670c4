"""How an account proves to a mail server who it is (SASL).

https://www.rfc-editor.org/rfc/rfc4616 (PLAIN), https://www.rfc-editor.org/rfc/rfc7628
(OAUTHBEARER), https://developers.google.com/gmail/imap/xoauth2-protocol (XOAUTH2).
"""

from collections.abc import Container

from attrs import field, frozen

from omni_actors.wire.calls import Login, MailServer


@frozen
class Sasl:
    """A mechanism with all it will say: `replies` to the server's challenges, in order.

    `initial`: the first may go with the command, before any challenge. `farewell` answers the
    challenge that only says why we are refused; None where the mechanism has no such challenge.
    """

    name: str
    replies: tuple[bytes, ...] = field(repr=False)
    initial: bool = True
    farewell: bytes | None = None


def sasl_of(server: MailServer, secret: str, offered: Container[str]) -> Sasl | None:
    """The best mechanism among those `offered` (`PLAIN`, …), or None when there is none for us."""
    match server.login:
        case Login.PASSWORD if "PLAIN" in offered:
            return Sasl("PLAIN", (f"\0{server.username}\0{secret}".encode(),))
        case Login.PASSWORD if "LOGIN" in offered:
            return Sasl("LOGIN", (server.username.encode(), secret.encode()), initial=False)
        case Login.OAUTH if "XOAUTH2" in offered:
            text = f"user={server.username}\x01auth=Bearer {secret}\x01\x01"
            return Sasl("XOAUTH2", (text.encode(),), farewell=b"")
        case Login.OAUTH if "OAUTHBEARER" in offered:
            return Sasl("OAUTHBEARER", (_oauthbearer(server, secret),), farewell=b"\x01")
        case _:
            return None


def _oauthbearer(server: MailServer, secret: str) -> bytes:
    name = server.username.replace("=", "=3D").replace(",", "=2C")
    place = f"host={server.host}\x01port={server.port}"
    return f"n,a={name},\x01{place}\x01auth=Bearer {secret}\x01\x01".encode()
