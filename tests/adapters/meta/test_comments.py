"""What is said in public is taken back under the name that it was said by."""

from typing import Any

import pytest

from omni_actors.adapters.messenger import MESSENGER
from omni_actors.model.reports import ChannelReported, Remark, Turn

PAGE, POST = "880011223344", "880011223344_77"
ANA = {"id": "7300000000000001", "name": "Ana Dias"}


def told(item: str, verb: str, **more: Any) -> Remark:
    value: dict[str, Any] = {
        "item": item,
        "verb": verb,
        "from": ANA,
        "created_time": 1_700_000_000,
        **more,
    }
    entry: dict[str, Any] = {
        "id": PAGE,
        "time": 1_700_000_001,
        "changes": [{"field": "feed", "value": value}],
    }
    [report] = MESSENGER.parse({"object": "page", "entry": [entry]})
    assert isinstance(report, ChannelReported)
    assert report.remark is not None
    return report.remark


@pytest.mark.parametrize("item", ["status", "photo", "video", "share", "post"])
def test_what_is_posted_is_taken_back_as_a_post_whatever_it_was(item: str) -> None:
    posted = told(item, "add", post_id=POST, message="My number is 351 210")
    removed = told("post", "remove", post_id=POST)

    assert posted.external_id == removed.external_id
    assert (posted.turn, removed.turn, removed.words) == (Turn.SAID, Turn.REMOVED, {})


def test_a_reaction_to_a_post_is_not_the_post() -> None:
    assert told("reaction", "remove", post_id=POST) != told("post", "remove", post_id=POST)


@pytest.mark.parametrize(
    ("verb", "turn"),
    [
        ("add", Turn.SAID),
        ("hide", Turn.SAID),
        ("edit", Turn.EDITED),
        ("edited", Turn.EDITED),
        ("update", Turn.EDITED),
        ("delete", Turn.REMOVED),
        ("remove", Turn.REMOVED),
    ],
)
@pytest.mark.parametrize("item", ["post", "status"])
def test_each_verb_of_the_platform_says_or_changes_or_takes_back(
    item: str, verb: str, turn: Turn
) -> None:
    assert told(item, verb, post_id=POST, message="x").turn is turn
