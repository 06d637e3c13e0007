"""The SQL of the generator: files that can be pasted into psql."""

from functools import cache
from importlib import resources

CHUNK = ("visits", "hits", "events", "sessions", "session_ids", "changed_hours", "visitors")
"""What makes a chunk, in order. Visitors come last: their locks are held until the commit."""

FILL = """
INSERT INTO pg_temp.{table}
SELECT * FROM jsonb_populate_recordset(NULL::pg_temp.{table}, %(rows)s::jsonb)
"""

FILL_WEIGHTED = """
INSERT INTO pg_temp.{table}
SELECT filled.*
  FROM jsonb_array_elements(%(rows)s::jsonb) AS entry
 CROSS JOIN generate_series(
       (entry ->> 'first_slot')::integer, (entry ->> 'last_slot')::integer) AS slot
 CROSS JOIN LATERAL jsonb_populate_record(
       NULL::pg_temp.{table}, entry || jsonb_build_object('slot', slot)) AS filled
"""


@cache
def statement(name: str) -> bytes:
    """The text of `sql/<name>.sql`."""
    return resources.files("sessions.generator").joinpath(f"sql/{name}.sql").read_bytes()
