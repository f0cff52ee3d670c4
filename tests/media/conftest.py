"""A folder of blobs for each test."""

from pathlib import Path

import pytest

from omni_actors.media.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    folder = Blobs(tmp_path / "blobs")
    folder.prepare()
    return folder
