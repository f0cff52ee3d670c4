"""What the head of a file tells beyond its type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.media.traits import traits_of

OGG = b"OggS" + bytes(24)
WEBP = b"RIFF\x00\x00\x00\x00WEBP"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(8)
FRAME = b"\x21\xf9\x04\x00\x00\x00\x00\x00\x2c" + bytes(9)

HEADS: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "a voice note": (
        "audio/ogg; codecs=opus",
        OGG + b"OpusHead\x01\x01",
        {"codec": "opus", "channels": 1},
    ),
    "music in opus": ("audio/ogg", OGG + b"OpusHead\x01\x02", {"codec": "opus", "channels": 2}),
    "opus that is cut": ("audio/ogg", OGG + b"OpusHead", {"codec": "opus"}),
    "vorbis": ("audio/ogg", OGG + b"\x01vorbis\x00", {"codec": "vorbis"}),
    "ogg of another kind": ("audio/ogg", OGG, {}),
    "a sticker that moves": ("image/webp", WEBP + b"VP8X\n\x00\x00\x00\x02", {"animated": True}),
    "one with transparency": ("image/webp", WEBP + b"VP8X\n\x00\x00\x00\x10", {"animated": False}),
    "a plain one": ("image/webp", WEBP + b"VP8 ", {"animated": False}),
    "a gif that moves": ("image/gif", b"GIF89a" + FRAME + FRAME, {"animated": True}),
    "a gif that does not": ("image/gif", b"GIF89a" + FRAME, {"animated": False}),
    "a picture": ("image/png", PNG + b"\x08\x02", {"depth": 8}),
    "a deep one": ("image/png", PNG + b"\x10\x02", {"depth": 16}),
    "a photograph": ("image/jpeg", b"\xff\xd8\xff", {}),
    "nothing": ("audio/ogg", b"", {}),
}


@pytest.mark.parametrize(("mime", "head", "traits"), HEADS.values(), ids=HEADS.keys())
def test_the_head_tells(mime: str, head: bytes, traits: dict[str, Any]) -> None:
    assert traits_of(mime, head) == traits


@given(
    st.sampled_from(["image/webp", "image/gif", "image/png", "audio/ogg", "video/mp4"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_looked_at_without_an_error(mime: str, head: bytes) -> None:
    assert set(traits_of(mime, head)) <= {"animated", "codec", "channels", "depth"}
