"""States of logins, and when tokens are cared for."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.policy import connecting, grants
from omni_actors.policy.connecting import Bound

KEY = bytes(32)
BOUND = Bound("default", "key_1", "facebook", "https://gw.example/v1/connect/messenger/callback")
STATE = connecting.state_of(KEY, "con_1", 1000.0, BOUND)
DAY_S = 86400.0


def test_a_state_tells_its_connecting_and_its_end_only() -> None:
    assert connecting.connection_in(STATE) == "con_1"
    assert connecting.is_genuine(KEY, STATE, BOUND)
    assert not connecting.has_ended(STATE, 999.0)
    assert connecting.has_ended(STATE, 1000.0)
    assert "key_1" not in STATE


@pytest.mark.parametrize(
    "other",
    [
        evolve(BOUND, tenant="other"),
        evolve(BOUND, key_id="key_2"),
        evolve(BOUND, app="instagram"),
        evolve(BOUND, redirect="https://evil.example/"),
    ],
)
def test_a_state_is_good_for_what_it_was_made_for_only(other: Bound) -> None:
    assert not connecting.is_genuine(KEY, STATE, other)
    assert not connecting.is_genuine(bytes(31) + b"\x01", STATE, BOUND)


@given(st.text(max_size=300))
def test_no_other_text_is_a_state(text: str) -> None:
    assert connecting.is_genuine(KEY, text, BOUND) is (text == STATE)
    connecting.connection_in(text)


@given(st.integers(0, len(STATE) - 1), st.characters(codec="ascii"))
def test_no_character_of_a_state_can_be_another(place: int, other: str) -> None:
    changed = STATE[:place] + other + STATE[place + 1 :]

    assert connecting.is_genuine(KEY, changed, BOUND) is (changed == STATE)


@given(st.floats(0, 0.999), st.floats(3600, 90 * DAY_S))
def test_a_token_is_renewed_well_before_its_end_and_when_it_may_be(
    jitter: float, life_s: float
) -> None:
    at = grants.renew_at(0.0, life_s, DAY_S, jitter)

    assert at >= DAY_S
    assert at <= max(DAY_S, 0.8 * life_s)
    assert at >= min(0.75 * life_s, DAY_S)


def test_a_token_whose_end_nobody_knows_is_renewed_as_soon_as_it_may_be() -> None:
    assert grants.renew_at(0.0, None, DAY_S, 0.0) == DAY_S
    assert grants.renew_at(0.0, None, DAY_S, 0.5) == DAY_S + 1800


def test_what_fails_is_tried_again_more_and_more_rarely() -> None:
    failure = Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE)
    waits = [grants.retry_s(failure, strikes, 1.0) for strikes in range(9)]

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (60.0, 3600.0)
    assert grants.retry_s(evolve(failure, retry_after_s=7200.0), 0, 0.0) == 7200.0


@pytest.mark.parametrize(
    ("kind", "reason", "again"),
    [
        (Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, True),
        (Kind.BROKEN, Reason.PERMISSION_DENIED, True),
        (Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, False),
        (Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, False),
        (Kind.REJECTED, Reason.BAD_REQUEST, False),
    ],
)
def test_only_a_person_can_mend_a_token(kind: Kind, reason: Reason, *, again: bool) -> None:
    assert grants.must_connect_again(Failure(kind, reason)) is again


def test_a_token_that_lacks_a_right_has_not_ended() -> None:
    assert grants.has_ended(Failure(Kind.BROKEN, Reason.CREDENTIALS_EXPIRED))
    assert not grants.has_ended(Failure(Kind.BROKEN, Reason.PERMISSION_DENIED))


def test_the_reason_tells_what_happened_in_our_words_and_in_theirs() -> None:
    failure = Failure(
        Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, text="Error 460", advice="the password changed"
    )

    assert grants.reason_of(failure) == "credentials_expired: the password changed (Error 460)"
    assert grants.reason_of(evolve(failure, advice=None)) == "credentials_expired: Error 460"
