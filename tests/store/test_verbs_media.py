"""What was made of media: remembered, forgotten with what it was made of."""

from attrs import evolve

from omni_actors.model.reports import Deleted
from omni_actors.model.states import MediaState
from omni_actors.store.media_verbs import AddMedium, KeepDerivative
from omni_actors.store.queries import DerivativeOf, MediumById
from omni_actors.store.rows import Derivative, Medium
from omni_actors.store.verbs import Item, Retention, Sweep
from tests.store.conftest import ADA, Desk

DAY_S = 86_400.0
SOURCE = Medium(
    "med_1", "default", MediaState.READY, None, None, None, "b1", "image/webp", 7, "a.webp", None,
    0, None, 1_000.0,
)  # fmt: skip
MADE = evolve(SOURCE, id="med_2", blob="b2", mime="image/jpeg", filename="a.jpg")
RECIPE = "image/jpeg 500"


async def test_what_was_made_of_a_medium_is_found_again(desk: Desk) -> None:
    await desk.do(AddMedium(SOURCE))
    assert desk.ask(DerivativeOf("med_1", RECIPE)) is None

    await desk.do(KeepDerivative("med_1", RECIPE, MADE))

    assert desk.ask(DerivativeOf("med_1", RECIPE)) == Derivative(MADE, None)
    assert desk.ask(DerivativeOf("med_1", "image/png 500")) is None
    assert desk.ask(MediumById("default", "med_2")) == MADE


async def test_why_nothing_could_be_made_is_remembered_until_something_is(desk: Desk) -> None:
    await desk.do(AddMedium(SOURCE))

    await desk.do(KeepDerivative("med_1", RECIPE, None, "it moves"))
    assert desk.ask(DerivativeOf("med_1", RECIPE)) == Derivative(None, "it moves")

    await desk.do(KeepDerivative("med_1", RECIPE, MADE))
    assert desk.ask(DerivativeOf("med_1", RECIPE)) == Derivative(MADE, None)


async def test_it_is_forgotten_with_what_it_was_made_of(desk: Desk) -> None:
    await desk.do(AddMedium(SOURCE))
    await desk.do(KeepDerivative("med_1", RECIPE, evolve(MADE, created_at=1_000.0 + 20 * DAY_S)))

    await desk.do(Sweep(1_001.0 + Retention().media_s, Retention()))

    assert desk.ask(MediumById("default", "med_1")) is None
    assert desk.ask(DerivativeOf("med_1", RECIPE)) is None


async def test_what_was_made_of_a_picture_that_is_taken_back_is_gone_too(desk: Desk) -> None:
    await desk.receive("wamid.1")
    message_id = desk.known("wamid.1").id
    await desk.do(AddMedium(evolve(SOURCE, message_id=message_id)))
    await desk.do(KeepDerivative("med_1", RECIPE, evolve(MADE, message_id=message_id)))

    await desk.accept(Item("whatsapp", Deleted("770", "gone", 1_002.0, ADA, "wamid.1")))

    found = desk.ask(MediumById("default", "med_2"))
    assert (found.state, found.blob) == (MediaState.FAILED, None)
    assert desk.ask(DerivativeOf("med_1", RECIPE)) is None
