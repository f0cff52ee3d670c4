"""The mailbox, driven without any task."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from omni_actors.actors.mailbox import SYSTEM_KINDS_MAX, Envelope, Lane, Mailbox, Told

USER_LANES = (Lane.HIGH, Lane.NORMAL, Lane.BULK)


def envelope(message: object = "m", *, size: int = 0, at: float = 0.0) -> Envelope:
    return (message, size, at, None)


def take_all(mailbox: Mailbox) -> list[object]:
    messages = []
    while (taken := mailbox.take()) is not None:
        messages.append(taken[0])
        mailbox.settle()
    return messages


@pytest.mark.parametrize("lane", USER_LANES)
def test_a_lane_is_first_in_first_out(lane: Lane) -> None:
    mailbox = Mailbox(100, 100)

    for number in range(50):
        mailbox.put(envelope(number), lane)

    assert take_all(mailbox) == list(range(50))


def test_lanes_share_by_weight_so_that_bulk_moves() -> None:
    mailbox = Mailbox(1000, 100)
    for lane in reversed(USER_LANES):
        for _ in range(100):
            mailbox.put(envelope(lane.name), lane)

    first_round = take_all(mailbox)[:42]

    assert first_round.count("HIGH") == 32
    assert first_round.count("NORMAL") == 8
    assert first_round.count("BULK") == 2


def test_the_system_lane_goes_first() -> None:
    mailbox = Mailbox(10, 100)
    mailbox.put(envelope("high"), Lane.HIGH)

    mailbox.put_system(envelope("stop"), "stop")

    assert take_all(mailbox) == ["stop", "high"]


def test_a_system_message_replaces_one_of_its_kind_and_keeps_its_place() -> None:
    mailbox = Mailbox(10, 100)

    mailbox.put_system(envelope("old config"), "config")
    mailbox.put_system(envelope("probe"), "probe")
    mailbox.put_system(envelope("new config"), "config")

    assert take_all(mailbox) == ["new config", "probe"]


def test_the_system_lane_is_bounded_by_kinds() -> None:
    mailbox = Mailbox(10, 100)
    for kind in range(SYSTEM_KINDS_MAX):
        mailbox.put_system(envelope(), kind)

    told = mailbox.put_system(envelope(), "one more")

    assert told is Told.FULL
    assert mailbox.put_system(envelope(), 0) is Told.ACCEPTED


def test_a_full_mailbox_says_so_and_remembers_that_more_is_waiting() -> None:
    mailbox = Mailbox(2, 100)
    for _ in range(2):
        mailbox.put(envelope(), Lane.NORMAL)

    told = mailbox.put(envelope(), Lane.NORMAL)

    assert told is Told.FULL
    assert not mailbox.take_overflowed(), "still above half"
    take_all(mailbox)
    assert mailbox.take_overflowed()
    assert not mailbox.take_overflowed(), "told once"


def test_bytes_bound_it_as_count_does() -> None:
    mailbox = Mailbox(10, 100)
    mailbox.put(envelope(size=60), Lane.NORMAL)

    told = mailbox.put(envelope(size=41), Lane.NORMAL)

    assert told is Told.FULL
    assert mailbox.put(envelope(size=40), Lane.NORMAL) is Told.ACCEPTED


def test_what_can_never_fit_is_too_large() -> None:
    mailbox = Mailbox(10, 100)

    told = mailbox.put(envelope(size=101), Lane.NORMAL)

    assert told is Told.TOO_LARGE
    assert not mailbox.overflowed


def test_a_closed_mailbox_takes_only_what_is_pushed() -> None:
    mailbox = Mailbox(10, 100)
    mailbox.close()

    assert mailbox.put(envelope(), Lane.NORMAL) is Told.STOPPED
    assert mailbox.put_system(envelope(), "k") is Told.STOPPED
    mailbox.push(envelope("completion"), Lane.NORMAL)
    assert take_all(mailbox) == ["completion"]


def test_statistics_tell_depth_and_age_lane_by_lane() -> None:
    mailbox = Mailbox(10, 100)
    mailbox.put(envelope(at=3.0, size=7), Lane.BULK)
    mailbox.put(envelope(at=5.0), Lane.BULK)
    mailbox.put_system(envelope(at=9.0), "k")

    statistics = mailbox.statistics(10.0)

    assert statistics.depth == {"system": 1, "bulk": 2}
    assert statistics.oldest_s == {"system": 1.0, "bulk": 7.0}
    assert statistics.bytes == 7


def test_a_mailbox_that_is_cleared_during_a_run_ends_the_run() -> None:
    mailbox = Mailbox(10, 100)
    for number in range(3):
        mailbox.put(envelope(number), Lane.NORMAL)
    run = mailbox.run()
    next(run)

    left = mailbox.clear()

    assert [message for message, *_ in left] == [0, 1, 2]
    assert list(run) == []
    assert mailbox.depth == 0


def test_clearing_gives_back_what_was_in_hand_first() -> None:
    mailbox = Mailbox(10, 100)
    for message in "ab":
        mailbox.put(envelope(message), Lane.NORMAL)
    mailbox.take()

    left = mailbox.clear()

    assert [each[0] for each in left] == ["a", "b"]
    assert not mailbox.waits()


@settings(max_examples=60, stateful_step_count=60)
class MailboxAgainstModel(RuleBasedStateMachine):
    """Three plain queues say what the mailbox must hold; only the choice of lane is its own."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox(count_max=12, bytes_max=40)
        self.model: dict[Lane, deque[Envelope]] = {lane: deque() for lane in USER_LANES}
        self.system: dict[object, int] = {}
        self.serial = 0
        self.passed_over = 0

    @rule(lane=st.sampled_from(USER_LANES), size=st.integers(0, 45))
    def put(self, lane: Lane, size: int) -> None:
        self.serial += 1
        new = envelope(self.serial, size=size)
        held = [each for queue in self.model.values() for each in queue]
        fits = len(held) < 12 and sum(each[1] for each in held) + size <= 40

        told = self.mailbox.put(new, lane)

        if fits:
            self.model[lane].append(new)
        expected = Told.TOO_LARGE if size > 40 else Told.ACCEPTED if fits else Told.FULL
        assert told is expected

    @rule(kind=st.sampled_from("abc"))
    def put_system(self, kind: str) -> None:
        self.serial += 1

        self.mailbox.put_system(envelope(self.serial), kind)

        self.system[kind] = self.serial

    @precondition(lambda self: self.mailbox.in_hand is None)
    @rule()
    def take(self) -> None:
        taken = self.mailbox.take()

        if self.system:
            kind = next(iter(self.system))
            assert taken is not None
            assert taken[0] == self.system.pop(kind)
        elif taken is None:
            assert not any(self.model.values())
        else:
            lane = next(lane for lane, queue in self.model.items() if queue and queue[0] is taken)
            self.model[lane].popleft()
            passed_bulk = lane is not Lane.BULK and bool(self.model[Lane.BULK])
            self.passed_over = self.passed_over + 1 if passed_bulk else 0
            assert self.passed_over <= 20, "bulk waits for one round of the others at most"

    @precondition(lambda self: self.mailbox.in_hand is not None)
    @rule()
    def settle(self) -> None:
        self.mailbox.settle()

    @invariant()
    def counts_agree(self) -> None:
        held = [each for queue in self.model.values() for each in queue]
        assert self.mailbox.depth == len(held)
        assert self.mailbox.bytes == sum(each[1] for each in held)
        assert self.mailbox.queued() == len(held) + len(self.system)


TestMailboxAgainstModel = pytest.mark.slow(MailboxAgainstModel.TestCase)
