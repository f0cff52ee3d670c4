"""Makes one picture into another, in a process of its own: `picture_worker.py JOB`, JOB as JSON.

The new picture goes to standard output; one line of JSON on standard error says what it is, or why
there is none. It imports nothing of ours, so that it starts fast and holds little.
"""

import io
import json
import math
import resource
import sys
import warnings
from typing import Any

from PIL import Image, ImageCms, ImageOps

# What reads strangers' files is kept to few formats, each of which somebody sends.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
LOSSLESS = ("BMP", "GIF", "PNG", "TIFF")
# Several pictures in one file of which the first is the one: pages, or a photo with its depth map.
FIRST_COUNTS = ("MPO", "TIFF")
MIMES = {"PNG": "image/png", "JPEG": "image/jpeg"}
QUALITIES = (90, 82, 70)
SMALLER = 0.75
SIDE_MIN = 64
OPAQUE = 255
DEEP = ("I;16", "I;16B", "I;16L", "I")
WHITE = (255, 255, 255)
COLOURS_AT = slice(16, 20)  # in a colour profile


class NotMade(Exception):
    """Why there is no picture; for people."""


def bound(job: dict[str, Any]) -> None:
    """Let the system end this process before it holds or takes too much."""
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_max"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_s_max"],) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def opened(job: dict[str, Any]) -> Image.Image:
    """The picture, its head read only. Raises NotMade for what is too large or moves."""
    Image.MAX_IMAGE_PIXELS = job["pixels_max"]
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    picture = Image.open(job["path"], formats=FORMATS)
    width, height = picture.size
    if width * height > job["pixels_max"]:
        raise NotMade(f"{width} x {height} pixels are too many")
    if getattr(picture, "n_frames", 1) > 1 and picture.format not in FIRST_COUNTS:
        raise NotMade("it moves, and no still shows that")
    return picture


def darkest(band: Image.Image) -> float:
    """The least value in one band."""
    return min(_extrema(band))


def brightest(band: Image.Image) -> float:
    """The greatest value in one band."""
    return max(_extrema(band))


def _extrema(band: Image.Image) -> tuple[float, float]:
    least, greatest = band.getextrema()
    assert isinstance(least, int | float)
    assert isinstance(greatest, int | float)
    return least, greatest


def upright(picture: Image.Image) -> Image.Image:
    """The picture as it is seen, in 8 bits a colour: RGB or RGBA, which is all that some take."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in DEEP:
        scale = 1 / 256 if brightest(picture) > OPAQUE else 1
        picture = picture.point(lambda value: value * scale).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        return seen if darkest(seen.getchannel("A")) < OPAQUE else seen.convert("RGB")
    return picture if picture.mode == "RGB" else for_screens(picture)


def for_screens(picture: Image.Image) -> Image.Image:
    """The picture in RGB: by its own profile where that is of its colours, such as a printer's."""
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("CMYK", "L"):
        try:
            screen = ImageCms.createProfile("sRGB")
            return without_profile(
                ImageCms.profileToProfile(picture, io.BytesIO(profile), screen, outputMode="RGB")
            )
        except ImageCms.PyCMSError:  # the profile is broken, or of other colours
            pass
    return picture.convert("RGB")


def without_profile(picture: Image.Image | None) -> Image.Image:
    """The picture, whose colours are those that everybody takes for granted."""
    assert picture is not None
    picture.info.pop("icc_profile", None)
    return picture


def on_white(picture: Image.Image) -> Image.Image:
    """The picture without what can be seen through."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, WHITE)
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture; of what came with it only its colour profile is kept, where that is
    one of RGB."""
    sink = io.BytesIO()
    profile = picture.info.get("icc_profile")
    if profile and profile[COLOURS_AT] == b"RGB ":
        options["icc_profile"] = profile
    bare = picture.copy()
    bare.info = {}
    bare.save(sink, kind, **options)
    return sink.getvalue()


def made(picture: Image.Image, job: dict[str, Any], source: str) -> tuple[bytes, str]:
    """The first form of the picture that fits: whole, then in worse quality, then smaller."""
    may = {kind for kind, mime in MIMES.items() if mime in job["mimes"]}
    clear = picture.mode == "RGBA"
    if "PNG" in may and (clear or source in LOSSLESS or "JPEG" not in may):
        body = written(picture, "PNG", optimize=False)
        if len(body) <= job["bytes_max"]:
            return body, MIMES["PNG"]
    if "JPEG" not in may:
        raise NotMade(f"it does not fit into {job['bytes_max']} bytes")
    picture = on_white(picture)
    while True:
        for quality in QUALITIES:
            body = written(picture, "JPEG", quality=quality, progressive=True)
            if len(body) <= job["bytes_max"]:
                return body, MIMES["JPEG"]
        side = math.floor(max(picture.size) * SMALLER)
        if side < SIDE_MIN:
            raise NotMade(f"it does not fit into {job['bytes_max']} bytes")
        smaller = picture.copy()
        smaller.thumbnail((side, side))
        picture = smaller


def main() -> int:
    """Make one picture; the exit code is 0 or 1."""
    job = json.loads(sys.argv[1])
    bound(job)
    try:
        picture = opened(job)
        source = picture.format or ""
        body, mime = made(upright(picture), job, source)
    except NotMade as why:
        return told(problem=str(why))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
        return told(problem="it is too large to be opened")
    except Exception as why:  # noqa: BLE001 - a decoder may raise anything over a stranger's file
        return told(problem=f"it cannot be read ({type(why).__name__})")
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
    return told(mime=mime)


def told(**facts: str) -> int:
    """Say what came of it."""
    sys.stderr.write(json.dumps(facts) + "\n")
    return 1 if "problem" in facts else 0


if __name__ == "__main__":
    sys.exit(main())
