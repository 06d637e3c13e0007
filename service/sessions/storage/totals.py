"""How much there is of what grows."""

from typing import LiteralString, NamedTuple

from sessions.storage import distribution
from sessions.storage.database import Database

_BYTES: LiteralString = "pg_database_size(current_database()), pg_total_relation_size('blocks')"
# The second one fails where a node does not answer.
_BYTES_OF_NODES: LiteralString = """
       (SELECT sum(result::bigint) FILTER (WHERE success)::bigint
          FROM run_command_on_all_nodes('SELECT pg_database_size(current_database())')),
       citus_total_relation_size('blocks')"""

_TOTALS: LiteralString = """
SELECT {bytes},
       (SELECT coalesce(sum(sessions), 0)::bigint FROM blocks),
       (SELECT count(*) FROM (SELECT DISTINCT website_key, hour FROM changed_hours) AS changed)
"""


class Totals(NamedTuple):
    """Bytes of the database and of the table `blocks`, sessions in blocks, hours out of date.

    On Citus of all nodes.
    """

    database_bytes: int
    block_bytes: int
    block_sessions: int
    changed_hours: int


async def read_totals(database: Database) -> Totals:
    """What there is now; reads no table but `blocks` and `changed_hours`.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with database.transaction() as connection:
        is_distributed = await distribution.is_distributed(connection)
    query = _TOTALS.format(bytes=_BYTES_OF_NODES if is_distributed else _BYTES)
    [row] = await database.fetch(query, {})
    return Totals(*row)
