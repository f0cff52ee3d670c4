"""Limits of some sends only: what falls under one, and how long it must wait."""

import pytest
from attrs import evolve

from omni_actors.adapters.contract import Meter, PartToSend, RateDefault
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.gateway.meters import Meters
from omni_actors.model.content import Text
from omni_actors.model.failure import Kind
from omni_actors.model.reports import IdentityKey

NOW = 1_790_000_000.0
ANA, COMMENT = IdentityKey("psid", "73"), IdentityKey("comment_id", "88_901")
FILM = PartToSend("prt_1", "video", Text("x"), (ANA,))
WORDS = evolve(FILM, form="text")
REPLY = evolve(WORDS, to=(COMMENT,))
SLOW = evolve(
    MESSENGER,
    meters=(
        Meter("films", RateDefault(1.0, 2), forms=("video",)),
        Meter("replies", RateDefault(0.1, 1), addresses=("comment_id",)),
    ),
)


def waits(meters: Meters, part: PartToSend, now: float = NOW, channel: str = "fb") -> float | None:
    failure = meters.admit(part, channel, SLOW, now)
    assert failure is None or failure.kind is Kind.THROTTLED
    return failure.retry_after_s if failure else None


def test_what_falls_under_no_limit_never_waits() -> None:
    meters = Meters()

    assert [waits(meters, WORDS) for _ in range(50)] == [None] * 50


def test_a_burst_passes_and_the_next_one_waits_for_its_place() -> None:
    meters = Meters()

    assert [waits(meters, FILM) for _ in range(4)] == [None, None, 1.0, 1.0]
    assert waits(meters, FILM, NOW + 1.0) is None


def test_channels_do_not_wait_for_each_other() -> None:
    meters = Meters()
    for _ in range(3):
        waits(meters, FILM)

    assert waits(meters, FILM, channel="other") is None


def test_a_person_who_is_known_is_no_longer_a_comment() -> None:
    meters = Meters()
    waits(meters, REPLY)

    assert waits(meters, REPLY) == pytest.approx(10.0)
    assert waits(meters, evolve(REPLY, to=(COMMENT, ANA))) is None


def test_what_waits_for_one_limit_is_not_charged_to_the_other() -> None:
    meters, both = Meters(), evolve(FILM, to=(COMMENT,))
    waits(meters, REPLY)

    assert waits(meters, both) is not None
    assert [waits(meters, FILM) for _ in range(3)] == [None, None, 1.0]


@pytest.mark.parametrize(
    ("name", "in_s", "most"), [("audio and video", 1, 10), ("private replies", 3600, 750)]
)
def test_a_page_keeps_below_what_the_platform_takes(name: str, in_s: int, most: int) -> None:
    (meter,) = [meter for meter in MESSENGER.meters if meter.name == name]

    assert meter.rate.burst + meter.rate.per_second * in_s <= most
