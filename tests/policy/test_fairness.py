"""Whose turn it is, under every skew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.policy.fairness import WEIGHTS, FairQueue


def jain(shares: list[float]) -> float:
    """Jain's fairness index: 1 when all are equal."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


@given(st.integers(2, 10), st.integers(1, 5))
def test_keys_share_equally_when_one_asks_a_thousand_times_more(light: int, cost_max: int) -> None:
    queue: FairQueue[str, int] = FairQueue(100_000, cost_max=cost_max)
    for n in range(1000):
        queue.push("normal", "heavy", n, cost_max)
    backlog = 10 * cost_max
    for key in range(light):
        for n in range(backlog):
            queue.push("normal", f"light{key}", n, 1)

    spent = {f"light{key}": 0 for key in range(light)} | {"heavy": 0}
    for _ in range(backlog * light * 10):
        picked = queue.pick()
        assert picked is not None
        spent[picked.key] += picked.cost
        if max(spent.values()) >= backlog - cost_max:
            break

    if backlog >= 50:
        assert jain([float(value) for value in spent.values()]) >= 0.98
    assert max(spent.values()) - min(spent.values()) <= 2 * cost_max


def test_a_thousand_to_one_skew_keeps_the_fairness_index() -> None:
    queue: FairQueue[str, int] = FairQueue(200_000)
    offered = {"heavy": 100_000, **{f"light{n}": 100 for n in range(9)}}
    for key, items in offered.items():
        for n in range(items):
            assert queue.push("normal", key, n)

    spent = dict.fromkeys(offered, 0)
    for _ in range(900):
        picked = queue.pick()
        assert picked is not None
        spent[picked.key] += 1

    assert jain([float(value) for value in spent.values()]) >= 0.98


@pytest.mark.slow
@given(st.integers(1, 400), st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_each_backlogged_lane_progresses_by_its_weight(picks: int, costs: list[int]) -> None:
    queue: FairQueue[int, int] = FairQueue(10_000, cost_max=4)
    for lane in WEIGHTS:
        for n in range(picks):
            queue.push(lane, n % 7, n, costs[n % len(costs)])

    spent = dict.fromkeys(WEIGHTS, 0)
    for _ in range(picks):
        picked = queue.pick()
        assert picked is not None
        spent[picked.lane] += picked.cost

    total = sum(spent.values())
    for lane, weight in WEIGHTS.items():
        assert abs(spent[lane] - total * weight / 21) <= 12


def test_an_idle_lane_saves_up_nothing() -> None:
    queue: FairQueue[int, int] = FairQueue(1000)
    for n in range(300):
        queue.push("normal", 1, n)
    for _ in range(100):
        queue.pick()

    for n in range(100):
        queue.push("bulk", 1, n)
    lanes = [picked.lane for _ in range(50) if (picked := queue.pick())]

    assert lanes.count("bulk") == 10


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(list(WEIGHTS)), st.integers(0, 3), st.integers(1, 3))))
def test_nothing_is_lost_and_each_key_keeps_its_order(asks: list[tuple[str, int, int]]) -> None:
    queue: FairQueue[int, int] = FairQueue(50, cost_max=3)
    kept = [queue.push(lane, key, n, cost) for n, (lane, key, cost) in enumerate(asks)]

    picked = []
    while (one := queue.pick()) is not None:
        picked.append(one)

    assert len(picked) == sum(kept) == min(50, len(asks))
    assert len(queue) == 0
    for lane, key in {(p.lane, p.key) for p in picked}:
        items = [p.item for p in picked if (p.lane, p.key) == (lane, key)]
        assert items == sorted(items)


def test_a_full_queue_refuses_and_keeps_nothing() -> None:
    queue: FairQueue[str, str] = FairQueue(1)

    assert queue.push("high", "a", "first")
    assert not queue.push("high", "a", "second")
    assert len(queue) == 1


def test_only_the_named_lanes_are_picked_from() -> None:
    queue: FairQueue[str, str] = FairQueue(10)
    queue.push("bulk", "a", "newsletter")

    assert queue.pick(lanes=("high",)) is None
    queue.push("high", "a", "answer")
    picked = queue.pick(lanes=("high",))

    assert picked is not None
    assert picked.item == "answer"


def test_a_refunded_pick_does_not_cost_the_lane_its_turn() -> None:
    queue: FairQueue[int, int] = FairQueue(100)
    for n in range(10):
        queue.push("bulk", n, n)
        queue.push("normal", n, n)
    bulk = queue.pick(lanes=("bulk",))
    assert bulk is not None

    queue.refund(bulk)
    lanes = [picked.lane for _ in range(5) if (picked := queue.pick())]

    assert lanes.count("bulk") == 1


def test_a_discarded_key_leaves_its_room_to_others() -> None:
    queue: FairQueue[str, int] = FairQueue(2)
    queue.push("high", "a", 1)
    queue.push("high", "a", 2)

    assert queue.discard("high", "a") == 2
    assert queue.discard("high", "a") == 0
    assert queue.push("high", "b", 3)


def test_sizes_and_costs_that_mean_nothing_are_refused() -> None:
    queue: FairQueue[str, int] = FairQueue(2)

    with pytest.raises(ValueError, match="at least 1"):
        FairQueue(0)
    with pytest.raises(ValueError, match="cost"):
        queue.push("high", "a", 1, cost=2)
    with pytest.raises(KeyError):
        queue.push("urgent", "a", 1)
