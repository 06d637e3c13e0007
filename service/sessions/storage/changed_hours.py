"""The hours whose sessions a transaction has changed: what blocks must not be read for.

Whoever changes rows of `sessions` notes, in the same transaction, the hour (UTC) in which each
of them started before the change and the one in which it starts after it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sessions.storage.database import Connection

_INSERT = """
INSERT INTO changed_hours (website_key, hour)
SELECT %(website_key)s, hour
  FROM unnest(%(hours)s::timestamptz[]) AS hour
"""


async def note(connection: Connection, website_key: int, starts: Iterable[datetime]) -> None:
    """Note the hours in which sessions started that this transaction changes.

    Args:
        connection: inside the transaction.
        website_key: whose sessions.
        starts: `started_at` of each session before and after the change.
    """
    hours = sorted({hour_of(start) for start in starts})
    if hours:
        await connection.execute(_INSERT, {"website_key": website_key, "hours": hours})


def hour_of(moment: datetime) -> datetime:
    """The first moment of the hour (UTC) in which a moment lies."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
