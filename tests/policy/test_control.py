"""For how long another app keeps us from answering."""

import pytest

from omni_actors.model.capabilities import Capabilities
from omni_actors.policy.control import is_elsewhere

SHARED = Capabilities(forms={}, control_s=100.0)
ALONE = Capabilities(forms={})


@pytest.mark.parametrize(
    ("controlled_by", "last_inbound_at", "capabilities", "now", "elsewhere"),
    [
        ("1234", 1_000.0, SHARED, 1_099.0, True),
        ("1234", 1_000.0, SHARED, 1_100.0, False),
        ("1234", None, SHARED, 1_000.0, False),
        (None, 1_000.0, SHARED, 1_000.0, False),
        ("1234", 1_000.0, ALONE, 1_000.0, False),
    ],
)
def test_control_lapses_some_time_after_the_last_message(
    controlled_by: str | None,
    last_inbound_at: float | None,
    capabilities: Capabilities,
    now: float,
    elsewhere: bool,
) -> None:
    assert is_elsewhere(controlled_by, last_inbound_at, capabilities, now) is elsewhere
