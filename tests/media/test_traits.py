"""What the head of a file tells beyond its type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.media.jpeg import JpegScan
from omni_actors.media.traits import traits_of

OGG = b"OggS" + bytes(24)
WEBP = b"RIFF\x00\x00\x00\x00WEBP"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(8)
FRAME = b"\x21\xf9\x04\x00\x00\x00\x00\x00\x2c" + bytes(9)


def jpeg(components: int, profile: int = 40) -> bytes:
    """The beginning of a JPEG, after a profile of so many bytes."""
    segment = b"\xff\xe2" + (profile + 2).to_bytes(2, "big") + bytes(profile)
    frame = b"\xff\xff\xc2\x00\x11\x08" + bytes(4) + bytes([components]) + bytes(9)
    return b"\xff\xd8" + segment + frame


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
    "a picture": ("image/png", PNG + b"\x08\x02", {"depth": 8, "colours": "rgb"}),
    "a deep one": ("image/png", PNG + b"\x10\x02", {"depth": 16, "colours": "rgb"}),
    "a grey one": ("image/png", PNG + b"\x08\x04", {"depth": 8, "colours": "grey"}),
    "one of no kind": ("image/png", PNG + b"\x08\x09", {"depth": 8}),
    "a photograph that is cut": ("image/jpeg", b"\xff\xd8\xff", {}),
    "a photograph": ("image/jpeg", jpeg(3), {"depth": 8, "colours": "rgb"}),
    "a grey photograph": ("image/jpeg", jpeg(1), {"depth": 8, "colours": "grey"}),
    "one for print": ("image/jpeg", jpeg(4), {"depth": 8, "colours": "cmyk"}),
    "one without a frame": ("image/jpeg", b"\xff\xd8\xff\xda\x00\x02" + jpeg(3), {}),
    "no JPEG after all": ("image/jpeg", PNG, {}),
    "nothing": ("audio/ogg", b"", {}),
}


@pytest.mark.parametrize(("mime", "head", "traits"), HEADS.values(), ids=HEADS.keys())
def test_the_head_tells(mime: str, head: bytes, traits: dict[str, Any]) -> None:
    assert traits_of(mime, head) == traits


@given(
    st.sampled_from(
        [f"image/{name}" for name in ("webp", "gif", "png", "jpeg")] + ["audio/ogg", "video/mp4"]
    ),
    st.binary(max_size=200),
)
def test_any_bytes_are_looked_at_without_an_error(mime: str, head: bytes) -> None:
    assert set(traits_of(mime, head)) <= {"animated", "codec", "channels", "depth", "colours"}


@given(st.integers(1, 40_000), st.sampled_from([0, 1, 300, 60_000]))
def test_a_frame_behind_a_large_profile_is_met_however_the_bytes_come(
    piece: int, profile: int
) -> None:
    body, scan = jpeg(4, profile), JpegScan()
    for at in range(0, len(body), max(piece, len(body) // 200)):
        scan.feed(body[at : at + max(piece, len(body) // 200)])

    assert scan.traits == {"depth": 8, "colours": "cmyk"}


@pytest.mark.slow
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_a_scan_takes_any_bytes(pieces: list[bytes]) -> None:
    scan = JpegScan()
    for piece in [b"\xff\xd8", *pieces]:
        scan.feed(piece)

    assert scan.components is None or scan.over
