"""What a file really is, told from its first bytes and never from its name or its sender.

A MIME type here is an essence, such as `audio/ogg`: lower case, without parameters.
"""

import codecs
import re
from typing import Final

import filetype

HEAD_BYTES: Final = 8192
UNKNOWN: Final = "application/octet-stream"

_ALIASES: Final = {
    "application/csv": "text/csv",
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-rar": "application/vnd.rar",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-zip-compressed": "application/zip",
    "application/xhtml+xml": "text/html",
    "audio/aacp": "audio/aac",
    "audio/amr-nb": "audio/amr",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/mpga": "audio/mpeg",
    "audio/opus": "audio/ogg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "binary/octet-stream": UNKNOWN,
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/svg": "image/svg+xml",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "text/directory": "text/vcard",
    "text/x-vcard": "text/vcard",
    "text/xml": "application/xml",
    "video/x-m4v": "video/mp4",
}
# One container, several names: the head does not tell sound from picture, or which office file.
_CONTAINERS: Final = (
    frozenset({"audio/mp4", "video/mp4", "video/quicktime", "audio/3gpp", "video/3gpp"}),
    frozenset({"audio/ogg", "video/ogg", "application/ogg"}),
    frozenset({"audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska"}),
    frozenset({"image/heic", "image/heif"}),
    frozenset({"image/png", "image/apng"}),
)
_ZIP_BASED: Final = re.compile(
    r"application/(vnd\.(openxmlformats-officedocument|oasis\.opendocument|android|apple)\..*"
    r"|epub\+zip|java-archive|zip)"
)
_OLE_BASED: Final = frozenset(
    {
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-outlook",
        "application/vnd.ms-powerpoint",
        "application/x-ole-storage",
    }
)
_TEXT_LIKE: Final = re.compile(
    r"text/.*|application/(json|xml|yaml|x-yaml|javascript|sql|x-sh|x-ndjson|.*\+(json|xml))"
)
# What we recognise whenever it is true, so that not recognising it refutes the claim.
_ALWAYS_RECOGNISED: Final = frozenset(
    {"application/pdf", "application/zip", "audio/amr", "audio/mp4", "audio/ogg", "audio/wav"}
    | {"image/gif", "image/jpeg", "image/png", "image/webp", "text/html", "video/mp4"}
)
_OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Readers accept some junk before the header of a PDF.
_PDF_WITHIN: Final = 1024
_BEFORE_PDF: Final = codecs.BOM_UTF8 + b" \t\r\n"
# Signatures of two letters, such as "BM" of a bitmap, also begin ordinary texts; these do not.
_SPELLED_IN_TEXT: Final = frozenset(
    {"application/postscript", "application/rtf", "application/x-deb", "audio/amr"}
    | {"application/x-unix-archive"}
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_MARKUP_PREFIX: Final = re.compile(
    r"(\s+|<\?xml\b[^>]*\?>|<\?[^>]*\?>|<!--.*?-->|<!doctype\s+svg\b[^>\[]*(\[[^\]]*\][^>]*)?>)*",
    re.IGNORECASE | re.DOTALL,
)
_SVG: Final = re.compile(r"<(\w+:)?svg[\s>/]", re.IGNORECASE)
_HTML: Final = re.compile(
    r"<(!doctype\s+html|html|head|body|script|iframe|h1|div|font|table|style|title|a|br|p|img|meta"
    r"|link|svg)[\s>/]",
    re.IGNORECASE,
)
_XML: Final = re.compile(r"\s*<\?xml[\s?]", re.IGNORECASE)


def detect(head: bytes) -> str:
    """The MIME type of the file that begins with `head`; `application/octet-stream` if unknown.

    `head` should be the first 8,192 bytes, or the whole of a shorter file.
    """
    head = head[:HEAD_BYTES]
    if head.lstrip(_BEFORE_PDF).startswith(b"%PDF-"):
        return "application/pdf"
    known = "video/3gpp" if head[4:11] == b"ftyp3gp" else _by_signature(head)
    text = _as_text(head)
    if text is not None and known not in _SPELLED_IN_TEXT:
        return _kind_of_text(text)
    if known is not None:
        return known
    if head.startswith(_OLE_MAGIC):
        return "application/x-ole-storage"
    return "application/pdf" if b"%PDF-" in head[:_PDF_WITHIN] else UNKNOWN


def essence(mime: str) -> str:
    """`mime` without parameters, in lower case, under its usual name."""
    bare = mime.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def agrees(declared: str, detected: str) -> bool:
    """Whether the bytes can be what their sender declared, as far as their head tells.

    Tolerates parameters, other names of the same type, and the more exact name of a container
    that the head cannot tell. A declared `application/octet-stream` claims nothing.
    """
    claim, found = essence(declared), essence(detected)
    if claim in {found, UNKNOWN, ""}:
        return True
    if any(claim in names and found in names for names in _CONTAINERS):
        return True
    if found == "application/zip":
        return _ZIP_BASED.fullmatch(claim) is not None
    if found in _OLE_BASED:
        return claim in _OLE_BASED
    if found in {"text/plain", "application/xml"}:
        return _TEXT_LIKE.fullmatch(claim) is not None and claim != "text/html"
    return found == UNKNOWN and claim not in _ALWAYS_RECOGNISED


def _by_signature(head: bytes) -> str | None:
    known: str | None = filetype.guess_mime(head)
    return None if known is None or known == UNKNOWN else essence(known)


def _as_text(head: bytes) -> str | None:
    """`head` as text when it is nothing else, its last character perhaps cut; or None."""
    if not head:
        return None
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _kind_of_text(text: str) -> str:
    prefix = _MARKUP_PREFIX.match(text)
    body = text[prefix.end() :] if prefix else text
    if _SVG.match(body):
        return "image/svg+xml"
    if _HTML.match(body):
        return "text/html"
    if _XML.match(text):
        return "application/xml"
    if body[:11].upper() == "BEGIN:VCARD":
        return "text/vcard"
    if body[:15].upper() == "BEGIN:VCALENDAR":
        return "text/calendar"
    return "text/plain"
