"""Media that a template shows as examples: found in its components, handed over, named by handle.

A caller names a medium of the gateway where the platform wants the handle of an upload:
`"example": {"media_id": "med_…"}` in a header, also on the cards of a carousel.
https://developers.facebook.com/docs/graph-api/guides/upload
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from omni_actors.adapters.contract import Medium
from omni_actors.adapters.meta.graph import unreadable
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.media import transfer_s
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.spelling import refuse
from omni_actors.model.failure import Reason
from omni_actors.model.json import Json, JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, Upload, http

# The format of a header and the types that its sample may have.
TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "IMAGE": ("image/jpeg", "image/png"),
    "VIDEO": ("video/mp4",),
    "DOCUMENT": ("application/pdf",),
}
NEEDS_APP: Final = (
    "the channel has no app_id, and examples are uploaded to the app; set it to the id of the app "
    "that the token is of"
)

_SESSION: Final = re.compile(r"upload:[\x21-\x7e]{1,1024}")


def media_of(components: Sequence[JsonObject]) -> tuple[str, ...]:
    """The gateway's media that these components show as examples, each once."""
    return tuple(dict.fromkeys(_sample(component) for component in _showing(components)))


def _showing(value: Json) -> Iterator[JsonObject]:
    """The components, at any depth, that name a medium of the gateway."""
    if isinstance(value, Mapping):
        if _sample(value):
            yield value
        for inner in value.values():
            yield from _showing(inner)
    for item in sequence(value):
        yield from _showing(item)


def _sample(component: JsonObject) -> str:
    return text(mapping(component.get("example")).get("media_id")) or ""


def with_handles(
    components: Sequence[JsonObject], media: Mapping[str, Medium], settings: WhatsAppSettings
) -> Flow[tuple[JsonObject, ...]]:
    """The components with the platform's handles in place of our media. Raises SendFailure."""
    for component in _showing(components):
        _check(component, media[_sample(component)])
    handles: dict[str, str] = {}
    for media_id in media_of(components):
        handles[media_id] = yield from _handed_over(media[media_id], settings)
    return tuple([mapping(_exchanged(each, handles)) for each in components])


def _exchanged(value: Json, handles: Mapping[str, str]) -> Json:
    if isinstance(value, list | tuple):
        return [_exchanged(item, handles) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _exchanged(item, handles) for key, item in value.items()}
    if media_id := _sample(value):
        example = mapping(value.get("example"))
        rest = {key: item for key, item in example.items() if key != "media_id"}
        inner["example"] = {**rest, "header_handle": [handles[media_id]]}
    return inner


def _check(component: JsonObject, medium: Medium) -> None:
    """Raises SendFailure for an example that its header cannot show."""
    format_ = str(component.get("format", "")).upper()
    fitting = TYPES.get(format_, ())
    if fitting and medium.mime not in fitting:
        named = " or ".join(fitting)
        why = f"{medium.media_id} is {medium.mime}; a header {format_} needs {named} as its example"
        raise refuse(Reason.MEDIA_UNSUPPORTED, why)


def _handed_over(medium: Medium, settings: WhatsAppSettings) -> Flow[str]:
    """Upload one medium to the app. Raises SendFailure."""
    if settings.app_id is None:
        raise refuse(Reason.CHANNEL_MISCONFIGURED, NEEDS_APP)
    if medium.mime not in [mime for mimes in TYPES.values() for mime in mimes]:
        why = f"{medium.media_id} is {medium.mime}; an example is a JPEG, PNG, MP4 or PDF"
        raise refuse(Reason.MEDIA_UNSUPPORTED, why)
    begin = HttpCall(
        "POST",
        settings.url(settings.app_id, "uploads"),
        settings.auth,
        query={
            "file_name": medium.filename or "example",
            "file_length": str(medium.size),
            "file_type": medium.mime,
        },
        idempotent=True,
    )
    session = text(answer((yield from http(begin)), repeatable=True).get("id"))
    if session is None or not _SESSION.fullmatch(session):
        raise unreadable("the upload of the example was begun without an id")
    reply = yield from http(
        HttpCall(
            "POST",
            settings.url(session),
            Auth.OAUTH,
            headers={"file_offset": "0"},
            upload=Upload("", medium.blob, medium.filename or "example", medium.mime, medium.size),
            deadline_s=transfer_s(medium.size),
            idempotent=True,
        )
    )
    handle = text(answer(reply, repeatable=True).get("h"))
    if handle is None:
        raise unreadable("the upload of the example was answered without a handle")
    return handle
