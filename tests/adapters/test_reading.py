"""Reading single values of a foreign document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_mapping,
    needed_text,
    number,
    seconds,
    sequence,
    text,
)

TEXTS = [("a", "a"), ("", None), (12, "12"), (True, None), (None, None), (1.5, None), (2**70, None)]


@pytest.mark.parametrize(("value", "found"), TEXTS)
def test_a_text_is_read_from_texts_and_whole_numbers(value: object, found: str | None) -> None:
    assert text(value) == found


NUMBERS = [
    (1, 1.0),
    ("-0.5", -0.5),
    ("", None),
    ("nan", None),
    ("north", None),
    (True, None),
    (None, None),
    ([1], None),
    (10**400, None),
]


@pytest.mark.parametrize(("value", "found"), NUMBERS)
def test_a_number_is_finite_or_none(value: object, found: float | None) -> None:
    assert number(value) == found


TIMES = [
    ("1790000001", 1790000001.0),
    (1790000001, 1790000001.0),
    ("1790000001250", 1790000001.25),
    ("", 0.0),
    (None, 0.0),
    (-5, 0.0),
    (1e300, 0.0),
    ("soon", 0.0),
]


@pytest.mark.parametrize(("value", "found"), TIMES)
def test_a_time_is_read_in_seconds_and_milliseconds(value: object, found: float) -> None:
    assert seconds(value) == found


def test_what_is_no_object_or_list_is_an_empty_one() -> None:
    assert (mapping([1]), mapping({"a": 1})) == ({}, {"a": 1})
    assert (sequence("ab"), sequence([1]), sequence({})) == ((), [1], ())


def test_what_must_be_there_is_named_when_it_is_not() -> None:
    with pytest.raises(Malformed, match="`id` is missing"):
        needed_text({"id": ""}, "id")
    with pytest.raises(Malformed, match="the order is not an object"):
        needed_mapping([], "the order")


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.slow
@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
def test_reading_never_raises(value: object) -> None:
    assert 0.0 <= seconds(value) <= 253_402_300_799
    assert number(value) is None or isinstance(number(value), float)
    assert text(value) is None or isinstance(text(value), str)
