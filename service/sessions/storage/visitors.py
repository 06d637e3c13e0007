"""Visitors: their integer keys, and the locks that order those who write about them."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, NamedTuple

from sessions.domain.websites import Website, unknown_website
from sessions.storage.database import Connection, as_json

# Generic plans from here on: of a website that is newer than the statistics the
# planner thinks that it has no rows, and would read all of them for each visitor.
# Citus can't plan without the website, which tells the shard.
_ENTER = """
SELECT pg_advisory_xact_lock_shared(%(in_use)s, %(website_key)s),
       set_config('plan_cache_mode',
                  CASE WHEN current_setting('citus.shard_count', true) IS NULL
                       THEN 'force_generic_plan' ELSE 'auto' END, true)
"""

# One pass in sorted order takes the lock of every row, new or old, so that two
# writers never wait for each other. "WHERE false" locks without writing.
_LOCK: LiteralString = """
INSERT INTO visitors (website_key, visitor_id)
{rows}
    ON CONFLICT (website_key, visitor_id) DO UPDATE SET visitor_id = '' WHERE false
RETURNING visitor_id
"""
_MANY_ROWS: LiteralString = """
SELECT %(website_key)s, visitor_id
  FROM json_array_elements_text(%(sent)s::json) AS visitor_id
 ORDER BY visitor_id COLLATE "C"
"""
# From so many visitors on one JSON text is quicker. Of fewer, Citus can tell the shard at once.
_MANY = 50

# A statement of its own: it must see what others committed before they let go of
# the locks. No rows: the website was deleted meanwhile.
_KEYS = """
SELECT visitor_id, visitor_key,
       EXISTS (SELECT FROM tombstones WHERE website_key = %(website_key)s)
  FROM visitors
 WHERE website_key = %(website_key)s AND visitor_id = ANY(%(visitor_ids)s)
   AND EXISTS (SELECT FROM websites
                WHERE website_key = %(website_key)s AND deleted_at IS NULL)
"""

_REMOVE_UNUSED = """
DELETE FROM visitors v
 WHERE website_key = %(website_key)s AND visitor_id = ANY(%(visitor_ids)s)
   AND NOT EXISTS (
       SELECT FROM session_ids i
        WHERE i.website_key = %(website_key)s AND i.visitor_key = v.visitor_key AND NOT i.merged)
"""

IN_USE = 1_984_305_142
"""Class of the advisory locks on websites: writers share one, a deletion waits for it."""


class Locked(NamedTuple):
    """Visitors that nobody else writes about until the transaction ends.

    `keys` holds the key of each by its id, `new_ids` those who were not there before;
    `any_erased` tells whether the website has tombstones, of whomever.
    """

    keys: dict[str, int]
    new_ids: frozenset[str]
    any_erased: bool


async def lock(connection: Connection, website: Website, ids: Iterable[str]) -> Locked:
    """Lock visitors until the transaction ends, making those that are new.

    Raises:
        NotFound: the website was deleted.
    """
    visitor_ids = sorted(set(ids))
    parameters = {"website_key": website.key, "visitor_ids": visitor_ids}
    # None needs the rows of another: they travel together.
    async with connection.pipeline():
        await connection.execute(_ENTER, {"in_use": IN_USE, "website_key": website.key})
        locked = await connection.execute(*_lock(website.key, visitor_ids))
        keys = await connection.execute(_KEYS, parameters)
        new_ids = frozenset(id_ for (id_,) in await locked.fetchall())
        found = await keys.fetchall()
    if not found:
        raise unknown_website(website.website_id)
    return Locked({visitor_id: key for visitor_id, key, _ in found}, new_ids, found[0][2])


def _lock(website_key: int, visitor_ids: Sequence[str]) -> tuple[LiteralString, dict[str, Any]]:
    if len(visitor_ids) >= _MANY:
        sent = {"website_key": website_key, "sent": as_json(visitor_ids)}
        return _LOCK.format(rows=_MANY_ROWS), sent
    numbered = {f"id{number}": visitor_id for number, visitor_id in enumerate(visitor_ids)}
    rows: LiteralString = ", ".join([f"(%(website_key)s, %({name})s)" for name in numbered])
    return _LOCK.format(rows=f"VALUES {rows}"), {"website_key": website_key, **numbered}


async def remove_unused(connection: Connection, website_key: int, ids: Iterable[str]) -> None:
    """Forget those of these visitors that have no session; their locks must be held."""
    parameters = {"website_key": website_key, "visitor_ids": list(ids)}
    await connection.execute(_REMOVE_UNUSED, parameters)
