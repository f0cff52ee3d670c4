"""What the tests of calls share: hands wired as the product wires them, on a folder of blobs."""

from collections.abc import AsyncIterator

import pytest

from omni_actors.media.blobs import Blobs
from omni_actors.net.http import HttpHands
from tests.net.kit import blobs_in, hands_of


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    return blobs_in(tmp_path_factory.mktemp("blobs"))


@pytest.fixture
async def hands(blobs: Blobs) -> AsyncIterator[HttpHands]:
    async with hands_of(blobs) as hands:
        yield hands
