"""The suite has a test of each case that all SDKs share."""

import re

import pytest

from tests.sdk.conftest import ROOT, cases_of

SOURCES = "\n".join(path.read_text() for path in sorted((ROOT / "tests/sdk/python").glob("*.py")))


@pytest.mark.parametrize("case", cases_of("python"))
def test_there_is_a_test_of(case: str) -> None:
    assert re.search(rf"^(async )?def test_{case}(_|\()", SOURCES, re.MULTILINE)
