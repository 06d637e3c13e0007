"""How much there is of what grows."""

from typing import NamedTuple

from sessions.storage.database import Database

_TOTALS = """
SELECT pg_database_size(current_database()),
       pg_total_relation_size('blocks'),
       (SELECT coalesce(sum(sessions), 0)::bigint FROM blocks),
       (SELECT count(*) FROM (SELECT DISTINCT website_key, hour FROM changed_hours) AS changed)
"""


class Totals(NamedTuple):
    """Bytes of the database and of the table `blocks`, sessions in blocks, hours out of date."""

    database_bytes: int
    block_bytes: int
    block_sessions: int
    changed_hours: int


async def read_totals(database: Database) -> Totals:
    """What there is now; reads no table but `blocks` and `changed_hours`.

    Raises:
        Unavailable: the database can't be reached.
    """
    [row] = await database.fetch(_TOTALS, {})
    return Totals(*row)
