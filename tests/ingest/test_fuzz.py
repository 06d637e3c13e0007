"""A few thousand damaged lines; `make fuzz` does a million."""

import random
from pathlib import Path

import pytest

from tests.ingest.fuzz import Kind, import_damaged, kinds, mutated


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
async def test_every_damaged_line_is_counted_once(kind: Kind, tmp_path: Path) -> None:
    choose = random.Random(1)  # noqa: S311
    tally = await import_damaged(kind, choose, 1_000, tmp_path)
    assert tally.entries > 0
    assert tally.refused > 0
    assert tally.events > 0


def test_lines_are_damaged() -> None:
    choose = random.Random(1)  # noqa: S311
    line = kinds()[0].lines[0]
    assert sum(mutated(choose, line) != line for _ in range(100)) > 90
