"""What tables and indexes take on disk, per million sessions."""

from typing import NamedTuple

import psycopg

from bench.service import Service


class Size(NamedTuple):
    """One table or index with all of its partitions."""

    name: str
    is_index: bool
    bytes: int
    per_million: float


def measure(service: Service) -> list[Size]:
    """The large ones, largest first."""
    with psycopg.connect(service.url) as connection:
        rows = connection.execute(_SIZES).fetchall()
    millions = service.data.sessions / 1_000_000
    return [Size(name, is_index, size, size / millions) for name, is_index, size in rows]


# Statistics and small tables beside them are left out by their size.
_SIZES = """
SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass::text, c.relkind = 'i',
       sum(pg_table_size(c.oid))::bigint
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
 GROUP BY 1, 2
HAVING sum(pg_table_size(c.oid)) > 200000
 ORDER BY 3 DESC
"""
