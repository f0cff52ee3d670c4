"""Makes the bytes of a mail: the same description becomes the same bytes, on every attempt.

Files are not read here. They stand in the bytes as what is to be put there, and their length is
known beforehand, so a mail of any size is sent piece by piece.
"""

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, TypeAlias
from urllib.parse import quote

from attrs import define, frozen

from omni_actors.wire.headers import header, text_of, utf8_needed
from omni_actors.wire.mail import Attached, Mail
from omni_actors.wire.smtp_lines import Unspeakable

Piece: TypeAlias = bytes | Attached

LINE_BYTES: Final = 57  # of a file, in one line of base64
BASE64_LINE: Final = 78  # of those 57, with their CRLF
PLAIN_CHARS_MAX: Final = 78  # in a line of text that needs no encoding
PARAMETER_CHARS: Final = 60
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")
_PARAMETERS: Final = re.compile(r'(?:; ?[A-Za-z0-9-]{1,40}=(?:[A-Za-z0-9_.+/-]+|"[^"\\\r\n]*"))*')
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FROM: Final = re.compile(rb"^From ", re.M)
_CONTENT_ID: Final = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,200}")
# These may not be sent as base64 (RFC 2046, 5), and what is in a file may not be what it says.
_NEVER_ENCODED: Final = ("message/", "multipart/")


@frozen
class Composed:
    """A mail as bytes: its pieces in order, and their size together. Every line ends CRLF.

    An `Attached` stands for its file in base64, as `Base64` makes it. `utf8`: its headers hold
    addresses that are not ASCII; all else is.
    """

    pieces: tuple[Piece, ...]
    size: int
    utf8: bool


def composed(mail: Mail) -> Composed:
    """The bytes of a mail. Raises Unspeakable when a header or a file's name cannot be written."""
    heads = b"".join(header(name, value) for name, value in mail.headers)
    pieces = tuple(_joined([heads, b"MIME-Version: 1.0\r\n", *_body(mail)]))
    utf8 = any(utf8_needed(name, value) for name, value in mail.headers)
    return Composed(pieces, sum(map(size_of, pieces)), utf8)


def size_of(piece: Piece) -> int:
    """How many bytes a piece becomes."""
    if isinstance(piece, bytes):
        return len(piece)
    lines, rest = divmod(piece.size, LINE_BYTES)
    return lines * BASE64_LINE + ((rest + 2) // 3 * 4 + 2 if rest else 0)


@define
class Base64:
    """A file in lines of base64, however it is cut."""

    _held: bytes = b""

    def feed(self, chunk: bytes) -> bytes:
        """The whole lines of what came so far."""
        whole = self._held + chunk
        end = len(whole) - len(whole) % LINE_BYTES
        self._held = whole[end:]
        return _lines(whole[:end])

    def end(self) -> bytes:
        """The last line."""
        last, self._held = self._held, b""
        return _lines(last)


def _lines(data: bytes) -> bytes:
    text = b64encode(data)
    width = BASE64_LINE - 2
    cut = [text[at : at + width] for at in range(0, len(text), width)]
    return b"\r\n".join([*cut, b""]) if cut else b""


def _body(mail: Mail) -> Iterator[Piece]:
    """The content of the mail: text; beside it HTML, with its pictures inside; around it files."""
    shown = [each for each in mail.attachments if each.content_id and mail.html is not None]
    files = [each for each in mail.attachments if each not in shown]
    body: Iterable[Piece] = _text("plain", mail.text)
    if mail.html is not None:
        html: Iterable[Piece] = _text("html", mail.html)
        if shown:
            pictures = [_file(each, "inline") for each in shown]
            html = _multipart(mail, 'related; type="text/html"', [html, *pictures])
        body = _multipart(mail, "alternative", [body, html])
    if files:
        body = _multipart(mail, "mixed", [body, *(_file(each, "attachment") for each in files)])
    return iter(body)


def _multipart(mail: Mail, kind: str, parts: Iterable[Iterable[Piece]]) -> Iterator[Piece]:
    # An underscore behind an equals sign stands in no encoded text.
    boundary = b"=_" + sha256(f"{mail.seed} {kind}".encode()).hexdigest()[:40].encode()
    yield b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n\r\n' % (kind.encode(), boundary)
    for part in parts:
        yield b"--%b\r\n" % boundary
        yield from part
        yield b"\r\n"
    yield b"--%b--\r\n" % boundary


def _text(kind: str, text: str) -> Iterator[Piece]:
    lines = text_of(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    spelled = "".join(f"{each}\r\n" for each in lines).encode()
    encoding, body = _encoded(spelled, lines)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    yield f"{head}\r\n\r\n".encode()
    yield body


def _encoded(spelled: bytes, lines: list[str]) -> tuple[str, bytes]:
    """The encoding that leaves the most readable, unless another is much shorter."""
    if all(map(_is_plain, lines)):
        return "7bit", spelled
    quoted = _FROM.sub(b"=46rom ", b2a_qp(spelled, istext=True))
    if len(quoted) > 2 * len(spelled):
        return "base64", _lines(spelled)
    return "quoted-printable", quoted


def _is_plain(line: str) -> bool:
    """Whether a line comes out as it went in: programs on the way touch blanks at its end, `From `
    at its beginning, and its length."""
    fits = line.isascii() and len(line) <= PLAIN_CHARS_MAX
    return fits and not line.startswith("From ") and not _CONTROLS.search(line)


def _file(each: Attached, disposition: str) -> Iterator[Piece]:
    filename = text_of(each.filename)
    if _CONTROLS.search(filename):
        raise Unspeakable("the name of a file holds a control character or a line end")
    lines = [
        f"Content-Type: {_mime(each.mime)}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {disposition}{_named(filename)}",
    ]
    if each.content_id:
        if not _CONTENT_ID.fullmatch(each.content_id):
            raise Unspeakable(f"{each.content_id!r} is no content id")
        lines.append(f"Content-ID: <{each.content_id}>")
    yield "\r\n".join([*lines, "", ""]).encode()
    yield each


def _mime(mime: str) -> str:
    kind, _, _ = mime.partition(";")
    if not _TYPE.fullmatch(kind) or not _PARAMETERS.fullmatch(mime[len(kind) :]):
        raise Unspeakable(f"{mime!r} is no MIME type")
    return "application/octet-stream" if kind.lower().startswith(_NEVER_ENCODED) else mime


def _named(filename: str) -> str:
    """The parameter for a file's name; in several pieces where it is long (RFC 2231)."""
    if not filename:
        return ""
    if re.fullmatch(r"[A-Za-z0-9 ._()+-]+", filename) and len(filename) <= PARAMETER_CHARS:
        return f';\r\n filename="{filename}"'
    text = "utf-8''" + quote(filename, safe="")
    if len(text) <= PARAMETER_CHARS:
        return f";\r\n filename*={text}"
    pieces = re.findall(r"(?:%..|[^%]){1,20}", text)
    return "".join(f";\r\n filename*{at}*={piece}" for at, piece in enumerate(pieces))


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces with neighbouring bytes put together."""
    held: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            held.append(piece)
            continue
        yield b"".join(held)
        held.clear()
        yield piece
    if held:
        yield b"".join(held)
