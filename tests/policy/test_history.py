"""When old conversations are read, how far back, and when a reading goes on."""

import pytest

from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.policy import history

NOW = 1_790_000_000.0


def test_people_are_asked_about_where_a_list_is_refused_or_fails_for_no_reason() -> None:
    refused = Failure(Kind.REJECTED, Reason.BAD_REQUEST)
    unclear = Failure(Kind.TRANSIENT, Reason.UNKNOWN)
    throttled = Failure(Kind.THROTTLED, Reason.RATE_LIMITED)

    assert history.goes_one_by_one(refused, 0)
    assert [history.goes_one_by_one(unclear, strikes) for strikes in (0, 2, 3)] == [
        False, False, True,
    ]  # fmt: skip
    assert not history.goes_one_by_one(throttled, 9)


@pytest.mark.parametrize(
    ("heard", "away"), [(None, False), (NOW - 299, False), (NOW - 301, True), (NOW + 5, False)]
)
def test_only_a_long_silence_before_a_start_is_an_outage(heard: float | None, away: bool) -> None:
    assert history.was_away(heard, NOW) is away


def test_reading_goes_back_beyond_what_was_heard_last() -> None:
    assert history.since(NOW) == NOW - 600
    assert history.since(None) is None


@pytest.mark.parametrize(
    ("updated", "since", "older"),
    [(NOW, None, False), (None, NOW, False), (NOW - 1, NOW, True), (NOW, NOW, False)],
)
def test_a_conversation_is_passed_over_only_if_nothing_can_be_missing(
    updated: float | None, since: float | None, older: bool
) -> None:
    assert history.is_older(updated, since) is older


def failure(kind: Kind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind, Reason.RATE_LIMITED, retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("failed", "strikes", "after_s"),
    [
        (failure(Kind.TRANSIENT), 0, 30),
        (failure(Kind.TRANSIENT), 3, 240),
        (failure(Kind.TRANSIENT), 99, 3600),
        (failure(Kind.THROTTLED, 7200), 0, 7200),
        (failure(Kind.BROKEN), 0, 3600),
    ],
)
def test_a_reading_goes_on_later_and_later(failed: Failure, strikes: int, after_s: float) -> None:
    assert history.goes_on_at(failed, strikes, NOW, 0.0) == NOW + after_s
    assert history.goes_on_at(failed, strikes, NOW, 1.0) == pytest.approx(NOW + 1.1 * after_s)


def test_an_operator_is_told_of_what_does_not_pass() -> None:
    assert history.may_pass(failure(Kind.TRANSIENT), 2)
    assert not history.may_pass(failure(Kind.TRANSIENT), 3)
    assert not history.may_pass(failure(Kind.REJECTED), 0)


def test_only_a_refusal_is_final() -> None:
    final = [kind for kind in Kind if history.is_final(failure(kind))]
    assert final == [Kind.REJECTED]
