"""The program under test: one for each async test, one for a whole module of plain ones."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.kit import Served, Setup, Site, open_site, serving
from tests.e2e.post import Post, missing, open_post


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here runs the built program."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def setup() -> Setup:
    """Overridden where a test needs another config."""
    return Setup()


@pytest.fixture
async def site(tmp_path: Path, setup: Setup) -> AsyncIterator[Site]:
    """The program with an echo bot, and the platforms in this process."""
    async with open_site(tmp_path, setup) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The program without a bot, shared by the tests of a module."""
    with serving(tmp_path_factory.mktemp("served"), Setup(bot="none")) as opened:
        yield opened


@pytest.fixture(scope="session")
def post() -> Iterator[Post]:
    """Real mail servers; see there."""
    if (why := missing()) is not None:
        pytest.skip(why)
    with open_post() as opened:
        yield opened
