"""Which pictures are to become others, where content names them, and what is put in their place."""

from typing import Any

import pytest

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Content,
    FormRequest,
    Media,
    MediaKind,
    Option,
    Template,
    Text,
)
from omni_actors.policy.derivatives import (
    Recipe,
    exchanged,
    explained,
    pictures_of,
    recipe_for,
    wanted,
)
from omni_actors.policy.shaped import MediumFacts, Note
from omni_actors.policy.shaping import media_ids_of

KB = 1000
NATIVE = Form(
    "image",
    Level.NATIVE,
    Limits(mimes=("image/jpeg", "image/png"), bytes_max=500 * KB, depth_max=8, colours=("rgb",)),
)
CHANNEL = Capabilities({"media.image": (NATIVE,)})
RECIPE = Recipe(("image/jpeg", "image/png"), 500 * KB)
PICTURE = Media(MediaKind.IMAGE, "med_1")
CLIP = Media(MediaKind.VIDEO, "med_1")

FACTS: dict[str, tuple[MediumFacts, Recipe | None]] = {
    "a JPEG that fits": (MediumFacts("image/jpeg", 10 * KB), None),
    "a JPEG that is too large": (MediumFacts("image/jpeg", 600 * KB), RECIPE),
    "a PNG of 16 bits": (MediumFacts("image/png", 10 * KB, depth=16), RECIPE),
    "a JPEG of the print": (MediumFacts("image/jpeg", 10 * KB, colours="cmyk"), RECIPE),
    "a grey JPEG": (MediumFacts("image/jpeg", 10 * KB, colours="grey"), RECIPE),
    "a JPEG in RGB": (MediumFacts("image/jpeg", 10 * KB, colours="rgb"), None),
    "a WebP": (MediumFacts("image/webp", 10 * KB, animated=False), RECIPE),
    "a WebP with parameters": (MediumFacts("Image/WebP; q=1", 10 * KB), RECIPE),
    "a WebP that moves": (MediumFacts("image/webp", 10 * KB, animated=True), None),
    "a GIF that moves": (MediumFacts("image/gif", 10 * KB, animated=True), None),
    "a HEIC": (MediumFacts("image/heic", 10 * KB), None),
    "a PDF": (MediumFacts("application/pdf", 10 * KB), None),
    "a WebP without end": (MediumFacts("image/webp", 100_000 * KB), None),
}


@pytest.mark.parametrize(("facts", "recipe"), FACTS.values(), ids=FACTS.keys())
def test_what_can_be_made_to_fit_is(facts: MediumFacts, recipe: Recipe | None) -> None:
    assert recipe_for(NATIVE, facts) == recipe


def test_a_form_of_no_type_that_we_write_makes_nothing() -> None:
    sticker = Form("sticker", Level.NATIVE, Limits(mimes=("image/webp",)))

    assert recipe_for(sticker, MediumFacts("image/gif", 1)) is None


HEADER = {"media_id": "med_1", "kind": "image"}
NAMED: dict[str, tuple[Content, list[str]]] = {
    "a picture": (PICTURE, [""]),
    "a question below one": (Choices("?", (Option("a", "A"),), media=PICTURE), ["/media"]),
    "a form below one": (FormRequest("?", form_id="1", media=PICTURE), ["/media"]),
    "a card": (Card("T", media=PICTURE), ["/media"]),
    "a carousel": (
        Carousel((Card("T", media=PICTURE), Card("U"), Card("V", media=PICTURE))),
        ["/cards/0/media", "/cards/2/media"],
    ),
    "a template": (Template("t", "en", {"header": HEADER}), ["/params/header"]),
    "a template of cards": (
        Template("t", "en", {"carousel": [{"header": HEADER}, {"header": HEADER}]}),
        ["/params/carousel/0/header", "/params/carousel/1/header"],
    ),
    "a video": (CLIP, []),
    "a card with a video": (
        Card("T", actions=(Action("Go", url="https://x.example"),), media=CLIP),
        [],
    ),
    "a template with a video": (
        Template("t", "en", {"header": {"media_id": "med_1", "kind": "video"}}),
        [],
    ),
    "a text": (Text("hi"), []),
    "a link": (Media(MediaKind.IMAGE, url="https://x.example/a.webp"), []),
}


@pytest.mark.parametrize(("content", "places"), NAMED.values(), ids=NAMED.keys())
def test_pictures_are_found_and_exchanged_where_they_are_shown(
    content: Content, places: list[str]
) -> None:
    assert [path for path, _ in pictures_of(content, "")] == places

    other = exchanged(content, {"med_1": "med_2"})

    assert [media_id for _, media_id in pictures_of(other, "")] == ["med_2"] * len(places)
    assert type(other) is type(content)
    if not places:
        assert other == content
    else:
        assert media_ids_of(other) == ("med_2",)


def test_only_what_does_not_fit_is_wanted_and_why_is_said() -> None:
    facts = {"med_1": MediumFacts("image/webp", 10), "med_2": MediumFacts("image/png", 10)}
    beside = (Media(MediaKind.IMAGE, "med_2"), PICTURE)

    found = wanted(PICTURE, beside, CHANNEL, facts)

    assert [(one.path, one.media_id) for one in found] == [
        ("/content", "med_1"),
        ("/attachments/1", "med_1"),
    ]
    assert found[0].why == "image: image/webp is not taken, only image/jpeg, image/png"


@pytest.mark.parametrize("forms", [{}, {"media.image": (Form("image", Level.CONVERTED),)}])
def test_a_channel_that_shows_no_pictures_wants_none(forms: dict[str, Any]) -> None:
    facts = {"med_1": MediumFacts("image/webp", 10)}

    assert wanted(PICTURE, (), Capabilities(forms), facts) == ()


def test_the_report_says_why_a_picture_stayed_what_it_is() -> None:
    note = Note("/content", Level.CONVERTED, "document", "image: image/webp is not taken")
    other = Note("/content/caption", Level.CONVERTED, "text", "too long")

    told = explained((note, other), {"/content": "it moves"})

    assert told[0].why == "image: image/webp is not taken; it could not be converted: it moves"
    assert told[1] == other
