"""Tokens prove a part, whatever mail programs do to their case, and nobody can make one."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from omni_actors.model.ids import spell
from omni_actors.policy.tokens import part_of, token_of

KEY = bytes(range(32))
PART = spell("prt", 1_790_000_000_000, 7)

keys = st.binary(min_size=32, max_size=32)
parts = st.builds(
    spell,
    st.just("prt"),
    st.integers(min_value=0, max_value=2**48 - 1),
    st.integers(min_value=0, max_value=2**80 - 1),
)


@given(keys, parts)
def test_a_token_leads_back_to_its_part(key: bytes, part_id: str) -> None:
    token = token_of(key, part_id)

    assert part_of(key, token) == part_id
    assert part_of(key, token.upper()) == part_id


@given(keys, parts)
def test_a_token_fits_into_the_local_part_of_an_address(key: bytes, part_id: str) -> None:
    token = token_of(key, part_id)

    assert len(token) == 36
    assert token.isascii()
    assert token.isalnum()
    assert token == token.lower()


@given(keys, keys, parts)
def test_a_token_of_another_house_proves_nothing(key: bytes, other: bytes, part_id: str) -> None:
    if key != other:
        assert part_of(key, token_of(other, part_id)) is None


@given(st.integers(min_value=0, max_value=35), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_a_token_with_another_character_is_none(place: int, character: str) -> None:
    token = token_of(KEY, PART)
    changed = token[:place] + character + token[place + 1 :]

    assert part_of(KEY, changed) == (PART if changed == token else None)


@given(st.text(max_size=60))
def test_any_text_can_be_asked_about(text: str) -> None:
    assert part_of(KEY, text) is None


@pytest.mark.parametrize("token", ["", "+", "c." + token_of(KEY, PART), "İ" * 36, "\ud800" * 36])
def test_what_is_no_token_names_no_part(token: str) -> None:
    assert part_of(KEY, token) is None
