"""Whose word about the time counts."""

import pytest

from omni_actors.policy.moments import believable

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        pytest.param(NOW - 86_400.0, NOW - 86_400.0, id="a message that was on its way for a day"),
        pytest.param(NOW + 30.0, NOW + 30.0, id="a clock that is a little ahead"),
        pytest.param(0.0, NOW, id="no time at all"),
        pytest.param(-5.0, NOW, id="before there were computers"),
        pytest.param(NOW + 86_400.0, NOW, id="tomorrow"),
    ],
)
def test_a_moment_is_the_platforms_unless_it_cannot_be(told: float, taken: float) -> None:
    assert believable(told, NOW) == taken
