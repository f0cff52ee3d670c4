"""Who logs in, by the mechanisms that both mail servers know.

https://www.rfc-editor.org/rfc/rfc4616, https://developers.google.com/gmail/imap/xoauth2-protocol
"""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable

from omni_actors.sandbox.email.post import PostOffice

MECHANISMS = ("PLAIN", "LOGIN", "XOAUTH2")
WHY = base64.b64encode(
    json.dumps({"status": "401", "schemes": "bearer", "scope": "https://mail.example/"}).encode()
)

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge in base64; answers with the client's line."""


class BadReplyError(Exception):
    """What the client said is not of the mechanism, or it gave up."""


async def login(post: PostOffice, name: str, initial: bytes | None, ask: Ask) -> str | None:
    """Whose mailbox opens; None where the credential is wrong. Raises BadReplyError."""
    match name:
        case "PLAIN":
            said = _decoded(await ask(b"") if initial is None else initial)
            parts = said.split("\0")
            if len(parts) != 3:
                raise BadReplyError
            return post.admitted(parts[1], parts[2])
        case "LOGIN":
            given = await ask(base64.b64encode(b"Username:")) if initial is None else initial
            username = _decoded(given)
            return post.admitted(username, _decoded(await ask(base64.b64encode(b"Password:"))))
        case _:
            return await _xoauth2(
                post, _decoded(await ask(b"") if initial is None else initial), ask
            )


async def _xoauth2(post: PostOffice, said: str, ask: Ask) -> str | None:
    pairs = dict(each.partition("=")[::2] for each in said.split("\1") if each)
    scheme, _, token = pairs.get("auth", "").partition(" ")
    if scheme.lower() != "bearer" or "user" not in pairs:
        raise BadReplyError
    found = post.admitted(pairs["user"], token, by_token=True)
    if found is None:
        await ask(WHY)
    return found


def _decoded(line: bytes) -> str:
    if line == b"*":
        raise BadReplyError
    try:
        return "" if line == b"=" else base64.b64decode(line, validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadReplyError from None
