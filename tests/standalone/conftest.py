"""Data directories for tests that start processes; everything that they start is ended by them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def private_dir(tmp_path: Path) -> Path:
    """A data directory, not made yet, that other users can't reach."""
    tmp_path.chmod(0o700)
    return tmp_path / "data"


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A data directory, not made yet, that every user can reach."""
    parent = Path(tempfile.mkdtemp(prefix="sessions-test-"))
    parent.chmod(0o755)
    yield parent / "data"
    shutil.rmtree(parent)
