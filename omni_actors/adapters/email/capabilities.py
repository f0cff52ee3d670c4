"""What a mail can carry, as data: nearly everything, in one part with all its files."""

from typing import Final

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

FILES_BYTES_MAX: Final = 18_000_000
"""Of all files of a mail together: what becomes 25 MB once it is encoded."""
# Where nobody is sure of an answer: the mail may have been taken, and no report comes of that.
UNKNOWN_WAIT_S: Final = 300.0

MEDIUM: Final = Limits(bytes_max=FILES_BYTES_MAX)


def _native(name: str, limits: Limits | None = None) -> tuple[Form, ...]:
    return (Form(name, Level.NATIVE, limits or Limits()),)


def _medium(name: str) -> tuple[Form, ...]:
    too_large = "a mail takes no file as large as this"
    return (
        Form(name, Level.NATIVE, MEDIUM),
        Form("link", Level.FLATTENED, Limits(), too_large),
    )


def _lines(name: str, why: str) -> tuple[Form, ...]:
    return (Form(name, Level.CONVERTED, Limits(), why),)


def _in_words() -> tuple[Form, ...]:
    return (Form("text", Level.FLATTENED, Limits(), "the customer answers in words"),)


CAPABILITIES: Final = Capabilities(
    forms={
        "text": _native("text"),
        "media.image": _medium("image"),
        "media.audio": _medium("audio"),
        "media.voice": _medium("voice"),
        "media.video": _medium("video"),
        "media.document": _medium("document"),
        "media.sticker": _medium("sticker"),
        "choices": _native("choices"),
        "card": _native("card"),
        "carousel": _native("carousel"),
        "template": _native("template"),
        "email": _native("email"),
        "location": _lines("location", "a mail shows a place as a link to a map"),
        "contacts": _lines("contacts", "a mail shows contact cards as text"),
        "receipt": _lines("receipt", "a mail shows a receipt as text"),
        "coupon": _lines("coupon", "a mail shows a coupon as text"),
        "feedback": _lines("feedback", "a mail asks in words"),
        "request.location": _in_words(),
        "request.contact": _in_words(),
        "request.address": _in_words(),
        "request.email": _in_words(),
    },
    window_s=None,
    free_in_closed_window=(),
    reply_to=True,
    unknown_wait_s=UNKNOWN_WAIT_S,
    letters=True,
)
