"""Content-Transfer-Encoding undone, piece by piece.

https://www.rfc-editor.org/rfc/rfc2045#section-6
"""

import binascii
from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.email.headers import NOT_BASE64, unpadded

PIECE: Final = 64 * 1024
AS_IT_IS: Final = frozenset(("", "7bit", "8bit", "binary"))
UUENCODED: Final = frozenset(("x-uuencode", "uuencode", "x-uue", "uue"))


def is_known(encoding: str) -> bool:
    """Whether the encoding can be undone."""
    return encoding in AS_IT_IS | UUENCODED | {"base64", "quoted-printable"}


def pieces(raw: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """The bytes from `start` to `end`, decoded; what is wrong in them is left out or left as it is.

    An encoding that nobody knows is taken for none.
    """
    if encoding == "base64":
        return _base64(raw, start, end)
    if encoding == "quoted-printable":
        return _quoted_printable(raw, start, end)
    if encoding in UUENCODED:
        return _uuencoded(raw, start, end)
    return _sliced(raw, start, end)


def _sliced(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, PIECE):
        yield raw[at : min(at + PIECE, end)]


def _base64(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    """After padding a new run begins: some mailers encode line by line."""
    left = b""
    for piece in _sliced(raw, start, end):
        *whole, last = (left + piece.translate(None, NOT_BASE64)).split(b"=")
        keep = len(last) % 4
        left = last[len(last) - keep :]
        data = b"".join([unpadded(run) for run in whole if run])
        data += binascii.a2b_base64(last[: len(last) - keep])
        if data:
            yield data
    if left:
        yield unpadded(left)


def _quoted_printable(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    """Pieces end with a line, or else before what may be half of an escape."""
    at = start
    while at < end:
        stop = min(at + PIECE, end)
        if stop < end:
            line_end = raw.rfind(b"\n", at, stop) + 1
            escape = raw.rfind(b"=", stop - 2, stop)
            stop = line_end or (escape if escape > at else stop)
        yield binascii.a2b_qp(raw[at:stop])
        at = stop


def _uuencoded(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    at, begun = start, False
    while at < end:
        after = raw.find(b"\n", at, end) + 1 or end
        line = raw[at:after].rstrip(b"\r\n")
        at = after
        if not begun:
            begun = line.startswith(b"begin ")
        elif line == b"end":
            return
        elif line:
            yield _uu_line(line)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:  # some encoders write more than the line's length says
        length = ((line[0] - 32 & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:length])
        except binascii.Error:
            return b""
