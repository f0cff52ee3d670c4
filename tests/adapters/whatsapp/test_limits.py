"""What WhatsApp is said to carry."""

from pathlib import Path

import pytest

from omni_actors.adapters.whatsapp.limits import CAPABILITIES
from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import (
    CONTENT_TYPES,
    INBOUND_ONLY,
    PART_ONLY,
    Media,
    MediaKind,
    Post,
    Products,
    Request,
    RequestKind,
)
from omni_actors.policy.shaping import MediumFacts, Unshapable, shape

LEVELS = list(Level)
FORMS = [(key, form) for key, forms in CAPABILITIES.forms.items() for form in forms]


def test_every_content_that_can_be_sent_has_a_form() -> None:
    parted = (Media, Request, Products)
    left_out = (*INBOUND_ONLY, *PART_ONLY, *parted, Post)
    names = {name for kind, name in CONTENT_TYPES.items() if kind not in left_out}
    media = {f"media.{kind}" for kind in MediaKind}
    requests = {f"request.{kind}" for kind in RequestKind}
    products = {f"products.{layout}" for layout in ("list", "carousel", "catalog")}

    assert set(CAPABILITIES.forms) == names | media | requests | products


@pytest.mark.parametrize("key", CAPABILITIES.forms)
def test_forms_stand_in_the_order_of_what_they_lose(key: str) -> None:
    levels = [LEVELS.index(form.level) for form in CAPABILITIES.forms_of(key)]

    assert levels == sorted(levels)


@pytest.mark.parametrize(("key", "form"), FORMS, ids=[f"{key}-{form.name}" for key, form in FORMS])
def test_every_form_names_its_page_and_why_it_loses_something(key: str, form: Form) -> None:
    assert form.limits.source.startswith("https://developers.facebook.com/")
    assert form.limits.unit == "utf16"
    assert bool(form.why) == (form.level is not Level.NATIVE)


BOUNDS = {
    ("text", "text"): {"text_max": 4096},
    ("choices", "buttons"): {
        "text_max": 1024,
        "options_max": 3,
        "option_title_max": 20,
        "option_description_max": 0,
        "option_id_max": 256,
        "header_max": 60,
        "header_media": ("image", "video", "document"),
        "footer_max": 60,
        "section_max": 0,
    },
    ("choices", "list"): {
        "text_max": 1024,
        "options_max": 10,
        "option_title_max": 24,
        "option_description_max": 72,
        "option_id_max": 200,
        "button_max": 20,
        "header_max": 60,
        "header_media": (),
        "footer_max": 60,
        "section_max": 24,
    },
    ("card", "cta_url"): {
        "text_max": 1024,
        "header_max": 60,
        "footer_max": 60,
        "links_max": 1,
        "option_title_max": 20,
    },
    ("carousel", "link_carousel"): {
        "text_max": 1024,
        "items_min": 2,
        "items_max": 10,
        "item_text_max": 160,
        "item_lines_max": 3,
        "header_media": ("image", "video"),
        "media_required": True,
        "option_title_max": 20,
    },
    ("carousel", "reply_carousel"): {"option_id_max": 20, "alike": True, "links_max": 0},
    ("request.location", "location_request"): {"text_max": 1024},
    ("request.address", "address"): {"text_max": 1024, "countries": ("IN",)},
    ("form", "flow"): {"text_max": 1024, "button_max": 20, "plain_button": True},
    ("call_invite", "voice_call"): {"button_max": 20, "minutes_max": 43_200},
    ("products.list", "product_list"): {
        "header_min": 1,
        "header_max": 60,
        "sections_max": 10,
        "items_max": 30,
    },
    ("products.list", "product"): {"header_max": 0, "items_max": 1},
    ("products.carousel", "product_carousel"): {"items_min": 2, "items_max": 10},
    ("template", "template"): {"code_max": 20, "options_max": 10, "items_max": 10},
    ("choices", "numbered_text"): {"text_max": 4096},
    ("media.image", "image"): {"caption_max": 1024, "bytes_max": 5_000_000},
    ("media.video", "video"): {"caption_max": 1024, "bytes_max": 16_000_000},
    ("media.voice", "voice"): {"caption_max": 0, "mimes": ("audio/ogg",)},
    ("media.document", "document"): {"caption_max": 1024, "bytes_max": 100_000_000},
    ("contacts", "contacts"): {"items_max": 5},
}


