"""Pages of a list: how many rows they hold, and where the next one begins."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sessions.domain.errors import InvalidArgument, Violation


class Position(NamedTuple):
    """A position among the sessions of a website, in the order of `(started_at, session_id)`."""

    started_at: datetime
    session_id: UUID


def page_size(asked: int, default: int, maximum: int, field: str) -> int:
    """How many rows a page holds: `default` for 0, never more than `maximum` (AIP-158).

    Raises:
        InvalidArgument: `asked` is negative.
    """
    if asked < 0:
        text = f"{asked} is negative; send 1 to {maximum}"
        raise InvalidArgument(Violation(field, text, maximum, asked))
    return min(asked or default, maximum)
