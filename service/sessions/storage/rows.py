"""Rows by the names of their columns, whatever stands beside these in the result."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory

from sessions.domain.dimensions import TEXTS
from sessions.domain.paging import Position
from sessions.domain.session import Session

Row = TypeVar("Row", bound=NamedTuple)
Values = Sequence[Any]

_PLAIN = ("session_id", "visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot")

SESSION_COLUMNS: LiteralString = ", ".join(
    [
        *(f"s.{name}" for name in _PLAIN),
        *(f"nullif(s.{name}, '') AS {name}" for name in TEXTS),
    ]
)
"""The columns of the table `sessions s` that make a Session; an unknown text is NULL."""


class FoundSession(NamedTuple):
    """A session, and what its events are found by."""

    session: Session
    visitor_key: int

    @property
    def position(self) -> Position:
        """Where it is."""
        return Position(self.session.started_at, self.session.session_id)


def named(kind: type[Row]) -> AsyncRowFactory[Row]:
    """Makes rows of a NamedTuple whose fields are named as the columns."""

    def factory(cursor: AsyncCursor[Any]) -> Callable[[Values], Row]:
        pick = picker(columns_of(cursor), kind._fields)
        return lambda values: kind._make(pick(values))

    return factory


def session_rows(cursor: AsyncCursor[Any]) -> Callable[[Values], Session]:
    """Makes a Session of each row of SESSION_COLUMNS."""
    columns = columns_of(cursor)
    plain, texts = picker(columns, _PLAIN), picker(columns, TEXTS)

    def make(values: Values) -> Session:
        return Session._make((*plain(values), texts(values)))

    return make


def found_sessions(cursor: AsyncCursor[Any]) -> Callable[[Values], FoundSession]:
    """A row factory: makes a FoundSession of SESSION_COLUMNS and `visitor_key`, by name."""
    session, key = session_rows(cursor), picker(columns_of(cursor), ("visitor_key",))
    return lambda values: FoundSession(session(values), *key(values))


def columns_of(cursor: AsyncCursor[Any]) -> list[str]:
    """The names of the columns of a result; none of a statement without rows."""
    result = cursor.pgresult
    if result is None:
        return []
    return [(result.fname(index) or b"").decode() for index in range(result.nfields)]


def picker(columns: Sequence[str], names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """Takes the columns of two or more names out of a row.

    By name, because a newer schema can have further columns anywhere.

    Raises:
        LookupError: the result has no such column.
    """
    if not columns:
        return tuple
    try:
        indices = [columns.index(name) for name in names]
    except ValueError as error:
        raise LookupError(f"{error}: {columns}") from error
    side_by_side = range(indices[0], indices[0] + len(indices))
    if indices == [*side_by_side]:  # nearly always, and three times as fast
        return itemgetter(slice(side_by_side.start, side_by_side.stop))
    return itemgetter(*indices)
