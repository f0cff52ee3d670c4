"""What was acknowledged survives a power cut at any moment; and the harness would see if not."""

from pathlib import Path

import pytest

from tests.store.power_cut import cuts


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_and_nothing_is_damaged(tmp_path: Path) -> None:
    verdicts = cuts(range(120), tmp_path)

    assert [verdict for verdict in verdicts if verdict.lost or not verdict.sound] == []
    assert sum(verdict.acknowledged for verdict in verdicts) > 3000


@pytest.mark.slow
def test_the_thread_that_writes_loses_nothing_either(tmp_path: Path) -> None:
    verdicts = cuts(range(1000, 1040), tmp_path, inline=False)

    assert [verdict for verdict in verdicts if verdict.lost or not verdict.sound] == []
    assert sum(verdict.acknowledged for verdict in verdicts) > 500


@pytest.mark.slow
def test_the_harness_sees_what_weaker_syncing_loses(tmp_path: Path) -> None:
    verdicts = cuts(range(60), tmp_path, synchronous="NORMAL")

    assert sum(verdict.lost for verdict in verdicts) > 100
    assert all(verdict.sound for verdict in verdicts)
