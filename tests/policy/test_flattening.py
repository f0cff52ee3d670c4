"""Rich content as text, and lines that stay whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.model.content import (
    Action,
    Card,
    ContactCard,
    EmailAddress,
    Location,
    Option,
    Organisation,
    Phone,
    Postal,
    Web,
)
from omni_actors.policy.flattening import card, contact, location, packed, question
from omni_actors.policy.splitting import Split, Unit, length

LINES = st.lists(st.text("abc. é👍\u0301", min_size=1, max_size=30), min_size=1, max_size=20)
UNITS: st.SearchStrategy[Unit] = st.sampled_from(["utf16", "utf8", "code_points", "graphemes"])


@settings(max_examples=40)
@given(LINES, st.integers(4, 60), UNITS)
def test_pieces_fit_and_hold_everything_in_order(lines: list[str], limit: int, unit: Unit) -> None:
    pieces = packed(lines, limit, unit).pieces

    assert all(length(piece, unit) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join("".join(lines).split())


@pytest.mark.slow
@settings(max_examples=40)
@given(LINES, st.integers(4, 200), UNITS)
def test_a_line_that_fits_into_a_piece_is_whole_in_one(
    lines: list[str], limit: int, unit: Unit
) -> None:
    pieces = packed(lines, limit, unit).pieces

    for line in lines:
        if length(line, unit) <= limit:
            assert any(line.rstrip() in piece for piece in pieces)


def test_without_a_limit_there_is_one_piece() -> None:
    assert packed(["a", "b"], None, "utf8") == Split(("a\nb",))


def test_a_line_that_is_too_long_begins_a_piece_of_its_own() -> None:
    pieces = packed(["ab", "cccc cccc cccc", "d"], 10, "code_points").pieces

    assert pieces == ("ab", "cccc cccc", "cccc\nd")


def test_a_question_stands_above_its_options() -> None:
    asked = question("Which day? ", (Option("a", "Monday"), Option("b", "Tuesday", "mornings")))

    assert "\n".join(asked) == "Which day?\n\n1. Monday\n2. Tuesday – mornings"


def test_nothing_of_a_contact_card_is_left_out() -> None:
    ada = ContactCard(
        "Ada Lovelace",
        phones=(Phone("+44 20 7946 0000", "WORK"), Phone("+44 7700 900456")),
        emails=(EmailAddress("ada@example.org", "HOME"),),
        urls=(Web("https://ada.example"),),
        addresses=(Postal("1 Elm St", "London", "LDN", "N1", None, "GB", "HOME"), Postal()),
        org=Organisation("Engines", "Analysis", "Countess"),
        birthday="1815-12-10",
    )

    assert contact(ada).splitlines() == [
        "Ada Lovelace",
        "+44 20 7946 0000 (work)",
        "+44 7700 900456",
        "ada@example.org (home)",
        "https://ada.example",
        "1 Elm St, N1 London, LDN, GB (home)",
        "Countess, Analysis, Engines",
        "1815-12-10",
    ]


def test_a_place_with_a_link_of_its_own_keeps_it() -> None:
    place = Location(51.5, -0.1, "Shop", "South Bank", "https://shop.example")

    assert location(place) == "Shop\nSouth Bank\nhttps://shop.example"


def test_the_actions_of_a_card_keep_their_order() -> None:
    actions = (Action("Buy", id="a"), Action("Site", url="https://x.example"), Action("No", id="b"))

    assert card(Card("Fern", actions=actions), iter("12")) == [
        "Fern",
        "1. Buy",
        "Site: https://x.example",
        "2. No",
    ]
