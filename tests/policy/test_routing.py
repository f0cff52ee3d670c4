"""Which leg carries a message out, and who answers what came in."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.policy.routing import Candidate, ConsumerRule, consumer_of, pick


def leg(
    leg_id: str, channel_id: str = "wa", *, usable: bool = True,
    came: float | None = None, went: float | None = None,
) -> Candidate:  # fmt: skip
    """A leg with what routing looks at."""
    return Candidate(leg_id, channel_id, "whatsapp", usable, True, came, went)


LEGS = (
    leg("leg_1", "wa", came=100.0, went=300.0),
    leg("leg_2", "ig", came=200.0, went=50.0),
    leg("leg_3", "mail", went=900.0),
    leg("leg_4", "gone", usable=False, came=999.0),
)


@pytest.mark.parametrize(
    ("route", "picked"),
    [
        ((), "leg_2"),
        (("last_used",), "leg_2"),
        (("wa",), "leg_1"),
        (("nowhere", "mail", "wa"), "leg_3"),
        (("gone", "wa"), "leg_1"),
        (("nowhere", "last_used"), "leg_2"),
        (("gone",), None),
        (("nowhere",), None),
    ],
)
def test_the_route_is_tried_in_its_order(route: tuple[str, ...], picked: str | None) -> None:
    found = pick(LEGS, route)

    assert (found.leg_id if found else None) == picked


def test_before_anybody_wrote_the_leg_that_we_used_last_is_taken() -> None:
    found = pick((leg("leg_1", went=10.0), leg("leg_2", went=20.0), leg("leg_3")), ())

    assert found is not None
    assert found.leg_id == "leg_2"


def test_of_two_legs_on_one_channel_the_last_used_goes() -> None:
    found = pick((leg("leg_1", came=10.0), leg("leg_2", came=20.0)), ("wa",))

    assert found is not None
    assert found.leg_id == "leg_2"


def test_nobody_can_be_reached_without_legs() -> None:
    assert pick((), ()) is None


TIMES = st.none() | st.floats(0, 1e9)


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(leg, st.text(max_size=3), st.sampled_from("abc"), usable=st.booleans(),
                  came=TIMES, went=TIMES),
        unique_by=lambda candidate: candidate.leg_id,
    ),
    st.lists(st.sampled_from(["a", "b", "last_used"]), max_size=3),
    st.randoms(use_true_random=False),
)  # fmt: skip
@pytest.mark.slow
def test_the_choice_is_usable_and_does_not_depend_on_the_order_of_legs(
    legs: list[Candidate], route: list[str], chance: Random
) -> None:
    found = pick(legs, route)
    chance.shuffle(legs)

    assert pick(legs, route) == found
    assert found is None or found.usable


FACTS = {"platform": "whatsapp", "channel": "wa", "content": "media", "tenant": "default"}


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (ConsumerRule("echo"), True),
        (ConsumerRule("echo", platforms=frozenset({"whatsapp"})), True),
        (ConsumerRule("echo", platforms=frozenset({"email"})), False),
        (ConsumerRule("echo", channels=frozenset({"wa", "ig"})), True),
        (ConsumerRule("echo", channels=frozenset({"ig"})), False),
        (ConsumerRule("echo", content=frozenset({"text"})), False),
        (ConsumerRule("echo", tenants=frozenset({"acme"})), False),
    ],
)
def test_a_rule_matches_when_all_its_criteria_do(rule: ConsumerRule, matches: bool) -> None:
    assert rule.matches(FACTS) is matches


def test_the_first_rule_that_matches_decides() -> None:
    rules = (
        ConsumerRule("mail-desk", platforms=frozenset({"email"})),
        ConsumerRule("gallery", content=frozenset({"media"})),
        ConsumerRule("echo"),
    )

    assert consumer_of(rules, FACTS, "none") == "gallery"
    assert consumer_of(rules[:1], FACTS, "none") == "none"
