"""Names of folders as IMAP writes them: UTF-7, modified so that most stay readable.

https://www.rfc-editor.org/rfc/rfc3501#section-5.1.3
"""

import base64
import binascii
import re
from typing import Final

_PLAIN: Final = re.compile(r"[\x20-\x7e]+")
_RUN: Final = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")
_SHIFTED: Final = re.compile(rb"&([^-]*)-")


def encoded(name: str) -> bytes:
    """A folder's name for the server. Half of a surrogate pair becomes a replacement mark."""
    return b"".join(_encoded_run(run) for run in _RUN.findall(name))


def _encoded_run(run: str) -> bytes:
    if _PLAIN.fullmatch(run):
        return run.replace("&", "&-").encode("ascii")
    utf16 = run.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    coded = base64.b64encode(utf16.encode("utf-16-be")).rstrip(b"=")
    return b"&" + coded.replace(b"/", b",") + b"-"


def decoded(name: bytes) -> str:
    """A folder's name from the server; one that is not UTF-7 is taken for UTF-8."""
    try:
        return _decoded(name)
    except (ValueError, binascii.Error):
        return name.decode("utf-8", "replace")


def _decoded(name: bytes) -> str:
    out, at = [], 0
    for shifted in _SHIFTED.finditer(name):
        out.append(name[at : shifted.start()].decode("ascii"))
        out.append(_unshifted(shifted[1]))
        at = shifted.end()
    rest = name[at:].decode("ascii")
    if "&" in rest:
        raise ValueError("shifted without an end")
    return "".join([*out, rest])


def _unshifted(coded: bytes) -> str:
    if not coded:
        return "&"
    padded = coded.replace(b",", b"/") + b"=" * (-len(coded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")
