"""Bytes as text, whatever they claim to be written in."""

import re
from encodings.aliases import aliases
from typing import Final

from attrs import frozen

REPLACED_SHARE_MAX: Final = 0.02

# Codecs that are no charsets, that take more than linear time, or that hide markup (UTF-7).
_REFUSED: Final = frozenset(
    (
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "utf_7",
        "undefined",
        "mbcs",
        "oem",
    )
)
# Names that mailers use and Python does not know, or takes too narrowly.
_MEANT: Final = {
    "ascii": "ascii",
    "big5": "big5hkscs",
    "cp850": "cp850",
    "cp932": "cp932",
    "cp949": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso88591": "cp1252",
    "iso88598e": "iso8859_8",
    "iso88598i": "iso8859_8",
    "iso88599": "cp1254",
    "ksc56011987": "cp949",
    "euckr": "cp949",
    "ksc5601": "cp949",
    "latin1": "cp1252",
    "macintosh": "mac_roman",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "tis620": "cp874",
    "usascii": "ascii",
    "utf8mb4": "utf_8",
    "windows31j": "cp932",
    "windows874": "cp874",
    "xgbk": "gb18030",
    "xmacroman": "mac_roman",
    "xsjis": "cp932",
}
_MULTIBYTE: Final = frozenset(
    (
        *("utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32"),
        *("gb18030", "big5hkscs", "cp932", "cp949", "hz"),
        *("euc_jp", "euc_jis_2004", "iso2022_jp", "iso2022_kr"),
    )
)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]")
_CONTROLS = {code: None for code in (*range(9), 11, *range(14, 32), 127)} | {12: "\n"}


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name.lower())


def _known() -> dict[str, str]:
    """The codecs that may be asked for, by their plain names.

    Python looks for a module under each unknown name, and remembers it; mails could fill memory so.
    """
    names = {_plain(alias): module for alias, module in aliases.items()}
    names |= {_plain(module): module for module in aliases.values()}
    texts = {name: module for name, module in names.items() if module not in _REFUSED}
    return {name: module for name, module in texts.items() if _is_charset(module)} | _MEANT


def _is_charset(module: str) -> bool:
    try:
        return isinstance("a".encode(module), bytes)
    except LookupError:  # it makes bytes of bytes
        return False


KNOWN: Final = _known()


@frozen
class Decoded:
    """A text, and what was wrong with its bytes; empty when nothing was."""

    text: str
    problem: str = ""


def codec_of(declared: str) -> str:
    """The codec for a charset as it is declared; empty when there is none that we would use."""
    return KNOWN.get(_plain(declared[:64].partition("*")[0]), "")


def decode(data: bytes, declared: str = "") -> Decoded:
    """Bytes as text: as declared, as UTF-8, or as what Windows wrote; never an error.

    NUL and other control characters are left out, line ends become LF.
    """
    codec = codec_of(declared)
    if codec == "ascii" or not declared:
        found = _guessed(data, "" if not declared or data.isascii() else "8bit_in_ascii")
    elif not codec:
        found = _guessed(data, "unknown_charset")
    else:
        found = _decoded(data, codec)
    return Decoded(tidied(found.text), found.problem)


def _decoded(data: bytes, codec: str) -> Decoded:
    try:
        return Decoded(data.decode(codec).removeprefix("\ufeff"))
    except UnicodeError:
        pass
    if codec in _MULTIBYTE:
        text = data.decode(codec, "replace")
        bad = text.count("\ufffd")
        good = len(text) - bad - len(text.encode("ascii", "ignore"))
        if bad <= good and bad <= 2 + len(text) * REPLACED_SHARE_MAX:
            return Decoded(text.removeprefix("\ufeff"), "bad_charset")
    return _guessed(data, "bad_charset")


def _guessed(data: bytes, problem: str) -> Decoded:
    for codec in ("utf-8-sig", "cp1252"):
        try:
            return Decoded(data.decode(codec), problem)
        except UnicodeError:
            continue
    return Decoded(data.decode("latin-1"), problem)


def tidied(text: str) -> str:
    """A text without control characters, with LF at the ends of its lines."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_CONTROLS) if _HAS_CONTROLS.search(text) else text


_HAS_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
