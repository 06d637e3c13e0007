"""Events: written once, and never again touched by what happens to sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter

from sessions.domain.dimensions import CLIENT
from sessions.domain.events import Event
from sessions.storage.database import Connection, as_json

_OWN = (
    *("occurred_at", "event_id", "sequence", "is_pageview", "is_bot"),
    *("event_name", "url", "referrer", "event_data"),
)
_own = attrgetter(*_OWN)
_client = itemgetter(*CLIENT)
_NAMES = ("visitor_key", *_OWN, *CLIENT)
_COLUMNS = ", ".join(_NAMES)

# Returns the numbers of those that were there before: usually none.
_INSERT = f"""
WITH sent AS MATERIALIZED (
    SELECT {_COLUMNS}, ordinality AS number
      FROM json_populate_recordset(NULL::events, %(rows)s::json) WITH ORDINALITY),
inserted AS (
    INSERT INTO events (website_key, {_COLUMNS})
    SELECT %(website_key)s, {_COLUMNS} FROM sent
        ON CONFLICT DO NOTHING
    RETURNING visitor_key, occurred_at, event_id)
SELECT sent.number
  FROM sent
  LEFT JOIN inserted USING (visitor_key, occurred_at, event_id)
 WHERE inserted.event_id IS NULL
"""


async def insert(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    events: Sequence[Event],
) -> list[Event]:
    """Store events and return those that were not there before.

    Args:
        connection: inside a transaction that holds the locks of the visitors.
        website_key: the website of all events.
        visitor_keys: the key of each event's visitor, by its id.
        events: in any order; the first of those with one identity counts.
    """
    # Repeats inside of the batch: the statement would report each of them as new.
    by_identity: dict[tuple[int, datetime, str], Event] = {}
    for event in events:
        identity = (visitor_keys[event.visitor_id], event.occurred_at, event.event_id)
        by_identity.setdefault(identity, event)
    rows = [
        dict(zip(_NAMES, (visitor_key, *_own(event), *_client(event.attributes)), strict=True))
        for (visitor_key, _, _), event in by_identity.items()
    ]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_INSERT, {"website_key": website_key, "rows": as_json(rows)})
        known = {number for (number,) in await cursor.fetchall()}
    return [event for number, event in enumerate(by_identity.values(), 1) if number not in known]
