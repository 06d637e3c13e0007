"""Events: written once, and never again touched by what happens to sessions."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from operator import attrgetter, itemgetter

from sessions.domain.dimensions import CLIENT
from sessions.domain.events import Event
from sessions.storage import new_rows
from sessions.storage.database import Connection, as_json

_OWN: Mapping[str, new_rows.Column] = {
    "occurred_at": new_rows.plain,
    "event_id": new_rows.text,
    "sequence": new_rows.plain,
    "is_pageview": new_rows.plain,
    "is_bot": new_rows.plain,
    "event_name": new_rows.text,
    "url": new_rows.text,
    "referrer": new_rows.text,
    "event_data": new_rows.json,
}
_COLUMNS = {"visitor_key": new_rows.plain, **_OWN, **dict.fromkeys(CLIENT, new_rows.text)}
_own = attrgetter(*_OWN)
_client = itemgetter(*CLIENT)

# The LIMIT keeps the planner from beginning with all events of the website.
_FIND = """
SELECT sent.number
  FROM json_to_recordset(%(sent)s::json)
       AS sent(number integer, visitor_key bigint, occurred_at timestamptz, event_id text)
 CROSS JOIN LATERAL (
       SELECT
         FROM events e
        WHERE e.website_key = %(website_key)s AND e.visitor_key = sent.visitor_key
          AND e.occurred_at = sent.occurred_at AND e.event_id = sent.event_id
        LIMIT 1) AS there
"""

Identity = tuple[str, datetime, str]
"""What identifies an event of a website: visitor, moment and id."""

identity = attrgetter("visitor_id", "occurred_at", "event_id")
"""The identity of an event."""


async def find(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    events: Collection[Event],
) -> set[Identity]:
    """The identities of those events that are stored already.

    Args:
        connection: inside a transaction that holds the locks of the visitors.
        website_key: the website of all events.
        visitor_keys: the key of each event's visitor, by its id.
        events: any events.
    """
    identities = list(map(identity, events))
    sent = [
        {"number": number, "visitor_key": visitor_keys[id_], "occurred_at": at, "event_id": name}
        for number, (id_, at, name) in enumerate(identities)
    ]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_FIND, {"website_key": website_key, "sent": as_json(sent)})
        return {identities[number] for (number,) in await cursor.fetchall()}


async def copy(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    events: Collection[Event],
) -> None:
    """Store many events that are not there yet; the arguments are those of `find`."""
    rows = _rows(visitor_keys, events)
    await new_rows.copy(connection, "events", website_key, _COLUMNS, rows)


async def send(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    events: Collection[Event],
) -> new_rows.Sent:
    """Store few events that are not there yet; the arguments are those of `find`."""
    rows = _rows(visitor_keys, events)
    return await new_rows.send(connection, "events", website_key, _COLUMNS, rows)


def _rows(visitor_keys: Mapping[str, int], events: Iterable[Event]) -> list[new_rows.Row]:
    return [
        (visitor_keys[event.visitor_id], *_own(event), *_client(event.attributes))
        for event in events
    ]
