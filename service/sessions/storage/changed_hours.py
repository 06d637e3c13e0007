"""The hours whose sessions a transaction has changed: what blocks must not be read for.

Whoever changes rows of `sessions` notes, in the same transaction, the hour (UTC) in which each
of them started before the change and the one in which it starts after it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import islice
from typing import LiteralString

from sessions.domain.hours import hour_number, hour_start
from sessions.domain.selection import Range
from sessions.storage.database import Connection, Database, bounds

# As values, for which Citus can tell the shard: a transaction changes few hours at a time.
_INSERT: LiteralString = "INSERT INTO changed_hours (website_key, hour, is_urgent) VALUES {rows}"
# Each number of hours makes a statement of its own: only those of few are prepared.
_AT_ONCE, _PREPARED = 100, 8


_FIND: LiteralString = """
SELECT DISTINCT hour
  FROM changed_hours
 WHERE website_key = %(website_key)s
   AND hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC') AND hour < %(until)s::timestamptz
"""

_REMOVE: LiteralString = """
DELETE FROM changed_hours
 WHERE website_key = %(website_key)s AND hour = ANY(%(hours)s::timestamptz[])
"""

# One keeps the hour out of date for all who see it, as all of its rows together do.
_COMPACT: LiteralString = """
DELETE FROM changed_hours
 WHERE website_key = %(website_key)s
   AND change_key NOT IN (
       SELECT DISTINCT ON (hour) change_key
         FROM changed_hours
        WHERE website_key = %(website_key)s
        ORDER BY hour, is_urgent DESC, change_key)
"""


_WAITING: LiteralString = """
SELECT website_key, hours,
       coalesce(is_urgent, false) OR changes > %(many)s OR cardinality(hours) > %(hours)s
  FROM (SELECT website_key, count(*) AS changes,
               coalesce(array_agg(DISTINCT hour) FILTER (WHERE hour < %(current_hour)s), '{}')
                   AS hours,
               bool_or(is_urgent) FILTER (WHERE hour < %(current_hour)s) AS is_urgent
          FROM changed_hours
          JOIN websites USING (website_key)
         WHERE deleted_at IS NULL
         GROUP BY website_key) AS changed
  LEFT JOIN fold_state USING (website_key)
 WHERE coalesce(folded_at < %(rested)s, true)
 ORDER BY website_key
"""

_HAS_MANY: LiteralString = """
SELECT
  FROM unnest(%(hours)s::timestamptz[]) AS hour
  JOIN sessions s
    ON s.website_key = %(website_key)s
   AND s.started_at >= hour AND s.started_at < hour + interval '1 hour'
OFFSET %(many)s LIMIT 1
"""

_FEW_HOURS = 2
# Sessions that a read would take from their rows, or notes that it would look through: blocks are
# brought up to date where there are more, or more than a few hours, or where that is urgent.
_MANY = 5_000


async def note(
    connection: Connection,
    website_key: int,
    starts: Iterable[datetime],
    *,
    is_urgent: bool = False,
) -> None:
    """Note the hours in which sessions started that this transaction changes.

    Args:
        connection: inside the transaction.
        website_key: whose sessions.
        starts: `started_at` of each session before and after the change.
        is_urgent: blocks hold words that must go soon, or must be built again.
    """
    # A batch changes many sessions of few hours.
    await note_hours(connection, website_key, set(map(hour_number, starts)), is_urgent=is_urgent)


async def note_hours(
    connection: Connection, website_key: int, hours: Collection[int], *, is_urgent: bool = False
) -> None:
    """Note some hours (by number) themselves, so that the next fold builds their blocks again."""
    moments = iter(sorted(map(hour_start, hours)))
    while some := list(islice(moments, _AT_ONCE)):
        named = {f"hour{number}": hour for number, hour in enumerate(some)}
        row: LiteralString = "(%(website_key)s, %({name})s, %(is_urgent)s)"
        query = _INSERT.format(rows=", ".join([row.format(name=name) for name in named]))
        own = {"website_key": website_key, "is_urgent": is_urgent}
        prepare = None if len(some) <= _PREPARED else False
        await connection.execute(query, own | named, prepare=prepare)


async def find(
    connection: Connection, website_key: int, range_: Range | None = None
) -> frozenset[int]:
    """The hours (by number) of some time whose blocks are out of date for this transaction."""
    parameters = {"website_key": website_key, **bounds(range_)}
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_FIND, parameters)
        return frozenset(hour_number(hour) for (hour,) in await cursor.fetchall())


async def remove(connection: Connection, website_key: int, hours: Collection[int]) -> None:
    """Remove the notes of hours that this transaction has brought up to date.

    Only inside of a fold's transaction: what it does not see was written after its snapshot, and
    stays.
    """
    parameters = {"website_key": website_key, "hours": [hour_start(hour) for hour in hours]}
    await connection.execute(_REMOVE, parameters)


async def due(database: Database, now: datetime, rested: datetime) -> list[int]:
    """The keys of websites whose blocks should be brought up to date.

    Args:
        database: where to look.
        now: hours up to the current one are never due.
        rested: whose blocks were brought up to date since then is left alone.
    """
    limits = {"many": _MANY, "hours": _FEW_HOURS}
    parameters = {"current_hour": hour_start(hour_number(now)), "rested": rested, **limits}
    return [
        website_key
        for website_key, hours, is_due in await database.fetch(_WAITING, parameters)
        if is_due or (hours and await _has_many(database, website_key, hours))
    ]


async def _has_many(database: Database, website_key: int, hours: Collection[datetime]) -> bool:
    """Whether many sessions started in these hours."""
    parameters = {"website_key": website_key, "hours": hours, "many": _MANY}
    return bool(await database.fetch(_HAS_MANY, parameters))


async def compact(connection: Connection, website_key: int) -> None:
    """Leave one note of each hour; only inside of a fold's transaction."""
    await connection.execute(_COMPACT, {"website_key": website_key})
