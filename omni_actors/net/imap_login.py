"""From nothing to a session that may work: connection, TLS, and who we are."""

import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import trio
from attrs import define, field

from omni_actors import __version__
from omni_actors.net.account import Account
from omni_actors.net.imap_failures import ImapFailure, ImapKind, refused
from omni_actors.net.imap_link import Answer, Link, Patience
from omni_actors.net.mail_place import is_exposed, may_see
from omni_actors.wire import imap_commands as commands
from omni_actors.wire.calls import MailServer, Tls
from omni_actors.wire.imap import Imap
from omni_actors.wire.imap_framing import Malformed
from omni_actors.wire.imap_replies import Asked, Status, Told, shown
from omni_actors.wire.sasl import Sasl, sasl_of

_USUAL_PORTS: Final = {Tls.IMPLICIT: 993, Tls.STARTTLS: 143, Tls.PLAIN: 143}
# A login that is refused with one of these may be tried again later with the same credential.
# https://www.rfc-editor.org/rfc/rfc5530, https://www.rfc-editor.org/rfc/rfc9208 (OVERQUOTA)
_PASSING: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA"})
_CROWDED: Final = "too many simultaneous connections"  # Gmail says so with the code ALERT


Dial: TypeAlias = Callable[[str, int], Awaitable[trio.abc.Stream]]


async def connect(
    server: MailServer, context: ssl.SSLContext, patience: Patience, dial: Dial
) -> Link:
    """A connection that nobody in between can read, after the greeting. Raises ImapFailure."""
    where = f"{server.host}:{server.port}"
    if is_exposed(server):
        raise ImapFailure(ImapKind.UNREACHABLE, f"{where} is reached over TLS only")
    stream = await _opened(server, where, patience, dial)
    link = Link(Imap(), patience, stream)
    try:
        if server.tls is Tls.IMPLICIT:
            await link.secure(context, server.host)
        greeting = await link.greeting()
        if greeting.status is Status.PREAUTH:
            text = "the server logs us in before it knows who we are, and before any STARTTLS"
            raise ImapFailure(ImapKind.UNREACHABLE, text)
        if not greeting.ok:
            raise refused("the connection", greeting, ImapKind.GONE)
        if server.tls is Tls.STARTTLS:
            await _start_tls(link, server, context)
    except BaseException:
        await link.aclose()
        raise
    return link


async def _opened(
    server: MailServer, where: str, patience: Patience, dial: Dial
) -> trio.abc.Stream:
    with trio.move_on_after(patience.connect_s):
        try:
            return await dial(server.host, server.port)
        except (OSError, UnicodeError) as error:
            text = f"no connection to {where}: {_words(error)}"
            raise ImapFailure(ImapKind.UNREACHABLE, text) from error
    text = f"no connection to {where} within {patience.connect_s:g} s"
    raise ImapFailure(ImapKind.UNREACHABLE, text)


def _words(error: BaseException) -> str:
    """The innermost words: several addresses that failed stand in a group."""
    if isinstance(error, BaseExceptionGroup):
        return _words(error.exceptions[0])
    if error.__cause__ is not None:
        return _words(error.__cause__)
    return str(error)[:200] or type(error).__name__


async def _start_tls(link: Link, server: MailServer, context: ssl.SSLContext) -> None:
    """Required: a server that does not offer it, or that somebody else stands before, is left."""
    await know(link)
    if "STARTTLS" not in link.imap.capabilities:
        raise ImapFailure(ImapKind.UNREACHABLE, "the server does not offer STARTTLS")
    answer = await link.ask(commands.STARTTLS)
    if not answer.told.ok:
        raise refused(answer.verb, answer.told, ImapKind.UNREACHABLE)
    await link.secure(context, server.host)


async def know(link: Link) -> None:
    """Learn what the server can do, unless it said so itself. Raises ImapFailure."""
    if not link.imap.capabilities:
        (await link.ask(commands.CAPABILITY)).require()


async def log_in(link: Link, server: MailServer, account: Account) -> None:
    """Prove who we are, and say what we are. Raises ImapFailure; AUTH when its owner must act.

    The credential is refused to a host that the account does not name.
    """
    secret = _allowed_secret(server, account)
    link.secret = secret
    await know(link)
    answer = await _proven(link, server, secret)
    if not answer.told.ok:
        raise _refused_login(link, answer)
    if answer.told.code != "CAPABILITY":
        link.imap.forget()  # what it can do now is more than what it could do before
    await know(link)
    if "ID" in link.imap.capabilities:
        # Only a courtesy, so a refusal is none of our business.
        await link.ask(commands.introduce(name="omni-actors", version=__version__))


def _allowed_secret(server: MailServer, account: Account) -> str:
    """The credential, where it may go."""
    if not may_see(account, server, _USUAL_PORTS[server.tls]):
        text = f"the credential may not be shown to {server.host.lower()}:{server.port}"
        raise ImapFailure(ImapKind.AUTH, text)
    if not account.token or "\0" in account.token + server.username or not server.username:
        text = "the username or the credential is empty, or holds a character that none has"
        raise ImapFailure(ImapKind.AUTH, text)
    return account.token


async def _proven(link: Link, server: MailServer, secret: str) -> Answer:
    able = link.imap.capabilities
    offered = frozenset(word[5:] for word in able if word.startswith("AUTH="))
    sasl = sasl_of(server, secret, offered)
    if sasl is not None:
        return await _authenticate(link, sasl)
    if server.login == "password" and "LOGINDISABLED" not in able:
        return await link.ask(commands.login(server.username, secret))
    text = f"the server offers no way for us to log in with a {server.login} credential"
    raise ImapFailure(ImapKind.AUTH, f"{text}: {' '.join(sorted(offered)) or 'none at all'}")


async def _authenticate(link: Link, sasl: Sasl) -> Answer:
    talk = _Talk(list(sasl.replies), sasl.farewell)
    initial = None
    if sasl.initial and "SASL-IR" in link.imap.capabilities:
        initial = base64.b64encode(talk.replies.pop(0))
    command = commands.authenticate(sasl.name, initial)
    answer = await link.ask(command, answer=talk.answer)
    if answer.told.ok or not talk.explained:
        return answer
    told = answer.told
    text = f"{told.text} ({talk.explained})"
    return Answer(answer.verb, Told(told.tag, told.status, told.code, told.argument, text))


@define
class _Talk:
    """Our side of an exchange of SASL."""

    replies: list[bytes] = field(repr=False)
    farewell: bytes | None
    explained: str = ""

    def answer(self, asked: Asked) -> bytes:
        """Raises Malformed when the server asks for more than the mechanism has."""
        if self.replies:
            return self.replies.pop(0)
        if self.farewell is None:
            raise Malformed("the server asks for more than the login has")
        farewell, self.farewell = self.farewell, None
        self.explained = _explanation(asked.text)
        return farewell


def _explanation(coded: str) -> str:
    """Why a token is refused: the fields of the server's document that are short words."""
    try:
        document: Any = json.loads(base64.b64decode(coded))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    pairs = (f"{key} {value}" for key, value in document.items() if isinstance(value, str))
    return shown(", ".join(pairs).encode())


def _refused_login(link: Link, answer: Answer) -> ImapFailure:
    told = answer.told
    crowded = told.code in _PASSING or _CROWDED in told.text.lower()
    kind = ImapKind.REFUSED if crowded else ImapKind.AUTH
    failure = refused("login", told, kind)
    return ImapFailure(kind, link.masked(failure.text), failure.code)
