"""Pictures made into others by real processes: what fits, what is kept, what is refused."""

import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms

from omni_actors.media.blobs import Blob, Blobs
from omni_actors.media.pictures import AT_ONCE, Made, NotMade, Pictures
from omni_actors.policy.derivatives import Recipe

MB = 1_000_000
RECIPE = Recipe(("image/jpeg", "image/png"), 5 * MB)
ORIENTATION, GPS = 0x0112, 0x8825

pytestmark = pytest.mark.slow  # each starts a process


@pytest.fixture
def pictures(blobs: Blobs) -> Pictures:
    return Pictures(blobs)


def drawn(mode: str = "RGB", size: tuple[int, int] = (64, 48), *, noisy: bool = False) -> Any:
    """A picture; a noisy one cannot be made small without a loss."""
    if noisy:
        raw = random.Random(1).randbytes(
            size[0] * size[1] * len(Image.new(mode, (1, 1)).getbands())
        )
        return Image.frombytes(mode, size, raw)
    return Image.new(mode, size, "teal" if mode in ("RGB", "RGBA", "P") else 40)


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


async def made(pictures: Pictures, body: bytes, recipe: Recipe = RECIPE) -> Made | NotMade:
    return await pictures.make(await pictures.blobs.put_bytes(body), recipe)


async def opened(pictures: Pictures, found: Made | NotMade) -> Any:
    """The picture that came of it."""
    assert isinstance(found, Made), found
    body = pictures.blobs.path_of(found.blob).read_bytes()
    return Image.open(io.BytesIO(body))


STILLS = {
    "WebP": (saved(drawn(), "WEBP"), "image/jpeg"),
    "AVIF": (saved(drawn(), "AVIF"), "image/jpeg"),
    "GIF": (saved(drawn("P"), "GIF"), "image/png"),
    "BMP": (saved(drawn(), "BMP"), "image/png"),
    "TIFF": (saved(drawn(), "TIFF"), "image/png"),
    "JPEG of a printer": (saved(drawn("CMYK"), "JPEG"), "image/jpeg"),
    "grey TIFF": (saved(drawn("L"), "TIFF"), "image/png"),
    "grey PNG of 16 bits": (saved(Image.new("I;16", (64, 48), 40_000), "PNG"), "image/png"),
    "WebP to be seen through": (
        saved(Image.new("RGBA", (64, 48), (9, 9, 9, 90)), "WEBP", lossless=True),
        "image/png",
    ),
}


@pytest.mark.parametrize(("body", "mime"), STILLS.values(), ids=STILLS.keys())
async def test_a_still_becomes_what_channels_show(
    pictures: Pictures, body: bytes, mime: str
) -> None:
    found = await made(pictures, body)

    shown = await opened(pictures, found)
    assert isinstance(found, Made)
    assert (found.mime, shown.size) == (mime, (64, 48))
    assert shown.mode in ("RGB", "RGBA")


async def test_what_can_be_seen_through_stays_so_where_it_fits(pictures: Pictures) -> None:
    body = saved(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "WEBP", lossless=True)

    whole = await opened(pictures, await made(pictures, body))
    white = await opened(pictures, await made(pictures, body, Recipe(("image/jpeg",), MB)))

    assert whole.convert("RGBA").getpixel((0, 0))[3] == 0
    assert min(white.getpixel((0, 0))) > 250


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_what_is_too_large_is_made_to_fit(pictures: Pictures, kind: str) -> None:
    body = saved(
        drawn(size=(1200, 900), noisy=True), kind, **({"quality": 100} if kind == "JPEG" else {})
    )
    recipe = Recipe(RECIPE.mimes, 200_000)
    assert len(body) > 1_500_000

    found = await made(pictures, body, recipe)

    assert isinstance(found, Made)
    assert found.mime == "image/jpeg"
    assert found.blob.size <= 200_000
    width, height = (await opened(pictures, found)).size
    assert abs(width / height - 4 / 3) < 0.05


async def test_a_photo_stands_upright_and_tells_nothing_of_its_camera(pictures: Pictures) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = saved(drawn(), "WEBP", exif=exif, icc_profile=profile)

    shown = await opened(pictures, await made(pictures, body))

    assert shown.size == (48, 64)
    assert dict(shown.getexif()) == {}
    assert shown.info["icc_profile"] == profile


