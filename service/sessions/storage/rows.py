"""Rows by the names of their columns, whatever stands beside these in the result."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory

from sessions.domain.dimensions import TEXTS
from sessions.domain.session import Session

Row = TypeVar("Row", bound=NamedTuple)
Values = Sequence[Any]

_PLAIN = ("session_id", "visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot")

SESSION_COLUMNS: LiteralString = ", ".join(f"s.{name}" for name in (*_PLAIN, *TEXTS))
"""The columns of the table `sessions s` that make a Session."""


def named(kind: type[Row]) -> AsyncRowFactory[Row]:
    """Makes rows of a NamedTuple whose fields are named as the columns."""

    def factory(cursor: AsyncCursor[Any]) -> Callable[[Values], Row]:
        pick = picker(cursor, kind._fields)
        return lambda values: kind._make(pick(values))

    return factory


def session_rows(cursor: AsyncCursor[Any]) -> Callable[[Values], Session]:
    """Makes a Session of each row of SESSION_COLUMNS."""
    plain, texts = picker(cursor, _PLAIN), picker(cursor, TEXTS)

    def make(values: Values) -> Session:
        return Session._make((*plain(values), dict(zip(TEXTS, texts(values), strict=True))))

    return make


def picker(cursor: AsyncCursor[Any], names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """Takes the columns of two or more names out of a row.

    Raises:
        LookupError: the result has no such column.
    """
    result = cursor.pgresult
    if result is None or not result.nfields:  # a statement without rows
        return tuple
    # By name, because a newer schema can have further columns anywhere.
    columns = [(result.fname(index) or b"").decode() for index in range(result.nfields)]
    try:
        return itemgetter(*map(columns.index, names))
    except ValueError as error:
        raise LookupError(f"{error}: {columns}") from error
