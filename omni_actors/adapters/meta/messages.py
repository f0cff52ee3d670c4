"""What a message says: its words, the option that was tapped, and what is attached.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
"""

import re
from collections.abc import Sequence
from typing import Final

from attrs import evolve

from omni_actors.adapters.meta.attachments import PREVIEW, read_attachments
from omni_actors.adapters.meta.said import Said
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.content import (
    Card,
    Carousel,
    ChoiceResponse,
    ContactCard,
    Contacts,
    Content,
    EmailAddress,
    Media,
    MediaKind,
    Phone,
    Text,
    UnsupportedContent,
    Via,
)
from omni_actors.model.json import Json, JsonObject

_PHONE = re.compile(r"\+[0-9][0-9 ()-]{5,24}")
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
# What is kept beside the content as it is.
NOTED: Final = ("commands", "nlp", "is_self")


def read_content(message: JsonObject, mid: str, at: float, audio: MediaKind) -> Said:
    """Read a message that came at a time; whatever it is, it says something."""
    said = _said(message, mid, at, audio)
    notes = {**said.notes, **{key: message[key] for key in NOTED if message.get(key)}}
    if story := mapping(mapping(message.get("reply_to")).get("story")):
        notes["story"] = {key: told for key, told in story.items() if key != "url"}
    return evolve(said, notes=notes)


def _said(message: JsonObject, mid: str, at: float, audio: MediaKind) -> Said:
    if message.get("is_unsupported") is True:
        why = "the platform does not hand over a message of this kind"
        return Said(UnsupportedContent("unsupported", why))
    words = text(message.get("text"))
    if payload := text(mapping(message.get("quick_reply")).get("payload")):
        return _picked(payload, words)
    if attached := sequence(message.get("attachments")):
        return _together(words, read_attachments(attached, mid, at, audio))
    if words is not None:
        return Said(Text(words))
    return Said(UnsupportedContent("empty", "the message has neither text nor attachments"))


def _picked(payload: str, words: str | None) -> Said:
    """A tapped quick reply; one that hands over a phone number or an address says just that."""
    if payload == words and _PHONE.fullmatch(words):
        return _handed_over(ContactCard("", phones=(Phone(words),)))
    if payload == words and _MAIL.fullmatch(words):
        return _handed_over(ContactCard("", emails=(EmailAddress(words),)))
    return Said(ChoiceResponse(payload, Via.NATIVE, words))


def _handed_over(card: ContactCard) -> Said:
    return Said(Contacts((card,)), notes={"origin": "contact_request"})


def _together(words: str | None, attached: Sequence[Said]) -> Said:
    """Words and all that is attached to them, as one content."""
    shown = [said for said in attached if isinstance(said.content, Media | Card)]
    if len(shown) > 1:
        cards = tuple([_card(said.content) for said in shown])
        media = tuple([ref for said in shown for ref in said.media])
        rest = [said for said in attached if said not in shown]
        return Said(Carousel(cards, words), media, _noted([*shown, *rest]))
    first = shown[0] if shown else attached[0]
    notes = _noted([first, *[said for said in attached if said is not first]])
    if words is not None and first.notes.get("type") == PREVIEW:
        return Said(Text(words), notes={**notes, **_preview(first.content)})
    return Said(_with_words(first.content, words), first.media, notes)


def _preview(shown: Content) -> dict[str, Json]:
    """What the platform shows below words that hold a link."""
    if not isinstance(shown, Card):
        return {}
    told = (("title", shown.title), ("url", shown.actions[0].url if shown.actions else None))
    return {key: found for key, found in told if found}


def _with_words(content: Content, words: str | None) -> Content:
    match content:
        case _ if words is None:
            return content
        case Media():
            return evolve(content, caption=words)
        case Card():
            return evolve(content, text="\n".join(filter(None, [words, content.text])))
        case _:
            return Text(words)


def _card(content: Content) -> Card:
    if isinstance(content, Card):
        return content
    assert isinstance(content, Media)
    return Card("", media=content)


def _noted(attached: Sequence[Said]) -> JsonObject:
    """The notes of each attachment, as one where there is only one."""
    notes: list[Json] = [said.notes for said in attached if said.notes]
    if len(attached) == 1:
        return attached[0].notes
    return {"attachments": notes} if notes else {}
