"""Portraits at identities: who is to be asked about, what is kept, what is told of it."""

from typing import Any

from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.portrait import Portrait
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.model.states import MediaState
from omni_actors.store.portraits import KeepPortrait, Sitter, SitterOf
from omni_actors.store.queries import ContactList, MediumById
from omni_actors.store.rows import ANY_TENANT, Contact, Medium
from omni_actors.store.verbs import Retention, Sweep
from tests.store.conftest import Desk

CARA = (IdentityKey("igsid", "555", "990"),)
PLACE: dict[str, Any] = {"platform": "instagram", "channel_key": "990"}
REF = MediaRef({"url": "https://cdn.example/p.jpg?x=1", "path": "/p.jpg"})
PICTURE = Medium(
    "med_1", "default", MediaState.READY, "ig", None, REF, "b" * 64, "image/jpeg", 9, None, None,
    1, None, 1_010.0,
)  # fmt: skip
SHOWN = Portrait("Cara Moon", "cara.moon", REF)


async def sitter(desk: Desk) -> tuple[str, Sitter]:
    leg_id = await desk.leg(who=CARA, **PLACE)
    found = desk.ask(SitterOf(leg_id, 1_000.0))
    assert isinstance(found, Sitter)
    return leg_id, found


async def keep(desk: Desk, who: Sitter, at: float = 1_010.0, **more: Any) -> None:
    told = {"portrait": SHOWN, **more}
    await desk.do(KeepPortrait(who.identity_id, "ig", at, **told))


def contact(desk: Desk) -> Contact:
    [found] = desk.ask(ContactList(ANY_TENANT, "", 10, CARA[0])).rows
    assert isinstance(found, Contact)
    return found


def told(desk: Desk) -> list[Any]:
    return [e for e in desk.events() if e.type is EventType.IDENTITY_PORTRAIT]


async def test_a_portrait_is_kept_at_the_identity_and_names_the_contact(desk: Desk) -> None:
    leg_id, who = await sitter(desk)

    await keep(desk, who, picture=PICTURE)

    [identity] = contact(desk).identities
    assert (identity.name, identity.username, identity.picture) == (*astuple(SHOWN), "med_1")
    assert contact(desk).name == "Cara Moon"
    assert desk.ask(MediumById("default", "med_1")) == PICTURE
    [event] = told(desk)
    assert (event.leg_id, event.detail["name"], event.detail["picture"]) == (
        leg_id,
        "Cara Moon",
        "med_1",
    )


def astuple(portrait: Portrait) -> tuple[str | None, str | None]:
    return portrait.name, portrait.username


async def test_nobody_is_asked_about_again_until_it_was_long_ago(desk: Desk) -> None:
    leg_id, who = await sitter(desk)
    await keep(desk, who, picture=PICTURE)

    soon, late = desk.ask(SitterOf(leg_id, 1_009.0)), desk.ask(SitterOf(leg_id, 1_010.0))

    assert soon is None
    assert late == evolve(who, shown=REF)


async def test_the_same_portrait_is_no_news(desk: Desk) -> None:
    _, who = await sitter(desk)
    await keep(desk, who, picture=PICTURE)

    await keep(desk, who, at=2_000.0)

    assert len(told(desk)) == 1
    assert contact(desk).identities[0].portrait_at == 2_000.0


async def test_a_new_name_and_picture_take_the_place_of_the_old(desk: Desk) -> None:
    _, who = await sitter(desk)
    await keep(desk, who, picture=PICTURE)

    newer = evolve(PICTURE, id="med_2")
    await keep(desk, who, portrait=evolve(SHOWN, name="Cara Sun"), picture=newer)

    [identity] = contact(desk).identities
    assert (identity.name, identity.picture, contact(desk).name) == (
        "Cara Sun",
        "med_2",
        "Cara Sun",
    )


async def test_why_nothing_is_shown_is_kept_and_what_was_known_stays(desk: Desk) -> None:
    _, who = await sitter(desk)
    await keep(desk, who, picture=PICTURE)

    await keep(desk, who, portrait=Portrait(), problem="consent is missing")

    [identity] = contact(desk).identities
    assert (identity.name, identity.portrait_problem) == ("Cara Moon", "consent is missing")
    assert len(told(desk)) == 1


async def test_a_picture_that_is_swept_away_is_asked_for_again(desk: Desk) -> None:
    leg_id, who = await sitter(desk)
    await keep(desk, who, picture=PICTURE)

    await desk.do(Sweep(5_000.0, evolve(Retention(), media_s=10.0)))

    assert contact(desk).identities[0].picture is None
    assert desk.ask(SitterOf(leg_id, 5_000.0)) == who


async def test_somebody_who_is_gone_leaves_nothing_behind(desk: Desk) -> None:
    await desk.do(KeepPortrait("idn_gone", "ig", 1_010.0, SHOWN, PICTURE))

    assert desk.ask(MediumById("default", "med_1")) is None
    assert not told(desk)
