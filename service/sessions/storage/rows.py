"""Rows by the names of their columns, whatever stands beside these in the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar
from uuid import UUID

import orjson
from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory

from sessions.domain.dimensions import TEXTS
from sessions.domain.paging import Position
from sessions.domain.session import Session

Row = TypeVar("Row", bound=NamedTuple)
T = TypeVar("T")
Values = Sequence[Any]

_PLAIN = ("session_id", "visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot")

SESSION_COLUMNS: LiteralString = ", ".join(
    [
        *(f"s.{name}" for name in _PLAIN),
        *(f"nullif(s.{name}, '') AS {name}" for name in TEXTS),
    ]
)
"""The columns of the table `sessions s` that make a Session; an unknown text is NULL."""

# The columns are read of rows only that have no message.
_MESSAGE_COLUMNS: LiteralString = f"""s.message, CASE WHEN s.message IS NULL THEN
       json_build_array({", ".join(f"s.{name}" for name in (*_PLAIN, *TEXTS))})::text
       END AS columns"""


@dataclass(frozen=True, slots=True)
class SessionForm(Generic[T]):
    """In which form sessions are read.

    Attributes:
        columns: what is selected of `sessions s`.
        rows: makes the form of a row.
        position: where a session of this form is.
    """

    columns: LiteralString
    rows: AsyncRowFactory[T]
    position: Callable[[T], Position]


class FoundSession(NamedTuple, Generic[T]):
    """A session in some form, and what its events are found by."""

    session: T
    session_id: UUID
    visitor_id: str
    started_at: datetime
    ended_at: datetime
    pageviews: int
    events: int
    visitor_key: int

    @property
    def position(self) -> Position:
        """Where it is."""
        return Position(self.started_at, self.session_id)

    @property
    def steps(self) -> int:
        """How many pageviews and events it has."""
        return self.pageviews + self.events


_FINDING = FoundSession._fields[1:]
FINDING_COLUMNS: LiteralString = """
       s.session_id, s.visitor_id, s.started_at, s.ended_at, s.pageviews, s.events, s.visitor_key"""
"""The columns of the table `sessions s` that make a FoundSession, beside those of its form."""


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


def messages(
    encode: Callable[[Session], bytes], position: Callable[[bytes], Position]
) -> SessionForm[bytes]:
    """Sessions as their messages: the stored one of a row, or one that is made of its columns."""

    def factory(cursor: AsyncCursor[Any]) -> Callable[[Values], bytes]:
        pick = picker(columns_of(cursor), ("message", "columns"))

        def make(values: Values) -> bytes:
            message, columns = pick(values)
            return encode(_of_json(columns)) if message is None else message

        return make

    return SessionForm(_MESSAGE_COLUMNS, factory, position)


def _of_json(columns: str) -> Session:
    session_id, visitor_id, started_at, ended_at, *rest = orjson.loads(columns)
    moments = map(datetime.fromisoformat, (started_at, ended_at))
    counts, texts = rest[: -len(TEXTS)], rest[-len(TEXTS) :]
    plain = (UUID(session_id), visitor_id, *moments, *counts)
    return Session._make((*plain, tuple(text or None for text in texts)))


def _position(session: Session) -> Position:
    return Position(session.started_at, session.session_id)


def found_sessions(form: SessionForm[T]) -> AsyncRowFactory[FoundSession[T]]:
    """Makes rows of the columns of a form and FINDING_COLUMNS."""

    def factory(cursor: AsyncCursor[Any]) -> Callable[[Values], FoundSession[T]]:
        session, finding = form.rows(cursor), picker(columns_of(cursor), _FINDING)
        return lambda values: FoundSession(session(values), *finding(values))

    return factory


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


SESSIONS = SessionForm(SESSION_COLUMNS, session_rows, _position)
"""Sessions as such."""
