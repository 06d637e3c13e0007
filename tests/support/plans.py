"""How Citus runs the statements of the service: each about a website as one task on one shard."""

import re
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sessions.storage import changed_hours, instrumentation, session_messages, totals, visitors

# Jobs look for websites with work.
_OF_ALL_WEBSITES = (
    changed_hours._WAITING,
    session_messages._NEXT,
    totals._TOTALS.format(bytes=totals._BYTES_OF_NODES),
)
_OF_A_MONTH = re.compile(r'SELECT 1 FROM "(events|sessions)_\d{4}_\d\d" LIMIT 1')
# The rows come from no table, and all go to one shard.
_ROWS_SENT = visitors._LOCK.format(rows=visitors._MANY_ROWS)
_EXPLAINED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
# The way of every statement from the module that wants it.
_ON_THE_WAY = re.compile(
    r"/psycopg|/contextlib|/tests/support/plans|/storage/(database|instrumentation)"
)


class Statement(NamedTuple):
    """A statement of the service with the parameters of one execution."""

    text: str
    parameters: Any
    url: str


class Recorder:
    """Notes each statement of the service that runs, the first time that it does."""

    def __init__(self) -> None:
        self.new: list[Statement] = []
        self.checked: set[str] = set()

    def note(self, query: Any, parameters: Any, connection: psycopg.AsyncConnection) -> None:
        text = instrumentation._text(query)
        if text in self.checked or not _EXPLAINED.match(text) or not _of_service():
            return
        self.checked.add(text)
        url = make_conninfo(connection.info.dsn, password=connection.info.password or None)
        self.new.append(Statement(text, parameters, url))

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for cursor in (instrumentation._Measured, instrumentation._MeasuredServerCursor):
            patch.setattr(cursor, "execute", self._noting(cursor.execute))

    def _noting(self, execute: Any) -> Any:
        def noting(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
            self.note(query, params, cursor.connection)
            return execute(cursor, query, params, **options)

        return noting

    async def check(self) -> None:
        """Raise AssertionError where a statement about a website is not one task on one shard."""
        statements, self.new = self.new, []
        for statement in statements:
            if wrong := await _wrong(statement):
                raise AssertionError(f"{wrong}: {statement.text}")


def _of_service() -> bool:
    """Whether the service itself, and not a test, wants the statement that runs now."""
    frame: FrameType | None = sys._getframe(1)
    while frame and _ON_THE_WAY.search(frame.f_code.co_filename):
        frame = frame.f_back
    file = frame.f_code.co_filename if frame else ""
    # What is generated is of many websites, and comes from tables of the connection.
    return "/sessions/" in file and "/tests/" not in file and "/generator/" not in file


async def _wrong(statement: Statement) -> str | None:
    if statement.text in _OF_ALL_WEBSITES or _OF_A_MONTH.fullmatch(statement.text):
        return None
    async with await psycopg.AsyncConnection.connect(statement.url, autocommit=True) as connection:
        query = f"EXPLAIN (COSTS OFF, FORMAT JSON) {statement.text}".encode()
        [(plan,)] = await (await connection.execute(query, statement.parameters)).fetchall()
    found = list(_found(plan))
    if statement.text == _ROWS_SENT:
        expected = [("INSERT/SELECT method", "pull to coordinator")]
        return None if found == expected else str(found)
    return None if found in ([], [("Task Count", 1)]) else str(found)


def _found(plan: Any) -> Iterator[tuple[str, Any]]:
    """Whatever says how much of a cluster a plan needs."""
    if isinstance(plan, list):
        for each in plan:
            yield from _found(each)
    elif isinstance(plan, dict):
        for name, value in plan.items():
            if name in ("Task Count", "INSERT/SELECT method", "Subplans"):
                yield name, value
            if name != "Tasks":
                yield from _found(value)
