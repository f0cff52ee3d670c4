"""Whole lives of the gateway by seed: nothing lost, nothing done twice unsaid, order kept."""

from pathlib import Path

import pytest

from tests.life.world import Scale, live

SMALL = Scale(customers=10, writes=2, sends=6, lasts_s=300.0, crashes=2)


@pytest.mark.slow
def test_one_seed_gives_one_life(tmp_path: Path) -> None:
    first = live(7, make(tmp_path / "a"), SMALL)
    again = live(7, make(tmp_path / "b"), SMALL)

    assert first == again


@pytest.mark.parametrize(
    "seed", [1, *[pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5)]]
)
def test_a_small_life_keeps_every_promise(seed: int, tmp_path: Path) -> None:
    told = live(seed, tmp_path, SMALL)

    assert told.lives == 3
    assert told.written == 20


# 15: a reload made a broken channel forget its next probe.
@pytest.mark.slow
@pytest.mark.parametrize("seed", [15, 100, 101])
def test_a_longer_life_keeps_every_promise(seed: int, tmp_path: Path) -> None:
    told = live(seed, tmp_path)

    assert told.lives == 5
    assert told.written == 120


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder
