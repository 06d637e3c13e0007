"""Removes a website with all of its rows: first nobody finds it any more, then its rows go."""

from sessions.domain.websites import Website
from sessions.storage import erasure
from sessions.storage.database import Database
from sessions.storage.estimates import estimated_rows
from sessions.storage.visitors import IN_USE

VISITORS_AT_ONCE = 500

# FOR UPDATE waits for erasures and retention, which hold the locks of some visitors.
_BATCH = """
SELECT visitor_id, visitor_key
  FROM visitors
 WHERE website_key = %(website_key)s AND visitor_id > %(after)s
 ORDER BY visitor_id
 LIMIT %(limit)s
   FOR UPDATE
"""

_HAS_VISITORS = "SELECT 1 FROM visitors WHERE website_key = %s LIMIT 1"
_FINISH = "DELETE FROM websites WHERE website_key = %s"


# What a website leaves behind that is of no visitor. Its row of `fold_state` goes with it, which
# waits for a fold that is under way: the blocks of that one are seen here.
_LEFT_OVERS = ("tombstones", "changed_hours", "blocks")


async def mark_deleted(database: Database, website: Website) -> None:
    """Let nobody find or write to the website any more; returns when the last writer is done."""
    # As in `api_keys.revoke`: the first time counts.
    mark = """
    UPDATE websites SET deleted_at = least(deleted_at, now()) WHERE website_key = %s
    """
    async with database.transaction() as connection:
        await connection.execute(mark, (website.key,))
    # Who looked before the mark was there shares this lock until the end of its transaction.
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (IN_USE, website.key))


async def estimate_visitors(database: Database, website: Website) -> int:
    """About how many visitors are left to remove, without counting them."""
    query = "SELECT FROM visitors WHERE website_key = %(website_key)s"
    return await estimated_rows(database, query, {"website_key": website.key})


async def remove_next(
    database: Database, website: Website, after: str, *, visitors_at_once: int = VISITORS_AT_ONCE
) -> list[str]:
    """Remove the next visitors after one (by id) of a deleted website, and return their ids."""
    parameters = {"website_key": website.key, "after": after, "limit": visitors_at_once}
    async with database.transaction() as connection:
        found = await connection.execute(_BATCH, parameters)
        batch: dict[str, int] = dict(await found.fetchall())
        if batch:
            await erasure.erase(connection, website.key, batch)
    # The caller goes on after the last of them.
    return sorted(batch)


async def finish(database: Database, website: Website) -> bool:
    """Remove the website itself and the keys that are bound to it; False while it has visitors."""
    async with database.transaction() as connection:
        # Nobody makes visitors of it any more.
        left = await connection.execute(_HAS_VISITORS, (website.key,))
        if await left.fetchall():
            return False
        done = await connection.execute(_FINISH, (website.key,))
        if done.rowcount:
            for table in _LEFT_OVERS:
                statement = f"DELETE FROM {table} WHERE website_key = %s"
                await connection.execute(statement, (website.key,))
        return bool(done.rowcount)
