"""Visitors: their integer keys, and the locks that order those who write about them."""

from collections.abc import Iterable

from sessions.storage.database import Connection, as_json

# One pass in sorted order takes the lock of every row, new or old, so that two
# writers never wait for each other. "WHERE false" locks without writing.
_LOCK = """
INSERT INTO visitors (website_key, visitor_id)
SELECT %(website_key)s, visitor_id
  FROM json_array_elements_text(%(visitor_ids)s::json) AS visitor_id
 ORDER BY visitor_id COLLATE "C"
    ON CONFLICT (website_key, visitor_id) DO UPDATE SET visitor_id = '' WHERE false
"""

_KEYS = """
SELECT visitor_id, visitor_key
  FROM visitors
 WHERE website_key = %(website_key)s AND visitor_id = ANY(%(visitor_ids)s)
"""


async def lock(connection: Connection, website_key: int, ids: Iterable[str]) -> dict[str, int]:
    """Lock visitors until the transaction ends, making those that are new.

    Returns:
        The key of each visitor by its id.
    """
    visitor_ids = sorted(set(ids))
    parameters = {"website_key": website_key, "visitor_ids": as_json(visitor_ids)}
    await connection.execute(_LOCK, parameters)
    found = await connection.execute(
        _KEYS, {"website_key": website_key, "visitor_ids": visitor_ids}
    )
    return dict(await found.fetchall())
