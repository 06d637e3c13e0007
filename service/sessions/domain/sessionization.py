"""From events to sessions: runs of one visitor's events with gaps under 30 minutes.

A `SessionSummary` can be merged with another one without
looking at any event again: merging is associative and commutative, so that the
order in which events arrive does not matter, and the work for one event does
not grow with the length of its session. The rules are those of
`docs/decisions/0001-sessionization.md`.
"""

import random
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct

from sessions.domain.dimensions import ACQUISITION, CLIENT
from sessions.domain.events import Event, EventKey
from sessions.domain.items import item_hash

TIMEOUT = timedelta(minutes=30)
"""A gap of this length or more between two events starts a new session."""

MAX_ITEMS = 64
"""Distinct pages and event names kept with a session; further ones go to a table of their own."""

_is_bot, _path = attrgetter("is_bot"), attrgetter("path")
_session_id = attrgetter("session_id")
_acquisition = itemgetter(*ACQUISITION)

T = TypeVar("T")


def new_session_id() -> UUID:
    """48 bits of milliseconds since 1970 and 80 random bits: ids sort by the time of making."""
    # Ids must not collide but are no secrets: the quick generator will do.
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | random.getrandbits(80))


class SessionSummary(Struct, gc=False):
    """All that must be known of a session to merge it with another one.

    `entry` and `exit` are the keys of the entry event and of the last
    pageview; `attributes` holds the known client attributes, each with the key
    of the event that it comes from; `items` holds the hash of each viewed page
    and event name with a moment inside the session, `has_page` tells that it has
    viewed a page, and `more_items` that some of its items are not among `items`.
    """

    session_id: UUID | None
    visitor_id: str
    first: EventKey
    ended_at: datetime
    pageviews: int
    events: int
    is_bot: bool
    entry: EventKey
    entry_page: str
    acquisition: tuple[str, ...]
    exit: EventKey
    exit_page: str
    attributes: dict[str, tuple[EventKey, str]]
    items: dict[str, datetime]
    has_page: bool
    more_items: bool = False

    @property
    def started_at(self) -> datetime:
        """The moment of the first event."""
        return self.first[0]

    def merge(self, other: "SessionSummary") -> None:
        """Merge another summary into this one; `session_id` stays."""
        # A pageview comes before any custom event (False sorts before True), then the earlier
        # one.
        if (not other.pageviews, other.entry) < (not self.pageviews, self.entry):
            self.entry, self.entry_page = other.entry, other.entry_page
            self.acquisition = other.acquisition
        # Without pageviews `exit` is only a placeholder.
        if other.pageviews and (not self.pageviews or other.exit > self.exit):
            self.exit, self.exit_page = other.exit, other.exit_page
        # The value of the earlier event wins, whichever side has it.
        for name, found in other.attributes.items():
            if name not in self.attributes or found[0] < self.attributes[name][0]:
                self.attributes[name] = found
        self.first = min(self.first, other.first)
        self.ended_at = max(self.ended_at, other.ended_at)
        self.pageviews += other.pageviews
        self.events += other.events
        self.is_bot = self.is_bot or other.is_bot
        self.has_page = self.has_page or other.has_page
        self.more_items = self.more_items or other.more_items
        # Any moment inside of the session will do for an item: it keeps the one that it has.
        for item, at in other.items.items():
            self.items.setdefault(item, at)


def split_runs(events: Iterable[Event]) -> list[list[Event]]:
    """Each visitor's events in order, cut wherever nothing happens for TIMEOUT."""
    ordered = sorted(events, key=attrgetter("visitor_id", "occurred_at", "sequence", "event_id"))
    return [
        run
        for _, timeline in groupby(ordered, key=attrgetter("visitor_id"))
        for run in _split((event.occurred_at, event.occurred_at, event) for event in timeline)
    ]


def summarize(run: Sequence[Event]) -> SessionSummary:
    """The summary of the session that one run of events makes by itself."""
    first, key = run[0], run[0].key
    views = [event for event in run if event.is_pageview]
    entry, exit_ = (views[0], views[-1]) if views else (first, first)
    return SessionSummary(
        session_id=None,
        visitor_id=first.visitor_id,
        first=key,
        ended_at=run[-1].occurred_at,
        pageviews=len(views),
        events=len(run) - len(views),
        is_bot=any(map(_is_bot, run)),
        entry=key if entry is first else entry.key,
        entry_page=entry.path if views else "",
        acquisition=_acquisition(entry.attributes),
        exit=key if exit_ is first else exit_.key,
        exit_page=exit_.path if views else "",
        attributes=_first_values(run, key),
        items=_items(run),
        has_page=any(map(_path, views)),
    )


