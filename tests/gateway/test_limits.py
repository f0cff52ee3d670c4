"""The limiters of one channel between two sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import Sent
from omni_actors.gateway import limits as module
from omni_actors.gateway.limits import Brake, Go, Limits, WaitFor
from omni_actors.model.content import Email
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.limits import DayLimit, Spent, Usage
from omni_actors.policy.rate import Limit

CHANNEL = Limit(10, 5)
PAIR = Limit(0.5, 2)


def fresh(
    *, pair: Limit | None = PAIR, app: Brake | None = None, account: Brake | None = None
) -> Limits:
    shared = {Scope.ACCOUNT: account or Brake(), Scope.APP: app or Brake()}
    return Limits.fresh(CHANNEL, pair, shared, crashed_at=None)


def test_a_leg_that_must_wait_charges_the_channel_nothing() -> None:
    limits = fresh()
    assert [limits.leave("a", 100.0) for _ in range(2)] == [Go(), Go()]

    refused = [limits.leave("a", 100.0) for _ in range(50)]

    assert refused == [WaitFor(Scope.LEG, 102.0)] * 50
    assert [limits.leave(leg, 100.0) for leg in "bcd"] == [Go()] * 3
    assert limits.channel_wait(100.0) is not None


def test_what_was_not_sent_after_all_is_charged_nothing() -> None:
    limits = fresh()
    for _ in range(20):
        assert limits.leave("a", 100.0) == Go()
        limits.unmade("a", 100.0)

    assert [limits.leave("a", 100.0) for _ in range(3)] == [Go(), Go(), WaitFor(Scope.LEG, 102.0)]


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from("abc")),
        min_size=1,
        max_size=80,
    )
)
def test_no_limit_is_exceeded_in_any_window(asked: list[tuple[float, str]]) -> None:
    limits, now, went = fresh(), 1_000.0, []
    for pause, leg in asked:
        now += pause
        if limits.leave(leg, now) == Go():
            went.append((now, leg))

    for first, (start, leg) in enumerate(went):
        for last, (end, _) in enumerate(went[first:], start=1):
            assert last <= 5 + 10 * (end - start) + 0.01
        mine = [at for at, other in went[first:] if other == leg]
        for last, end in enumerate(mine, start=1):
            assert last <= 2 + 0.5 * (end - start) + 0.01


def test_a_shut_leg_holds_itself_only() -> None:
    limits = fresh()

    limits.shut(Scope.LEG, "a", 200.0, 100.0)

    assert limits.leave("a", 150.0) == WaitFor(Scope.LEG, 200.0)
    assert limits.leave("b", 150.0) == Go()


def test_a_shut_app_holds_every_channel_of_its_platform() -> None:
    app = Brake()
    one, other = fresh(app=app), fresh(app=app)

    one.shut(Scope.APP, "a", 200.0, 100.0)

    assert other.channel_wait(150.0) == WaitFor(Scope.APP, 200.0)
    assert other.channel_wait(201.0) is None


def test_a_throttled_channel_gives_way_and_comes_back_slowly() -> None:
    limits = fresh()

    limits.shut(Scope.CHANNEL, "a", 101.0, 100.0)

    assert limits.adaptive.per_second(101.0) < 10
    assert limits.adaptive.per_second(100_000.0) == 10


def test_complaints_of_one_storm_are_one_strike() -> None:
    limits = fresh()

    for _ in range(16):
        limits.shut(Scope.CHANNEL, "a", 130.0, 100.0)

    assert limits.strikes(Scope.CHANNEL, "a") == 1
    limits.shut(Scope.CHANNEL, "a", 190.0, 131.0)
    assert limits.strikes(Scope.CHANNEL, "a") == 2
    limits.went_well("a", 200.0)
    assert limits.strikes(Scope.CHANNEL, "a") == 0


def test_legs_that_may_send_freely_again_are_forgotten() -> None:
    limits = fresh()
    for n in range(1_000):
        limits.leave(f"leg{n}", 1_000.0 + n * 10)

    assert len(limits.pairs) <= 2


@pytest.mark.slow
def test_the_legs_that_are_remembered_are_bounded() -> None:
    limits = fresh(pair=Limit(1e-6, 1))
    kept = module.LEGS_MAX
    for n in range(kept + 10):
        limits.leave(f"leg{n}", 1_000.0 + n)

    assert len(limits.pairs) == kept


def test_without_a_pair_limit_no_leg_is_remembered() -> None:
    limits = fresh(pair=None)

    limits.leave("a", 100.0)

    assert limits.pairs == {}


def test_other_limits_open_nothing_that_was_shut() -> None:
    limits = fresh()
    limits.shut(Scope.LEG, "a", 200.0, 100.0)

    limits.change(Limit(20, 10), Limit(0.25, 2))

    assert isinstance(limits.leave("a", 150.0), WaitFor)
    assert limits.adaptive.ceiling == 20


def test_after_a_crash_the_bucket_is_not_full() -> None:
    limits = Limits.fresh(CHANNEL, PAIR, {Scope.APP: Brake()}, crashed_at=100.0)

    assert limits.leave("a", 100.0) == Go()
    assert isinstance(limits.leave("b", 100.0), WaitFor)


def test_a_shut_account_holds_its_numbers_and_slows_them_down() -> None:
    account = Brake()
    one, other, stranger = fresh(account=account), fresh(account=account), fresh()

    one.shut(Scope.ACCOUNT, "a", 130.0, 100.0)

    assert other.channel_wait(110.0) == WaitFor(Scope.ACCOUNT, 130.0)
    assert stranger.channel_wait(110.0) is None
    assert other.limit(130.0).per_second < 10
    assert other.limit(100_000.0).per_second == 10
    assert "the account was throttled and recovers" in list(other.why(131.0))


@pytest.mark.parametrize(
    ("percent", "per_second", "lanes"),
    [(79.0, 10.0, None), (90.0, 5.0, None), (96.0, 2.0, ("high",))],
)
def test_a_budget_that_is_nearly_used_up_slows_down_all_who_share_it(
    percent: float, per_second: float, lanes: tuple[str, ...] | None
) -> None:
    account = Brake()
    one, other = fresh(account=account), fresh(account=account)

    one.heed(Usage(Scope.ACCOUNT, percent), 100.0)

    assert other.limit(101.0).per_second == pytest.approx(per_second)
    assert other.lanes(101.0) == lanes
    assert other.limit(1_000.0).per_second == 10
    assert other.lanes(1_000.0) is None


def test_a_budget_that_is_used_up_stops_until_there_is_access_again() -> None:
    limits = fresh()

    limits.heed(Usage(Scope.APP, 100.0, regain_s=1_200.0), 100.0)

    assert limits.channel_wait(1_299.0) == WaitFor(Scope.APP, 1_300.0)
    assert limits.channel_wait(1_301.0) is None
    assert limits.describe(200.0)["closed_until_at"] == 1_300.0


def test_a_shut_outreach_holds_what_is_written_first_and_lets_answers_go() -> None:
    limits = fresh()

    limits.shut(Scope.OUTREACH, "a", 3_700.0, 100.0)

    assert limits.guards_outreach(200.0)
    assert not limits.may_write_first("bob", 200.0)
    assert limits.leave("a", 200.0) == Go()
    assert limits.may_write_first("bob", 3_701.0)


def test_who_comes_later_does_not_go_before_who_waits() -> None:
    limits = fresh()
    limits.outreach.limit(5)

    limits.waiting = True

    assert not limits.may_write_first("new", 100.0)
    limits.outreach.invite(["old"], 100.0)
    assert limits.may_write_first("old", 100.0)


def test_a_door_that_does_not_answer_is_left_alone_for_a_while() -> None:
    limits = fresh()
    down = Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
    now = 1_000.0
    for n in range(10):
        now += 1.0
        went = limits.leave(f"leg{n}", now)
        assert isinstance(went, Go)
        limits.landed(went.permit, down, now)

    assert limits.channel_wait(now + 1) == WaitFor(Scope.CHANNEL, now + 30.0)
    assert limits.describe(now + 1)["breaker"] == "open"
    probe = limits.leave("leg", now + 31)
    assert isinstance(probe, Go)
    assert limits.channel_wait(now + 31.5) is not None
    limits.landed(probe.permit, None, now + 32)
    assert limits.leave("leg", now + 90, chance=0.99) == Go()


def test_refusals_of_the_content_never_shut_the_door() -> None:
    limits = fresh()
    for n in range(50):
        went = limits.leave(f"leg{n}", 1_000.0 + n)
        assert isinstance(went, Go)
        limits.landed(went.permit, Failure(Kind.REJECTED, Reason.BAD_REQUEST), 1_000.0 + n)

    assert limits.breaker.is_closed


def test_an_operator_sees_what_was_asked_for_what_is_left_and_why() -> None:
    limits = fresh()
    assert limits.describe(100.0)["why"] == []

    limits.shut(Scope.CHANNEL, "a", 101.0, 100.0)
    limits.heed(Usage(Scope.ACCOUNT, 90.0), 100.0)
    told = limits.describe(102.0)

    assert told["configured_per_second"] == 10
    assert told["per_second"] == pytest.approx(10 * (0.7 + 0.02) * 0.5)
    assert told["why"] == [
        "the channel was throttled and recovers",
        "90 % of the account's budget of calls is used",
    ]


def test_a_limit_by_day_lets_pass_after_a_start_what_it_lets_pass_in_the_long_run() -> None:
    by_day = Limit(1_500 / 86_400, 300)
    limits = Limits.fresh(by_day, None, {}, crashed_at=0.0)

    at = 0.0
    passed: list[int] = []
    while len(passed) < 5:
        match limits.leave("leg", at):
            case Go():
                passed.append(round(at))
            case WaitFor(until=until):
                at = until

    assert passed == [0, 58, 115, 173, 230]


def test_what_is_found_to_have_gone_out_takes_no_second_place_in_the_day() -> None:
    limits, mail = fresh(pair=None), Email("Hello", "Hi")
    limits.day.limit(DayLimit(messages=3))
    lost = Failure(Kind.UNKNOWN, Reason.TIMED_OUT)

    limits.leave("a", 100.0)
    assert limits.spent(mail, (), lost, 101.0) == Spent("", 1)
    limits.leave("a", 200.0)
    assert limits.spent(mail, (), Sent(("x",), found=True), 201.0) is None

    assert limits.day.messages == 1
