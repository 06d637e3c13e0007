"""Rows that are not there yet: few as one JSON text, many by COPY.

The text format of COPY: https://www.postgresql.org/docs/current/sql-copy.html
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, LiteralString, NamedTuple

import orjson
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from sessions.storage.database import Connection, as_json

Column = Callable[[Sequence[Any]], Iterable[str]]
"""Makes the texts that COPY reads of a column's values."""

Row = Sequence[Any]
"""The values of a row, in the order of its columns."""

MANY = 2_000
"""Rows from which on COPY is quicker; a request has fewer events."""

# By one statement: its timeout goes on while it waits for rows, which takes long on a busy machine.
_COPIED_AT_ONCE = 2_000
_NULL = r"\N"


def plain(values: Sequence[Any]) -> Iterable[str]:
    """Numbers, booleans, moments and UUIDs: one call of the library for all of them."""
    return orjson.dumps(values)[1:-1].decode().replace('"', "").split(",")


def text(values: Sequence[str]) -> Iterable[str]:
    """Texts."""
    everything = "".join(values)
    if not any(special in everything for special in "\\\t\n\r"):  # nearly always
        return values
    return map(_escaped, values)


def json(values: Sequence[Any]) -> Iterable[str]:
    """Anything that JSON can say; None is NULL."""
    return [_NULL if value is None else _escaped(orjson.dumps(value).decode()) for value in values]


def binary(values: Sequence[str | None]) -> Iterable[str]:
    r"""Values of `bytea` as texts, `\x` and hex digits; None is NULL."""
    return [_NULL if value is None else f"\\{value}" for value in values]


def array(values: Sequence[Sequence[str]]) -> Iterable[str]:
    """Arrays of texts in which nothing has to be quoted, such as UUIDs."""
    return [f"{{{','.join(value)}}}" for value in values]


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\\\").replace("\n", "\\n")
    return value.replace("\r", "\\r").replace("\t", "\\t")


async def copy(
    connection: Connection,
    table: str,
    website_key: int,
    columns: Mapping[str, Column],
    rows: Iterable[Row],
) -> None:
    """Add many rows of a website to a table by COPY, which can't be inside of a pipeline.

    Args:
        connection: inside a transaction that holds the locks of visitors of the website.
        table: its name.
        website_key: whose rows.
        columns: the columns of the table, but for `website_key`.
        rows: none of which is there.
    """
    statement = f"COPY {table} (website_key, {', '.join(columns)}) FROM STDIN".encode()
    coming = iter(rows)
    async with connection.cursor() as cursor:
        while some := list(islice(coming, _COPIED_AT_ONCE)):
            async with cursor.copy(statement) as copying:
                await copying.write(_lines(website_key, columns.values(), some))


class Sent(NamedTuple):
    """Rows that are on their way to a table; in a pipeline they are not stored yet."""

    table: str
    rows: int
    done: AsyncCursor[TupleRow]

    def check(self) -> None:
        """Raise RuntimeError unless all of them were added; once there is an answer."""
        if self.done.rowcount != self.rows:
            # Without a visitor of the website, which the caller has locked, there is no OWN.
            raise RuntimeError(
                f"{self.done.rowcount} of {self.rows} rows were added to {self.table}"
            )


async def send(
    connection: Connection,
    table: str,
    website_key: int,
    columns: Mapping[str, Column],
    rows: Collection[Row],
) -> Sent:
    """Add few rows as one JSON text; the arguments are those of `copy`."""
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    parameters = {"website_key": website_key, "rows": as_json(named)}
    done = await connection.execute(_insert(table, tuple(columns)), parameters)
    return Sent(table, len(rows), done)


OWN: LiteralString = """(
       SELECT website_key
         FROM visitors
        WHERE website_key = %(website_key)s
        ORDER BY visitor_id LIMIT 1) AS own"""
"""The key of a website that has a visitor, as a table of one row.

Citus sends an INSERT of selected rows to the right shard, with all of them, where the key comes
from a table that is distributed by it."""


@cache
def _insert(table: str, columns: tuple[str, ...]) -> bytes:
    names = ", ".join(columns)
    return f"""
    INSERT INTO {table} (website_key, {names})
    SELECT own.website_key, {names}
      FROM {OWN}
     CROSS JOIN json_populate_recordset(NULL::{table}, %(rows)s::json) AS sent
    """.encode()


def _lines(website_key: int, columns: Iterable[Column], rows: Sequence[Row]) -> str:
    by_column = zip(*rows, strict=True)
    texts = [column(values) for column, values in zip(columns, by_column, strict=True)]
    return "".join(
        [f"{website_key}\t{line}\n" for line in map("\t".join, zip(*texts, strict=True))]
    )