def _items(run: Iterable[Event]) -> dict[str, datetime]:
    """The pages and event names of a run."""
    found = {}
    for event in run:
        if not event.is_pageview:
            found[item_hash("event", event.event_name)] = event.occurred_at
        elif event.path:
            found[item_hash("page", event.path)] = event.occurred_at
    return found


def _first_values(run: Sequence[Event], first: EventKey) -> dict[str, tuple[EventKey, str]]:
    """Of each attribute the first value in order; usually the first event has them all.

    `first` is the key of the first event.
    """
    values = run[0].attributes
    found = {name: (first, value) for name in CLIENT if (value := values[name])}
    missing = [name for name in CLIENT if name not in found]
    for event in islice(run, 1, None):
        if not missing:
            break
        values = event.attributes
        if more := {name: (event.key, value) for name in missing if (value := values[name])}:
            found |= more
            missing = [name for name in missing if name not in more]
    return found


class Change(NamedTuple):
    """A session as it is now, and the stored sessions (id, started_at) that it replaces."""

    session: SessionSummary
    replaces: tuple[tuple[UUID, datetime], ...]


def sessionize(stored: Iterable[SessionSummary], new: Iterable[SessionSummary]) -> list[Change]:
    """Merge runs of new events with the stored sessions that are adjacent to them.

    All these summaries are changed.

    Args:
        stored: sessions of the same visitors, at least all that lie within
            TIMEOUT of one of the runs.
        new: the summary of each run that `split_runs` makes of events that no stored session
            holds yet, in its order.

    Returns:
        One change for each session that the events make, extend or merge.
    """
    by_visitor = _by_visitor(stored)
    changes: list[Change] = []
    for visitor_id, made in groupby(new, key=attrgetter("visitor_id")):
        if there := by_visitor.get(visitor_id):
            changes += _join(sorted((*there, *made), key=attrgetter("started_at", "ended_at")))
        else:  # runs of one visitor are never adjacent
            changes += [_merge([summary]) for summary in made]
    return changes


def inside(stored: Iterable[SessionSummary], runs: Iterable[Sequence[Event]]) -> list[Event]:
    """The events that happened between the first and the last event of a stored session.

    All others are new: every stored event lies in a stored session.
    """
    timelines = {
        visitor_id: _Timeline(sessions) for visitor_id, sessions in _by_visitor(stored).items()
    }
    return [
        event
        for run in runs
        if (timeline := timelines.get(run[0].visitor_id))
        for event in run
        if timeline.has(event.occurred_at)
    ]


class _Timeline:
    """The stored sessions of a visitor, no two of which overlap."""

    def __init__(self, sessions: list[SessionSummary]) -> None:
        sessions.sort(key=attrgetter("started_at"))
        self._starts = [session.started_at for session in sessions]
        self._ends = [session.ended_at for session in sessions]

    def has(self, moment: datetime) -> bool:
        """Whether a session was going on."""
        before = bisect_right(self._starts, moment)
        return before > 0 and moment <= self._ends[before - 1]


def _by_visitor(stored: Iterable[SessionSummary]) -> dict[str, list[SessionSummary]]:
    found: dict[str, list[SessionSummary]] = {}
    for summary in stored:
        found.setdefault(summary.visitor_id, []).append(summary)
    return found


def _join(timeline: Iterable[SessionSummary]) -> Iterator[Change]:
    """The changes of one visitor's sessions, which are in order of their start."""
    for cluster in _split((each.started_at, each.ended_at, each) for each in timeline):
        # A cluster of stored sessions alone has not changed.
        if None in map(_session_id, cluster):
            yield _merge(cluster)


def _split(intervals: Iterable[tuple[datetime, datetime, T]]) -> Iterator[list[T]]:
    """Cut intervals (start, end, item), sorted by start, wherever nothing happens for TIMEOUT."""
    cluster: list[T] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for start, end, item in intervals:
        if cluster and start - latest >= TIMEOUT:
            yield cluster
            cluster = []
        # A stored session can end after the run that begins inside of it.
        latest = max(latest, end) if cluster else end
        cluster.append(item)
    if cluster:
        yield cluster


def _merge(cluster: Sequence[SessionSummary]) -> Change:
    """Make one session of all these summaries; the id that was made first stays."""
    # Ids sort by the time at which they were made.
    stored = sorted([(each.session_id, each.started_at) for each in cluster if each.session_id])
    first_id = stored[0][0] if stored else None
    session = next(each for each in cluster if each.session_id == first_id)
    for other in cluster:
        if other is not session:
            session.merge(other)
    session.session_id = session.session_id or new_session_id()
    return Change(session, tuple(stored))
