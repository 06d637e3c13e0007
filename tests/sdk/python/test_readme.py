"""The README of the Python SDK is true."""

import sys
from pathlib import Path

from tests.sdk.python.examples import README, check_examples


def test_examples(sdk_environment: dict[str, str], website: str, tmp_path: Path) -> None:
    assert check_examples(Path(sys.executable), sdk_environment, website, tmp_path) >= 5


def test_errors_are_those_of_the_package() -> None:
    from analytics_sessions import errors

    classes = {kind.__name__ for kind in errors.SessionsError.__subclasses__()}
    rows = [line.split("`")[1] for line in README.read_text().splitlines() if line[:3] == "| `"]
    assert set(rows) == classes | {"SessionsError"}
