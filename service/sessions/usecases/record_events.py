"""RecordEvents: the one way in. Events and sessions of a batch become durable together."""

from collections.abc import Sequence
from typing import NamedTuple

from sessions.domain.events import Event
from sessions.domain.sessionization import runs, sessionize
from sessions.domain.websites import Website
from sessions.storage import events as event_rows
from sessions.storage import session_states, visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions


class Recorded(NamedTuple):
    """How many events of a batch were new, and how many were already known."""

    new: int
    known: int


class RecordEvents:
    """Stores events and brings the sessions that they touch up to date."""

    def __init__(self, database: Database, partitions: Partitions) -> None:
        self._database = database
        self._partitions = partitions

    async def __call__(self, website: Website, events: Sequence[Event]) -> Recorded:
        """Record a batch in one transaction: all of it or nothing.

        The order of events, batches and duplicates does not matter: sessions are
        what one pass over all events of a visitor in order would make.

        Raises:
            Unavailable: the database can't be reached; nothing was recorded, or the
                answer was lost and sending the batch again finds it known.
        """
        if not events:
            return Recorded(0, 0)
        await self._partitions.ensure(event.occurred_at for event in events)
        async with self._database.transaction() as connection:
            keys = await visitors.lock(connection, website.key, (e.visitor_id for e in events))
            new = await event_rows.insert(connection, website.key, keys, events)
            touching = runs(new)
            stored = await session_states.touched(connection, website.key, keys, touching)
            changes = sessionize(stored, touching)
            await session_states.store(connection, website.key, keys, changes)
        return Recorded(len(new), len(events) - len(new))
