"""Who is tried again that got no copy, and when."""

from typing import Any

from attrs import evolve

from omni_actors.model.copies import NoCopy
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.policy.copies import AT_ONCE_MAX, PATIENCE_S, Late, all_again, judge


def no(address: str, kind: Kind, retry_after_s: float | None = None) -> NoCopy:
    return NoCopy(address, Failure(kind, Reason.UNKNOWN, text="no", retry_after_s=retry_after_s))


def late(*refused: NoCopy, **told: Any) -> Late:
    return evolve(Late(refused, 1, 1_000.0, 1_000.0, 0.0), **told)


def test_only_those_who_were_put_off_are_tried_again() -> None:
    later, never = no("a", Kind.TRANSIENT, 300.0), no("b", Kind.REJECTED)

    judged = judge(late(later, never))

    assert (judged.again, judged.lost, judged.due_at) == ((later,), (never,), 1_300.0)


def test_tries_become_rarer_and_end_after_a_day() -> None:
    one = no("a", Kind.TRANSIENT)
    now, tries, moments = 1_000.0, 1, []
    while (judged := judge(late(one, tries=tries, now=now))).again:
        now, tries = judged.due_at, tries + 1
        moments.append(now - 1_000.0)

    assert moments[:3] == [60.0, 360.0, 1_260.0]
    assert moments[-1] <= PATIENCE_S < moments[-1] + 7_200.0
    assert judged.lost[0].failure.text == "no (it was tried for a day)"


def test_what_nobody_knows_is_tried_once_more() -> None:
    one = no("a", Kind.UNKNOWN)

    assert judge(late(one)).again == (one,)
    assert judge(late(one, doubted=frozenset({"a"}))).lost == (one,)


def test_trouble_of_the_channel_is_nobodys_end() -> None:
    broken = Failure(Kind.BROKEN, Reason.CREDENTIALS_EXPIRED)

    assert len(judge(late(*all_again(("a", "b"), broken))).again) == 2


def test_who_was_only_one_too_many_goes_next_as_long_as_that_goes_well() -> None:
    one = evolve(no("a", Kind.TRANSIENT, 60.0), crowded=True)

    assert judge(late(one)).due_at == 1_000.0
    assert judge(late(evolve(one, crowded=False))).due_at == 1_060.0
    assert judge(late(one, tries=AT_ONCE_MAX + 1)).due_at > 1_060.0
