"""The one writer of events: events and sessions of a batch become durable together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from sessions.domain.events import Event
from sessions.domain.session import Session
from sessions.domain.sessionization import SessionSummary, inside, sessionize, split_runs, summarize
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import events as event_rows
from sessions.storage import new_rows, session_summaries, tombstones, visitors
from sessions.storage.database import Connection, Database
from sessions.storage.events import identity
from sessions.storage.partitions import PARTITIONED, PartitionMissing, Partitions


class Recorded(NamedTuple):
    """How many events of a batch were new, and how many were already known, or erased since."""

    new: int
    known: int


class _Sent(NamedTuple):
    """Events to record, each once, the runs that they make, and the summary of each run."""

    events: Sequence[Event]
    runs: Sequence[Sequence[Event]]
    summaries: Sequence[SessionSummary]

    @classmethod
    def of(cls, events: Sequence[Event]) -> "_Sent":
        # The first of those with one identity counts.
        own = list({identity(event): event for event in reversed(events)}.values())
        runs = split_runs(own)
        return cls(own, runs, list(map(summarize, runs)))


class EventWriter:
    """Stores events and brings the sessions that they touch up to date.

    Args:
        database: where to.
        partitions: makes those that are missing.
        visitors: for the hashes of erased ones.
        encode: makes the message of a session, to be stored with it; None leaves that to
            `FillMessages`.
    """

    def __init__(
        self,
        database: Database,
        partitions: Partitions,
        visitors: Visitors,
        encode: Callable[[Session], bytes] | None = None,
    ) -> None:
        self._encode = encode
        self._database = database
        self._partitions = partitions
        self._visitors = visitors

    async def __call__(self, website: Website, events: Sequence[Event]) -> Recorded:
        """Record a batch in one transaction: all of it or nothing.

        The order of events, batches and duplicates does not matter: sessions are
        what one pass over all events of a visitor in order would make. An event that
        was erased with its visitor, or would have been, is not recorded again.

        Raises:
            NotFound: the website was deleted meanwhile.
            Unavailable: the database can't be reached; nothing was recorded, or the
                answer was lost and sending the batch again finds it known.
        """
        [recorded] = await self.together(website, [events])
        return recorded

    async def together(
        self, website: Website, batches: Sequence[Sequence[Event]]
    ) -> list[Recorded]:
        """Record several batches in one transaction, as if one came after the other."""
        events = list(chain.from_iterable(batches))
        new = {id(event) for event in await self._new(website, events)}
        recorded = []
        for batch in batches:
            own = new & set(map(id, batch))
            new -= own
            recorded.append(Recorded(len(own), len(batch) - len(own)))
        return recorded

    async def _new(self, website: Website, events: Sequence[Event]) -> Sequence[Event]:
        """Record events, and return those that were new."""
        if not events:
            return []
        # Retention may have dropped a month that was remembered, of events and then of sessions:
        # each time, its partition is made again.
        for _ in PARTITIONED:
            with suppress(PartitionMissing):
                return await self._record(website, events)
        return await self._record(website, events)

    async def _record(self, website: Website, events: Sequence[Event]) -> Sequence[Event]:
        await self._partitions.ensure(event.occurred_at for event in events)
        # Before anything is locked that others may wait for.
        sent = _Sent.of(events)
        with self._partitions.expected():
            async with self._database.transaction() as connection:
                return await self._write(connection, website, events, sent)

    async def _write(
        self, connection: Connection, website: Website, events: Sequence[Event], sent: _Sent
    ) -> Sequence[Event]:
        ids = {event.visitor_id for event in events}
        keys, new_ids, any_erased = await visitors.lock(connection, website, ids)
        wanted = events
        # Hashing every visitor is only worth it where the website has tombstones.
        if any_erased:
            wanted = await self._not_erased(connection, website, ids, events)
        if len(wanted) < len(events):
            sent = _Sent.of(wanted)
        there = [run for run in sent.runs if run[0].visitor_id not in new_ids]
        stored = await session_summaries.load_adjacent(connection, website.key, keys, there)
        perhaps = inside(stored, there)
        if perhaps and (known := await event_rows.find(connection, website.key, keys, perhaps)):
            sent = _Sent.of([event for event in sent.events if identity(event) not in known])
        # A batch that was sent again ends here: nothing of it is new.
        if sent.events:
            await self._store(connection, website.key, keys, sent, stored)
        if len(wanted) < len(events):
            # The lock made rows for visitors of whom nothing is left to record.
            await visitors.remove_unused(connection, website.key, ids)
        return sent.events

    async def _store(
        self,
        connection: Connection,
        website_key: int,
        keys: Mapping[str, int],
        new: _Sent,
        stored: Sequence[SessionSummary],
    ) -> None:
        """Store new events, and the changes of sessions that they make."""
        if len(new.events) >= new_rows.MANY:
            await event_rows.copy(connection, website_key, keys, new.events)
            changes = sessionize(stored, new.summaries)
            await session_summaries.store(connection, website_key, keys, changes, self._encode)
            return
        async with connection.pipeline():
            # PostgreSQL stores the events while the sessions are made.
            added = await event_rows.send(connection, website_key, keys, new.events)
            changes = sessionize(stored, new.summaries)
            await session_summaries.send(connection, website_key, keys, changes, self._encode)
        added.check()

    async def _not_erased(
        self,
        connection: Connection,
        website: Website,
        ids: Collection[str],
        events: Sequence[Event],
    ) -> list[Event]:
        """The events that happened after their visitors were erased."""
        hashes = {id_: self._visitors.tombstone_hash(website.website_id, id_) for id_ in ids}
        moments = await tombstones.find(connection, website.key, hashes.values())
        until = {id_: moments[hash_] for id_, hash_ in hashes.items() if hash_ in moments}
        return [
            event
            for event in events
            if event.visitor_id not in until or event.occurred_at > until[event.visitor_id]
        ]
