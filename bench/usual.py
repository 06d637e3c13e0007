"""The usual way: the range's events, put together to sessions again for every page.

The same data once more, in a table as such systems have it: each event holds its session's id
and attributes. Then a page is GROUP BY, ORDER BY and OFFSET, with a count beside it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.data import DEEP_PAGE, PAGE
from bench.figures import Comparison, in_turns, milliseconds, p50
from bench.latency import EVERYTHING
from bench.matrix import deep_request, request
from bench.service import Service

MOST_SESSIONS = 1_200_000
_TIMEOUT_MS = 120_000
_OUR_SECONDS = 0.3

_HERE = Path(__file__).parent / "usual"


def measure(service: Service, windows: tuple[int, ...], rounds: int) -> list[Comparison]:
    """First pages of some windows, and a deep one, our way and the usual way."""
    with _table(service.url) as connection:
        found = [_compare(service, connection, days, 1, rounds) for days in windows]
        found.append(_compare(service, connection, windows[-1], DEEP_PAGE, rounds))
    return found


@contextmanager
def _table(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS usual_events")
        try:
            connection.execute((_HERE / "table.sql").read_bytes())
            connection.execute("VACUUM (ANALYZE) usual_events")
            connection.execute(f"SET statement_timeout = {_TIMEOUT_MS}".encode())
            yield connection
        finally:
            connection.execute("DROP TABLE IF EXISTS usual_events")


def _compare(
    service: Service, connection: psycopg.Connection, days: int, page: int, rounds: int
) -> Comparison:
    start, end = service.data.days(days)
    asked = request(service.data, service.data.huge, EVERYTHING, days)
    if page > 1:
        asked, page = asyncio.run(deep_request(service.url, service.data, days))
    parameters = {"website_key": service.data.huge.key, "start": start, "end": end}
    page_parameters = {"limit": PAGE, "offset": (page - 1) * PAGE}

    def usual() -> None:
        for name, more in (("page", page_parameters), ("count", {})):
            sql = (_HERE / f"{name}.sql").read_bytes()
            connection.execute(sql, parameters | more).fetchall()

    with service.worker() as stub:
        ours, theirs = in_turns(
            rounds,
            lambda: p50(
                lambda: stub.ListSessions(asked, metadata=service.credentials), _OUR_SECONDS
            ),
            lambda: milliseconds(usual),
        )
    what = f"{days} days, page {page:,}"
    return Comparison(what, "aggregate, OFFSET and count(*), in SQL only", "ms", ours, theirs)
