"""What a person answers who is asked which accounts to connect."""

import pytest

from omni_actors.cli_connect import picked
from omni_actors.cli_exits import Ended

ACCOUNTS: list[dict[str, str | None]] = [
    {"key": "a", "obstacle": None},
    {"key": "b", "obstacle": "the person may not send messages for this page"},
    {"key": "c", "obstacle": None},
]


@pytest.mark.parametrize(
    ("answer", "keys"),
    [("1\n", ["a"]), ("3, 1", ["c", "a"]), ("1 1", ["a"]), ("all\n", ["a", "c"])],
)
def test_accounts_are_picked_by_number(answer: str, keys: list[str]) -> None:
    assert picked(ACCOUNTS, answer) == keys


@pytest.mark.parametrize("answer", ["", "\n", "0", "4", "2", "1 2", "one", "-1", "1 all", "²"])
def test_what_is_none_of_them_connects_nothing(answer: str) -> None:
    with pytest.raises(Ended, match="none of them"):
        picked(ACCOUNTS, answer)