@pytest.mark.parametrize(("place", "bounds"), BOUNDS.items())
def test_the_bounds_are_those_of_the_page(
    place: tuple[str, str], bounds: dict[str, object]
) -> None:
    key, name = place
    form = next(form for form in CAPABILITIES.forms_of(key) if form.name == name)

    assert {bound: getattr(form.limits, bound) for bound in bounds} == bounds


def test_what_the_whole_channel_can_do_is_declared() -> None:
    assert (CAPABILITIES.window_s, CAPABILITIES.dialect.name) == (86_400.0, "whatsapp")
    assert CAPABILITIES.free_in_closed_window == ("template",)
    assert CAPABILITIES.reply_to
    assert CAPABILITIES.mark_read
    assert CAPABILITIES.typing


def test_every_form_is_explained_to_its_users() -> None:
    page = (Path(__file__).parents[3] / "docs" / "whatsapp.md").read_text("utf-8")

    assert {form.name for _key, form in FORMS if f"`{form.name}`" not in page} == {"template"}


def shaped(kind: MediaKind, facts: MediumFacts, url: str | None = None) -> tuple[str, str]:
    """The form that a medium takes, and why not a better one."""
    content = Media(kind, media_id="med_1", url=url)
    done = shape(content, (), CAPABILITIES, {"med_1": facts})
    return done.parts[0].form, "; ".join(note.why for note in done.notes)


FITS: dict[str, tuple[MediaKind, MediumFacts, str, str]] = {
    "a photograph": (MediaKind.IMAGE, MediumFacts("image/jpeg", 5_000_000), "image", ""),
    "a large one": (MediaKind.IMAGE, MediumFacts("image/jpeg", 5_000_001), "document", "bytes"),
    "a webp": (MediaKind.IMAGE, MediumFacts("image/webp", 9), "document", "image/webp is not"),
    "a deep picture": (
        MediaKind.IMAGE,
        MediumFacts("image/png", 9, depth=16),
        "document",
        "16 bits",
    ),
    "a small sticker": (MediaKind.STICKER, MediumFacts("image/webp", 100_000), "sticker", ""),
    "a large sticker": (MediaKind.STICKER, MediumFacts("image/webp", 100_001), "document", "bytes"),
    "one that moves": (
        MediaKind.STICKER,
        MediumFacts("image/webp", 500_000, animated=True),
        "sticker",
        "",
    ),
    "a large one that moves": (
        MediaKind.STICKER,
        MediumFacts("image/webp", 500_001, animated=True),
        "document",
        "500000 allowed",
    ),
    "a voice note": (
        MediaKind.VOICE,
        MediumFacts("audio/ogg; codecs=opus", 9, codec="opus", channels=1),
        "voice",
        "",
    ),
    "a long voice note": (
        MediaKind.VOICE,
        MediumFacts("audio/ogg", 512_001, codec="opus", channels=1),
        "audio",
        "512000 allowed",
    ),
    "a voice note in mp3": (MediaKind.VOICE, MediumFacts("audio/mpeg", 9), "audio", "audio/mpeg"),
    "a voice note in stereo": (
        MediaKind.VOICE,
        MediumFacts("audio/ogg", 9, codec="opus", channels=2),
        "document",
        "2 channels of sound",
    ),
    "vorbis": (
        MediaKind.AUDIO,
        MediumFacts("audio/ogg", 9, codec="vorbis"),
        "document",
        "the codec vorbis",
    ),
    "a film": (MediaKind.VIDEO, MediumFacts("video/mp4", 16_000_000), "video", ""),
    "a long film": (MediaKind.VIDEO, MediumFacts("video/mp4", 16_000_001), "document", "allowed"),
    "a file": (MediaKind.DOCUMENT, MediumFacts("application/zip", 100_000_000), "document", ""),
}


@pytest.mark.parametrize(("kind", "facts", "form", "why"), FITS.values(), ids=FITS.keys())
def test_a_medium_takes_the_form_that_its_bytes_fit(
    kind: MediaKind, facts: MediumFacts, form: str, why: str
) -> None:
    got, told = shaped(kind, facts)

    assert got == form
    assert why in told
    assert bool(told) == (form != kind.value)


def test_what_no_form_takes_is_refused_or_sent_as_its_link() -> None:
    huge = MediumFacts("application/zip", 100_000_001)

    assert shaped(MediaKind.DOCUMENT, huge, "https://a.example/z.zip")[0] == "text"
    with pytest.raises(Unshapable, match="100000001 bytes, 100000000 allowed"):
        shaped(MediaKind.DOCUMENT, huge)
