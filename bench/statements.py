"""The service's own SQL, caught while it runs, so that no copy of it can drift."""

import re
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import AsyncRowFactory, tuple_row
from sessions.domain.predicates import All
from sessions.domain.selection import Range, Selection
from sessions.storage import session_list
from sessions.storage.database import Database, Parameters
from sessions.storage.rows import SessionForm


class Statement(NamedTuple):
    """SQL with `%(name)s` for its parameters, whose values are plain text and numbers."""

    sql: str
    parameters: dict[str, str | int]

    def for_pgbench(self) -> tuple[str, list[str]]:
        """The script, and the options that set its variables."""
        names = re.findall(r"%\((\w+)\)s", self.sql)
        script = re.sub(r"%\((\w+)\)s", r":\1", self.sql) + ";\n"
        return script, [f"--define={name}={self.parameters[name]}" for name in dict.fromkeys(names)]


async def first_page(
    database_url: str, website_key: int, range_: Range, limit: int, form: SessionForm[Any]
) -> Statement:
    """The one statement behind the first page of a list without filters."""
    recorder = _Recorder(database_url, pool_size=1)
    async with recorder:
        await session_list.list_page(
            *(recorder, website_key),
            Selection(range=range_, include_bots=False, predicate=All(), identity=b""),
            after=None,
            limit=limit,
            form=form,
        )
    if len(recorder.seen) != 1:
        raise RuntimeError("the page is not one statement: take a range with more sessions")
    return recorder.seen[0]


class _Recorder(Database):
    """A database that notes what it is asked."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        super().__init__(url, pool_size=pool_size)
        self.seen: list[Statement] = []

    async def fetch(
        self,
        query: LiteralString,
        parameters: Parameters,
        row_factory: AsyncRowFactory[Any] = tuple_row,
    ) -> list[Any]:
        plain = {name: _plain(value) for name, value in parameters.items()}
        self.seen.append(Statement(query, plain))
        return await super().fetch(query, parameters, row_factory)


def _plain(value: Any) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)
