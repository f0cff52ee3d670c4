"""What was acknowledged survives `kill -9` of the writing process."""

from pathlib import Path

import pytest

from tests.store.kill import kill_rounds


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_to_a_kill(tmp_path: Path) -> None:
    rounds = kill_rounds(6, tmp_path)

    assert [one for one in rounds if one.lost or not one.sound] == []
    assert all(one.acknowledged > 0 for one in rounds)
