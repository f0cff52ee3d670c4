"""Links of options: each leads to its option, and none can be made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Content,
    Letter,
    Option,
    Text,
)
from omni_actors.model.ids import ALPHABET, PART, spell
from omni_actors.policy import choice_links
from omni_actors.policy.choice_links import LIFE_S, Named, named, options_in, token_of

KEY = b"k" * 32
PART_ID = spell(PART, 1_790_000_000_000, 7)


@given(st.integers(0, 1023), st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 80) - 1))
def test_a_token_names_what_it_was_made_for(n: int, at_ms: int, chance: int) -> None:
    part_id = spell(PART, at_ms, chance)

    token = token_of(KEY, part_id, n)

    assert named(KEY, token) == Named(part_id, n)
    assert named(b"other" * 8, token) is None


@given(st.data())
def test_a_changed_token_names_nothing(data: st.DataObject) -> None:
    token = token_of(KEY, PART_ID, 3)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != token[at]))

    assert named(KEY, token[:at] + other + token[at + 1 :]) is None


@given(st.text(max_size=60))
def test_any_text_is_looked_at(text: str) -> None:
    assert named(KEY, text) is None


def test_links_end_by_the_age_of_their_part() -> None:
    assert choice_links.ends_at(PART_ID) == 1_790_000_000.0 + LIFE_S


texts = st.text(min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
options = st.lists(st.builds(Option, texts, texts), max_size=30, unique_by=lambda option: option.id)


@pytest.mark.slow
@given(options)
def test_every_option_is_reached_by_its_link(asked: list[Option]) -> None:
    content = Letter(Choices("Which?", tuple(asked)))

    links = choice_links.links(KEY, "https://gw.example", PART_ID, content)

    assert list(links) == [option.id for option in asked]
    for option_id, link in links.items():
        found = named(KEY, link.removeprefix("https://gw.example/c/"))
        assert found is not None
        assert options_in(content)[found.n].id == option_id


def test_buttons_of_cards_that_say_the_same_are_one_option() -> None:
    cards = [
        Card(name, actions=(Action("More", id="more"), Action(name, id=name))) for name in "ab"
    ]

    assert [option.id for option in options_in(Carousel(tuple(cards)))] == ["more", "a", "b"]


def test_what_asks_nothing_has_no_links() -> None:
    assert not choice_links.links(KEY, "https://gw.example", PART_ID, Text("hello"))


def test_the_question_is_told_as_text() -> None:
    content: Content = Letter(Choices("**Which** one?", (), format="markdown"))

    assert choice_links.question_in(content) == "Which one?"
