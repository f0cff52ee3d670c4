"""When a free-form message may be sent, to the second."""

from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.capabilities import Capabilities
from omni_actors.model.content import Content, Media, MediaKind, Reaction, Template, Text
from omni_actors.model.reports import IdentityKey, Received
from omni_actors.model.requests import AuthorType
from omni_actors.policy.window import (
    closed_sentence,
    closing_at,
    entry_of,
    grace_until,
    has_opened,
    is_open,
    needs_no_window,
    needs_window,
    opened_until,
)

DAY_S = 86_400.0
WINDOWED = Capabilities({}, window_s=DAY_S)
ADS = Capabilities({}, window_s=DAY_S, entry_answer_s=DAY_S, entry_free_s=3 * DAY_S)
EXTENDED = Capabilities({}, window_s=DAY_S, entry_window_s=7 * DAY_S)
FREE = Capabilities({})
HEARD = Received("770011", "wamid.1", 1000.0, (), "wamid.1", Text("Hello"))


@pytest.mark.parametrize(
    ("report", "capabilities", "until"),
    [
        (HEARD, WINDOWED, 1000.0 + DAY_S),
        (HEARD, FREE, None),
        (HEARD, EXTENDED, 1000.0 + DAY_S),
        (evolve(HEARD, free_entry=True), EXTENDED, 1000.0 + 7 * DAY_S),
        (evolve(HEARD, free_entry=True), ADS, 1000.0 + DAY_S),
        (evolve(HEARD, opens_window=False), WINDOWED, None),
    ],
)
def test_a_message_opens_the_window_from_its_own_time(
    report: Received, capabilities: Capabilities, until: float | None
) -> None:
    assert opened_until(report, capabilities) == until


@pytest.mark.parametrize(
    ("until", "now", "is_it"),
    [(None, 0.0, False), (100.0, 99.999, True), (100.0, 100.0, False), (100.0, 100.001, False)],
)
def test_a_window_closes_at_its_very_end(until: float | None, now: float, is_it: bool) -> None:
    assert is_open(WINDOWED, until, now) is is_it
    assert is_open(FREE, until, now)


@pytest.mark.parametrize(
    ("content", "needs"),
    [
        (Text("Hello"), True),
        (Media(MediaKind.IMAGE, "m"), True),
        (Reaction("👍", "msg_1"), True),
        (Template("order", "en"), False),
    ],
)
def test_all_but_templates_need_an_open_window(content: Content, needs: bool) -> None:
    assert needs_window(content, WINDOWED) is needs
    assert not needs_window(content, FREE)


@pytest.mark.parametrize(
    ("before", "until", "at", "opened"),
    [
        (None, 200.0, 100.0, True),
        (99.0, 200.0, 100.0, True),
        (100.0, 200.0, 100.0, True),
        (101.0, 200.0, 100.0, False),
        (None, None, 100.0, False),
        (None, 100.0, 100.0, False),
        (None, 50.0, 100.0, False),
    ],
)
def test_only_a_closed_window_can_be_opened(
    before: float | None, until: float | None, at: float, opened: bool
) -> None:
    assert has_opened(before, until, at) is opened


@given(st.lists(st.floats(0, 10 * DAY_S), min_size=1, max_size=20).map(sorted))
def test_a_window_opens_once_for_each_silence_of_a_day(times: list[float]) -> None:
    until: float | None = None
    opened = 0
    for at in times:
        after = opened_until(evolve(HEARD, at=at), WINDOWED)
        opened += has_opened(until, after, at)
        until = after

    silences = [(earlier, later) for earlier, later in pairwise(times) if earlier + DAY_S <= later]
    assert opened == 1 + len(silences)


def test_the_warning_comes_before_the_end() -> None:
    assert closing_at(10_000.0, 600.0) == 9_400.0


@pytest.mark.parametrize(
    ("free_entry", "capabilities", "entry"),
    [
        (True, ADS, (1000.0 + DAY_S, 3 * DAY_S)),
        (False, ADS, None),
        (True, WINDOWED, None),
    ],
)
def test_only_who_came_from_an_ad_may_be_answered_for_nothing(
    free_entry: bool, capabilities: Capabilities, entry: tuple[float, float] | None
) -> None:
    assert entry_of(evolve(HEARD, free_entry=free_entry), capabilities) == entry


HUMANE = Capabilities({}, window_s=DAY_S, human_window_s=7 * DAY_S, free_in_closed_window=())


@pytest.mark.parametrize(
    ("author", "capabilities", "heard_at", "until"),
    [
        (AuthorType.HUMAN, HUMANE, 1000.0, 1000.0 + 7 * DAY_S),
        (AuthorType.HUMAN, HUMANE, None, None),
        (AuthorType.HUMAN, WINDOWED, 1000.0, None),
        (AuthorType.BOT, HUMANE, 1000.0, None),
    ],
)
def test_a_human_may_go_on_where_the_platform_says_so(
    author: AuthorType, capabilities: Capabilities, heard_at: float | None, until: float | None
) -> None:
    assert grace_until(author, capabilities, heard_at) == until


def test_a_closed_window_says_what_else_there_is() -> None:
    bot, human = [closed_sentence(author, HUMANE) for author in (AuthorType.BOT, AuthorType.HUMAN)]

    assert "author.type = human" in bot
    assert "author.type = human" not in human
    assert "template" not in bot
    assert "send a template" in closed_sentence(AuthorType.BOT, WINDOWED)


COMMENT, KNOWN = IdentityKey("comment_id", "88_901"), IdentityKey("psid", "73")
PUBLIC = Capabilities({}, window_s=DAY_S, windowless=("comment_id",))


@pytest.mark.parametrize(
    ("keys", "free"),
    [((COMMENT,), True), ((COMMENT, KNOWN), False), ((KNOWN,), False), ((), False)],
)
def test_a_comment_needs_no_window_until_its_author_is_known(
    keys: tuple[IdentityKey, ...], free: bool
) -> None:
    assert needs_no_window(keys, PUBLIC) is free
