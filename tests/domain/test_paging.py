"""How many rows a page holds."""

import pytest
from sessions.domain.errors import InvalidArgument
from sessions.domain.paging import page_size

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


@pytest.mark.parametrize(
    ("asked", "rows"),
    [(0, DEFAULT_LIMIT), (1, 1), (99, 99), (100, 100), (101, MAX_LIMIT), (2**31 - 1, MAX_LIMIT)],
)
def test_a_page_holds_what_is_asked_up_to_a_maximum(asked: int, rows: int) -> None:
    assert page_size(asked, DEFAULT_LIMIT, MAX_LIMIT, "limit") == rows


@pytest.mark.parametrize("asked", [-1, -(2**31)])
def test_a_negative_page_is_refused(asked: int) -> None:
    with pytest.raises(InvalidArgument, match="limit"):
        page_size(asked, DEFAULT_LIMIT, MAX_LIMIT, "limit")
