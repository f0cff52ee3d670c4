"""What platforms ask about a file beyond its type, as far as its head tells it cheaply."""

import re
from collections.abc import Mapping
from typing import Final

from omni_actors.media.jpeg import JpegScan
from omni_actors.media.probe import essence

_OPUS: Final = b"OpusHead"
_OPUS_CHANNELS_AT: Final = 9
_OGG_CODECS: Final = ((_OPUS, "opus"), (b"\x01vorbis", "vorbis"), (b"Speex   ", "speex"))
_WEBP_ANIMATION: Final = 0x02
_PNG_DEPTH_AT: Final = 24
_PNG_COLOURS: Final = {0: "grey", 2: "rgb", 3: "rgb", 4: "grey", 6: "rgb"}
_GIF_FRAME: Final = re.compile(rb"\x21\xf9\x04.{4}\x00\x2c", re.DOTALL)

Traits = Mapping[str, str | int | bool]


def traits_of(mime: str | None, head: bytes) -> dict[str, str | int | bool]:
    """`animated`, `codec`, `channels` of sound, `depth` of a pixel's channel in bits and its
    `colours` (grey, rgb, cmyk); what the head does not tell is left out.

    `head` should be the first 8,192 bytes.
    """
    match essence(mime or ""):
        case "image/webp" if head[12:16] == b"VP8X":
            return {"animated": bool(head[20:21] and head[20] & _WEBP_ANIMATION)}
        case "image/webp":
            return {"animated": False}
        case "image/gif":
            return {"animated": len(_GIF_FRAME.findall(head)) > 1}
        case "image/png" if head[12:16] == b"IHDR" and len(head) > _PNG_DEPTH_AT:
            return {"depth": head[_PNG_DEPTH_AT], **_png_colours(head)}
        case "image/jpeg":
            scan = JpegScan()
            scan.feed(head)
            return scan.traits
        case "audio/ogg":
            return _of_ogg(head)
        case _:
            return {}


def _png_colours(head: bytes) -> dict[str, str | int | bool]:
    kind = head[_PNG_DEPTH_AT + 1 : _PNG_DEPTH_AT + 2]
    colours = _PNG_COLOURS.get(kind[0]) if kind else None
    return {"colours": colours} if colours else {}


def _of_ogg(head: bytes) -> dict[str, str | int | bool]:
    found = [(head.find(magic), codec) for magic, codec in _OGG_CODECS if magic in head]
    if not found:
        return {}
    at, codec = min(found)
    channels = head[at + _OPUS_CHANNELS_AT : at + _OPUS_CHANNELS_AT + 1]
    known: dict[str, str | int | bool] = {"codec": codec}
    return {**known, "channels": channels[0]} if codec == "opus" and channels else known
