"""Whether a person wrote a mail, or a machine, as it says itself.

https://www.rfc-editor.org/rfc/rfc3834
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from attrs import frozen

from omni_actors.adapters.email.addresses import mailboxes
from omni_actors.adapters.email.headers import Headers
from omni_actors.adapters.email.threads import token_in

HOPS_MAX: Final = 50


class MailKind(StrEnum):
    """Who or what wrote a mail."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    BOUNCE = "bounce"
    LIST = "list"
    OWN = "own"


@frozen
class Written:
    """By whom a mail was written, and by what one sees it."""

    kind: MailKind
    signs: tuple[str, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Whether no machine may answer it."""
        return self.kind is not MailKind.HUMAN


_DAEMON = re.compile(
    r"(?:mailer-?daemon|mail-?daemon|postmaster|mdaemon|mmdf|majordomo)(?:[+.-].*)?"
)
_NOBODY = re.compile(
    r"(?:no|do-?not|ne-?pas|nicht)[-_.]?(?:reply|repondre|antworten|respond|responder|responda)"
    r"(?:[+._-].*)?|bounces?(?:[+._-].*)?|notifications?(?:[+._-].*)?"
)
# What vacation programs begin a subject with.
_AWAY: Final = (
    *("automatic reply", "auto reply", "auto-reply", "autoreply", "out of office"),
    *("out of the office", "automatische antwort", "abwesend", "abwesenheitsnotiz", "abwesenheit"),
    *("réponse automatique", "absence du bureau", "absent du bureau", "respuesta automática"),
    *("fuera de la oficina", "resposta automática", "fora do escritório", "ausência temporária"),
    *("risposta automatica", "fuori sede", "automatisch antwoord", "afwezig", "autosvar"),
    *("automatiskt svar", "automatisk svar", "automaattinen vastaus", "odpowiedź automatyczna"),
    *("automatická odpověď", "automatikus válasz", "răspuns automat", "automatski odgovor"),
    *("samodejni odgovor", "автоматический ответ", "автоответ", "автоматична відповідь"),
    *("αυτόματη απάντηση", "otomatik yanıt", "תשובה אוטומטית", "رد تلقائي", "自动回复", "自動回覆"),
    *("自動応答", "自動返信", "자동 회신", "자동응답", "trả lời tự động"),
)
_IS_AWAY: Final = re.compile(rf"(?:{'|'.join(_AWAY)})\s?(?:[:：!.(\[–-]|$)", re.IGNORECASE)
_SILENCE: Final = frozenset(("all", "oof", "autoreply"))
_REPLIES: Final = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply")
_GENERATED: Final = ("feedback-id", "x-ms-exchange-generated-message-source")
_LIST: Final = ("list-id", "list-post", "list-unsubscribe")


def written_by(headers: Headers, sender: str, account: str) -> Written:
    """By whom a mail to an account was written; `sender` is the address in From."""
    signs = list(_signs(headers, sender, account))
    for kind in (MailKind.AUTO_REPLY, MailKind.LIST, MailKind.AUTO_GENERATED):
        if any(each is kind for each, _ in signs):
            return Written(kind, tuple(dict.fromkeys(sign for _, sign in signs)))
    return Written(MailKind.HUMAN)


def _signs(headers: Headers, sender: str, account: str) -> Iterator[tuple[MailKind, str]]:
    yield from _said(headers)
    yield from _precedence(headers, account)
    yield from _named(headers, account)
    yield from _looks(headers, sender)


def _named(headers: Headers, account: str) -> Iterator[tuple[MailKind, str]]:
    """What only lists and machines have."""
    own_list = is_own_list(headers, account)
    kinds = {
        MailKind.LIST: () if own_list else _LIST,
        MailKind.AUTO_REPLY: _REPLIES,
        MailKind.AUTO_GENERATED: _GENERATED,
    }
    for kind, names in kinds.items():
        for name in names:
            if headers.raw(name) is not None:
                yield kind, name
    loop = headers.text("x-loop").lower()
    if loop and account.rpartition("@")[2] not in loop:  # else it came through a forward of ours
        yield MailKind.AUTO_GENERATED, "x-loop"


def _looks(headers: Headers, sender: str) -> Iterator[tuple[MailKind, str]]:
    """What makes it likely."""
    if is_from_nobody(headers):
        yield MailKind.AUTO_GENERATED, "return-path"
    local = sender.rpartition("@")[0].lower()
    if _NOBODY.fullmatch(local) or is_daemon(sender):
        yield MailKind.AUTO_GENERATED, "from"
    if _IS_AWAY.match(headers.text("subject")):
        yield MailKind.AUTO_REPLY, "subject"
    if hops(headers) > HOPS_MAX:
        yield MailKind.AUTO_GENERATED, "hops"


def _said(headers: Headers) -> Iterator[tuple[MailKind, str]]:
    """What a machine says that keeps to the rules."""
    submitted = _word(headers, "auto-submitted")
    if submitted and submitted != "no":
        reply = submitted == "auto-replied"
        yield (MailKind.AUTO_REPLY if reply else MailKind.AUTO_GENERATED), "auto-submitted"
    asked = headers.text("x-auto-response-suppress").lower()
    if _SILENCE & {each.strip() for each in asked.split(",")}:
        yield MailKind.AUTO_GENERATED, "x-auto-response-suppress"


def _precedence(headers: Headers, account: str) -> Iterator[tuple[MailKind, str]]:
    for name in ("precedence", "x-precedence"):
        match _word(headers, name):
            case "auto_reply" | "auto-reply":
                yield MailKind.AUTO_REPLY, name
            case "bulk" | "junk":
                yield MailKind.AUTO_GENERATED, name
            case "list" if not is_own_list(headers, account):
                yield MailKind.LIST, name


def _word(headers: Headers, name: str) -> str:
    return headers.text(name).partition(";")[0].partition("(")[0].strip().lower()


def is_own_list(headers: Headers, account: str) -> bool:
    """Whether it came through a list of the account's own domain: many a support address is one,
    and who writes to it is a person all the same."""
    domain = account.rpartition("@")[2]
    post = headers.text("list-post").lower()
    named = headers.text("list-id").lower().rpartition("<")[2].rstrip("> ")
    if not domain or not (post or named):
        return False
    return (
        f"@{domain}>" in post.replace("?", ">") or named == domain or named.endswith(f".{domain}")
    )


def is_from_nobody(headers: Headers) -> bool:
    """Whether its envelope names nobody, as that of a machine that wants no answer."""
    path = headers.raw("return-path")
    return path is not None and path.strip() == b"<>"


def is_daemon(sender: str) -> bool:
    """Whether an address is that of a mail server."""
    return _DAEMON.fullmatch(sender.rpartition("@")[0].lower()) is not None


def hops(headers: Headers) -> int:
    """How many servers a mail has gone through."""
    return sum(name == "received" for name, _ in headers.fields)


def own_id(headers: Headers, account: str) -> str | None:
    """The id of a mail that we sent in the account's name and that came back, as a copy or in a
    loop; None where it is somebody else's."""
    senders = {person.key for field in headers.every("from") for person in mailboxes(field)}
    if senders != {account}:
        return None
    for name in ("message-id", "x-microsoft-original-message-id", "x-google-original-message-id"):
        for message_id in headers.ids(name):
            if token_in(message_id):
                return message_id
    return None
