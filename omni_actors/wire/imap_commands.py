"""What we say to an IMAP server, word by word.

https://www.rfc-editor.org/rfc/rfc3501#section-6, https://www.rfc-editor.org/rfc/rfc6851 (MOVE),
https://www.rfc-editor.org/rfc/rfc4315 (UIDPLUS), https://www.rfc-editor.org/rfc/rfc7888
(literals that wait for nobody)
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from omni_actors.wire.imap_names import encoded
from omni_actors.wire.imap_replies import internal_date, runs_of

# https://www.rfc-editor.org/rfc/rfc7888#section-5
SHORT_LITERAL_BYTES_MAX: Final = 4096
QUOTED_BYTES_MAX: Final = 1000

_QUOTABLE: Final = re.compile(rb"[\x20-\x7e]*")
_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,900}")


@frozen
class Literal:
    """An argument that cannot be quoted."""

    data: bytes


@frozen
class Coming:
    """An argument whose bytes come from elsewhere. We always wait until the server wants them: it
    may refuse them unseen."""

    size: int


Argument: TypeAlias = bytes | Literal | Coming


@frozen
class Command:
    """A command without its tag: the verb, as errors name it, and its arguments."""

    verb: str
    arguments: tuple[Argument, ...] = ()


@frozen
class Pause:
    """The server must ask before we go on, and the bytes that follow are not ours if `coming`."""

    coming: bool = False


def spelled(tag: str, command: Command, capabilities: Container[str]) -> list[bytes | Pause]:
    """The bytes of a command, with pauses where we must wait for the server."""
    steps: list[bytes | Pause] = []
    text = f"{tag} {command.verb}".encode()
    for argument in command.arguments:
        match argument:
            case bytes():
                text += b" " + argument
            case Literal(data) if _waits_for_nobody(len(data), capabilities):
                text += b" {%d+}\r\n%b" % (len(data), data)
            case Literal(data):
                steps += [text + b" {%d}\r\n" % len(data), Pause()]
                text = data
            case Coming(size):
                steps += [text + b" {%d}\r\n" % size, Pause(coming=True)]
                text = b""
    return [*steps, text + b"\r\n"]


def _waits_for_nobody(size: int, capabilities: Container[str]) -> bool:
    if "LITERAL+" in capabilities:
        return True
    return "LITERAL-" in capabilities and size <= SHORT_LITERAL_BYTES_MAX


def string(text: str | bytes) -> Argument:
    """A string, quoted where that can be."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) > QUOTED_BYTES_MAX or not _QUOTABLE.fullmatch(data):
        return Literal(data)
    return b'"%b"' % data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def name(folder: str) -> Argument:
    """A folder's name. INBOX is the same in any case, and some servers do not know it."""
    return b"INBOX" if folder.upper() == "INBOX" else string(encoded(folder))


def uid_set(uids: Iterable[int]) -> bytes:
    """UIDs as a set, runs shortened: `1:3,7`."""
    return b",".join(
        b"%d" % run.start if len(run) == 1 else b"%d:%d" % (run.start, run.stop - 1)
        for run in runs_of(uids)
    )


CAPABILITY: Final = Command("CAPABILITY")
STARTTLS: Final = Command("STARTTLS")
IDLE: Final = Command("IDLE")
NOOP: Final = Command("NOOP")
LOGOUT: Final = Command("LOGOUT")


def login(username: str, secret: str) -> Command:
    """Who we are, said plainly."""
    return Command("LOGIN", (string(username), string(secret)))


def authenticate(mechanism: str, initial: bytes | None) -> Command:
    """Who we are, by a mechanism of SASL; `initial` is what its first reply is in base64."""
    first = () if initial is None else (initial or b"=",)
    return Command("AUTHENTICATE", (mechanism.encode(), *first))


def introduce(**fields: str) -> Command:
    """What we are. https://www.rfc-editor.org/rfc/rfc2971"""
    words = " ".join(f'"{key}" "{value}"' for key, value in fields.items())
    return Command("ID", (b"(" + words.encode() + b")",))


def select(folder: str, *, writable: bool) -> Command:
    """Open a folder."""
    return Command("SELECT" if writable else "EXAMINE", (name(folder),))


def search_from(first: int, *, extended: bool) -> Command:
    """UIDs not below `first`; and the last of all, even where it is (RFC 3501 section 6.4.8)."""
    wanted = b"RETURN (ALL) UID %d:*" if extended else b"UID %d:*"
    return Command("UID SEARCH", (wanted % first,))


def search_message_id(message_id: str, first: int = 1) -> Command:
    """Mails whose Message-ID holds this, and whose UIDs are not below `first`; also the last of
    all, as in `search_from`. Raises ValueError for what none can be."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a Message-ID is 1 to 900 visible ASCII characters")
    newest = (b"UID %d:*" % first,) if first > 1 else ()
    return Command("UID SEARCH", (*newest, b"HEADER Message-ID", string(message_id)))


def fetch(uids: Iterable[int], *items: bytes) -> Command:
    """Items of mails."""
    return Command("UID FETCH", (uid_set(uids), b"(UID " + b" ".join(items) + b")"))


def move(uids: Sequence[int], folder: str) -> Command:
    """Move mails to a folder."""
    return Command("UID MOVE", (uid_set(uids), name(folder)))


def copy(uids: Sequence[int], folder: str) -> Command:
    """Copy mails to a folder."""
    return Command("UID COPY", (uid_set(uids), name(folder)))


def mark_deleted(uids: Sequence[int]) -> Command:
    """Mark mails as to be removed."""
    return Command("UID STORE", (uid_set(uids), rb"+FLAGS.SILENT (\Deleted)"))


def expunge(uids: Sequence[int]) -> Command:
    """Remove those of these mails that are marked so, and no others."""
    return Command("UID EXPUNGE", (uid_set(uids),))


def append(folder: str, size: int, flags: Sequence[str], at: int | None) -> Command:
    """Put a mail of `size` bytes that comes from elsewhere into a folder; `at` unix seconds."""
    date = () if at is None else (f'"{internal_date(at)}"'.encode(),)
    marks = b"(" + " ".join(flags).encode() + b")"
    return Command("APPEND", (name(folder), marks, *date, Coming(size)))


NAMESPACE: Final = Command("NAMESPACE")


def create(folder: str) -> Command:
    """Make a folder."""
    return Command("CREATE", (name(folder),))


def subscribe(folder: str) -> Command:
    """Let people's programs show a folder."""
    return Command("SUBSCRIBE", (name(folder),))


def list_folders(*, uses: bool) -> Command:
    """All folders, and what they are for. https://www.rfc-editor.org/rfc/rfc6154"""
    more = (b"RETURN (SPECIAL-USE)",) if uses else ()
    return Command("LIST", (b'""', b'"*"', *more))
