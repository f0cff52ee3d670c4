"""What is attached to a message: media, shares of posts and products, places, stickers.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from attrs import evolve, frozen

from omni_actors.adapters.meta.said import Said, is_web
from omni_actors.adapters.meta.templates import read_template
from omni_actors.adapters.reading import mapping, number, text
from omni_actors.model.content import (
    Action,
    Card,
    FormResponse,
    Location,
    Media,
    MediaKind,
    Text,
    UnsupportedContent,
)
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import MediaRef

STORY_S: Final = 24 * 3600.0
# What the platform keeps itself lies there; other addresses of shares are pages of the web.
MEDIA_HOSTS: Final = ("fbcdn.net", "fbsbx.com", "cdninstagram.com")
MEDIA_PATH: Final = "/ig_messaging_cdn/"
HEART: Final = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
# What names a shared thing, beside its address.
IDS: Final = ("id", "ig_post_media_id", "reel_video_id", "sticker_id")
PREVIEW: Final = "fallback"  # what the platform shows below words that hold a link
LINKS: Final = (PREVIEW, "share", "post", "ig_post", "reel", "ig_reel")
MOVING: Final = ("reel", "ig_reel")


@frozen
class Place:
    """Where an attachment stood: its message, which one it is, and when that came."""

    mid: str
    nth: int
    at: float


def read_attachments(
    attached: Sequence[Json], mid: str, at: float, audio: MediaKind
) -> tuple[Said, ...]:
    """What each attachment says; of a sticker that is told as a picture too, only the sticker."""
    stickers = {_sticker_id(each) for each in attached if _type(each) == "sticker"}
    said = [
        _read(mapping(each), Place(mid, nth, at), audio)
        for nth, each in enumerate(attached)
        if not (_type(each) == "image" and _sticker_id(each) in stickers - {None})
    ]
    return tuple(said)


def _type(attachment: Json) -> str | None:
    return text(mapping(attachment).get("type"))


def _sticker_id(attachment: Json) -> str | None:
    return text(mapping(mapping(attachment).get("payload")).get("sticker_id"))


def _read(attachment: JsonObject, place: Place, audio: MediaKind) -> Said:
    kind, payload = text(attachment.get("type")) or "unknown", mapping(attachment.get("payload"))
    if kind == "audio":
        return _medium(audio, kind, payload, place)
    if shown := MEDIA.get(kind):
        shown = MediaKind.STICKER if payload.get("sticker_id") else shown
        return _medium(shown, kind, payload, place)
    if kind in LINKS:
        beside = {key: attachment.get(key) for key in ("url", "title") if attachment.get(key)}
        return _share(kind, {**beside, **payload}, place)
    read = READERS.get(kind)
    if read is not None:
        return read(payload)
    why = "a kind of attachment that we do not know"
    return _unread(kind, why if payload else "the platform tells nothing of it but its kind")


def _unread(kind: str, reason: str) -> Said:
    return Said(UnsupportedContent(kind, reason), notes={"type": kind})


def _medium(shown: MediaKind, kind: str, payload: JsonObject, place: Place) -> Said:
    """A medium to fetch; one of a story is not kept for longer than the story.

    https://developers.facebook.com/docs/instagram-platform/webhooks/examples
    """
    url = text(payload.get("url"))
    if url is None or not is_web(url):
        return _unread(kind, "the platform gives no address of it")
    named = filename(url) if shown is MediaKind.DOCUMENT else None
    notes = _ids(payload)
    until = None
    if kind in STORIES:
        notes["type"], until = kind, place.at + STORY_S
    ref = evolve(_ref(url, place), filename=named, until=until)
    return Said(Media(shown, filename=named), (ref,), notes)


def _ref(url: str, place: Place) -> MediaRef:
    return MediaRef({"url": url, "mid": place.mid, "n": place.nth})


def _share(kind: str, payload: JsonObject, place: Place) -> Said:
    """Something of the platform or the web that was shared, as a card.

    What lies with the platform is fetched, since its address is good for a while only; any other
    address is a link, and one that is no address of the web is left to the notes.
    """
    url, title = text(payload.get("url")), text(payload.get("title"))
    notes: dict[str, Json] = {"type": kind, **_ids(payload)}
    if url is None and title is None:
        return _unread(kind, "the platform tells nothing of what was shared")
    if url is None or not is_web(url):
        return Said(Card(title or ""), notes={**notes, **({"path": url} if url else {})})
    if _is_kept_there(url):
        shown = MediaKind.VIDEO if kind in MOVING else MediaKind.IMAGE
        return Said(Card(title or "", media=Media(shown)), (_ref(url, place),), notes)
    return Said(Card(title or "", actions=(Action(title or url, url=url),)), notes=notes)


def _ids(payload: JsonObject) -> dict[str, Json]:
    return {key: found for key in IDS if (found := text(payload.get(key)))}


def _is_kept_there(url: str) -> bool:
    parts = urlsplit(url)
    return is_media_host(parts.hostname or "") or MEDIA_PATH in parts.path


def is_media_host(host: str) -> bool:
    """Whether the platform keeps media at a host.

    https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
    """
    return any(host == known or host.endswith("." + known) for known in MEDIA_HOSTS)


def filename(url: str) -> str | None:
    """The name of a file by the address where it lies; None where that names none."""
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    return last if "." in last.strip(".") else None


def _location(payload: JsonObject) -> Said:
    """Where somebody is, as older clients say it."""
    at = mapping(payload.get("coordinates"))
    latitude, longitude = number(at.get("lat")), number(at.get("long"))
    if latitude is None or longitude is None:
        return _unread("location", "the place has no coordinates")
    name, url = text(payload.get("title")), text(payload.get("url"))
    return Said(Location(latitude, longitude, name, url=url if url and is_web(url) else None))


def _appointment(payload: JsonObject) -> Said:
    return Said(FormResponse("appointment_booking", dict(payload), text(payload.get("status"))))


def _heart(_payload: JsonObject) -> Said:
    return Said(Text(HEART), notes={"type": "like_heart"})


Reader: TypeAlias = Callable[[JsonObject], Said]
STORIES: Final = ("story_mention", "story", "ig_story")
MEDIA: Final = {
    "image": MediaKind.IMAGE,
    "video": MediaKind.VIDEO,
    "file": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
    "media": MediaKind.IMAGE,
    **dict.fromkeys(STORIES, MediaKind.IMAGE),
}
READERS: Final[dict[str, Reader]] = {
    "appointment_booking": _appointment,
    "like_heart": _heart,
    "location": _location,
    "template": read_template,
}
