"""The last word of a platform about a part, whatever the order in which it spoke."""

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.states import UNFINISHED, PartStatus
from omni_actors.policy.status import RANKS, final, rank

REPORTED = list(RANKS)


@pytest.mark.slow
@given(st.lists(st.sampled_from(PartStatus), max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(statuses: list[PartStatus], chance: Random) -> None:
    told = final(statuses)
    again = statuses * 2
    chance.shuffle(again)

    assert final(again) is told


@pytest.mark.parametrize("count", range(1, len(REPORTED) + 1))
def test_the_highest_rank_wins_in_every_permutation(count: int) -> None:
    for statuses in permutations(REPORTED, count):
        assert final(statuses) is max(statuses, key=rank)


def test_the_ranks_rise_as_the_design_says() -> None:
    order = [
        PartStatus.SENT,
        PartStatus.FAILED,
        PartStatus.DELIVERED,
        PartStatus.READ,
        PartStatus.PLAYED,
    ]

    assert sorted(RANKS, key=rank) == order
    assert len(set(RANKS.values())) == len(order)


def test_what_is_only_ours_has_no_rank_and_leaves_no_word() -> None:
    ours = {*UNFINISHED, PartStatus.CANCELLED, PartStatus.EXPIRED}

    assert {rank(status) for status in ours} == {0}
    assert final(ours) is None
    assert final([]) is None