async def test_a_photo_with_its_depth_map_is_that_photo(pictures: Pictures) -> None:
    """Many telephones put a second picture into the file, for what is near and how bright it is."""
    photo = drawn(size=(120, 90), noisy=True)
    body = saved(photo, "MPO", save_all=True, append_images=[drawn(size=(30, 20))])

    found = await made(pictures, body)

    assert isinstance(found, Made), found
    assert (found.mime, (await opened(pictures, found)).size) == ("image/jpeg", (120, 90))


async def test_a_profile_of_other_colours_is_not_handed_on(pictures: Pictures) -> None:
    """RGB that says that it is CMYK, or grey, is shown wrong, or not at all."""
    grey = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    grey[16:20] = b"CMYK"
    body = saved(drawn("CMYK"), "JPEG", icc_profile=bytes(grey))

    shown = await opened(pictures, await made(pictures, body))

    assert shown.mode == "RGB"
    assert "icc_profile" not in shown.info


def grey_profile() -> bytes:
    """A colour profile of grey whose numbers are the parts of the light."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + bytes(8)
    tags = [(b"wtpt", white), (b"kTRC", curve)]
    at, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags:
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4sI", size, bytes(4), 0x02100000) + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data


async def test_grey_is_what_its_profile_says(pictures: Pictures) -> None:
    body = saved(drawn("L"), "TIFF", icc_profile=grey_profile())

    shown = await opened(pictures, await made(pictures, body))

    assert "icc_profile" not in shown.info
    assert shown.getpixel((0, 0))[0] > 100  # 40 of 255 parts of light, and not of what sRGB counts


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says that it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


MOVING = saved(drawn(), "GIF", save_all=True, append_images=[drawn(size=(64, 48), noisy=True)])
REFUSED = {
    "what moves": (MOVING, "it moves"),
    "what is no picture": (b"hello" * 100, "it cannot be read"),
    "half a picture": (saved(drawn(noisy=True), "WEBP")[:500], "it cannot be read"),
    "an empty file": (b"", "it cannot be read"),
    "a small file that unfolds without end": (bomb(60_000, 60_000), "too"),
    "a text that makes pictures": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "it cannot be read"),
}


@pytest.mark.parametrize(("body", "why"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_still_says_why(pictures: Pictures, body: bytes, why: str) -> None:
    found = await made(pictures, body)

    assert isinstance(found, NotMade)
    assert why in found.why


async def test_what_cannot_be_made_small_enough_says_so(pictures: Pictures) -> None:
    body = saved(drawn(size=(400, 400), noisy=True), "PNG")

    found = await made(pictures, body, Recipe(("image/png",), 1000))

    assert found == NotMade("it does not fit into 1000 bytes")


async def test_a_conversion_that_holds_too_much_is_ended(blobs: Blobs) -> None:
    greedy = Pictures(blobs, memory_max=150_000_000)

    found = await made(greedy, saved(Image.new("RGB", (7000, 7000)), "BMP"))

    assert isinstance(found, NotMade)


async def test_a_conversion_that_takes_too_long_is_ended(blobs: Blobs) -> None:
    hasty = Pictures(blobs, deadline_s=0.001)

    found = await made(hasty, STILLS["WebP"][0])

    assert found == NotMade("it takes longer than 0 s", passing=True)


async def test_who_waits_too_long_for_others_is_told_so(blobs: Blobs) -> None:
    hasty = Pictures(blobs, deadline_s=0.001)
    for _ in range(AT_ONCE):
        await hasty.room.acquire_on_behalf_of(object())

    found = await made(hasty, STILLS["WebP"][0])

    assert found == NotMade("too many others are being converted", passing=True)


async def test_that_no_process_can_be_started_is_no_crash(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    found = await made(pictures, STILLS["WebP"][0])

    assert isinstance(found, NotMade)
    assert found.passing
    assert "no process could be started" in found.why


async def test_bytes_that_are_gone_are_no_crash(pictures: Pictures) -> None:
    found = await pictures.make(Blob("0" * 64, 10), RECIPE)

    assert isinstance(found, NotMade)
