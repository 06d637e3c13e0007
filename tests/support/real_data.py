"""Files of real input: an access log and a clickstream, too large to be part of the repository."""

import os
from pathlib import Path

import pytest

_FOLDER = "TEST_REAL_DATA"


def real_file(name: str) -> Path:
    """A file of real input, in the folder that TEST_REAL_DATA names, or in `../shared/data`.

    Without it the test is skipped. Where TEST_REAL_DATA is set, as in CI, it fails instead.
    """
    folder = os.environ.get(_FOLDER)
    path = Path(folder or Path(__file__).parents[2] / "../shared/data") / name
    if not path.exists():
        missing = f"{path} is missing, which is not part of this repository"
        pytest.fail(f"{missing}, and {_FOLDER} is set") if folder else pytest.skip(missing)
    return path
