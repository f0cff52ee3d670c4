"""Lives log nothing: what went wrong in one is found again by its seed."""

import io
from collections.abc import Iterator

import pytest

from omni_actors import telemetry


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> Iterator[None]:
    telemetry.configure(level="critical", stream=io.StringIO())
    yield
    telemetry.configure(level="info")
