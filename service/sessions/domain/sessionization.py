"""From events to sessions: runs of one visitor's events with gaps under 30 minutes.

A `SessionState` is a summary that can be joined with another one without
looking at any event again: joining is associative and commutative, so that the
order in which events arrive does not matter, and the work for one event does
not grow with the length of its session. The rules are those of
`docs/decisions/sessionization.md`.
"""

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from sessions.domain.events import ATTRIBUTES, Event, EventKey

TIMEOUT = timedelta(minutes=30)
"""A gap of this length or more between two events starts a new session."""

MAX_PAGES = 64
"""Distinct pages kept with a session; further ones go to a table of their own."""


def page_hash(path: str) -> UUID:
    """128 bits of SHA-256: what stands for a path wherever visited pages are searched.

    At this length two paths never share a hash in practice, so a match needs no second look.
    """
    return UUID(bytes=hashlib.sha256(path.encode()).digest()[:16])


_LAST_ID = UUID(int=2**128 - 1)

T = TypeVar("T")


def new_session_id() -> UUID:
    """48 bits of milliseconds since 1970 and 80 random bits: ids sort by the time of making."""
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | secrets.randbits(80))


@dataclass(slots=True)
class SessionState:
    """All that must be known of a session to join it with another one.

    `entry` and `exit` are the keys of the entry event and of the last
    pageview; `attributes` holds the known client attributes, each with the key
    of the event that it comes from; `pages` holds the hash of each visited
    path with a moment inside the session, and `more_pages` tells that some of
    its pages are not among them.
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
    pages: dict[UUID, datetime]
    more_pages: bool = False

    @property
    def started_at(self) -> datetime:
        """The moment of the first event."""
        return self.first[0]

    def absorb(self, other: "SessionState") -> None:
        """Become the session of both sets of events; `session_id` stays."""
        if (not other.pageviews, other.entry) < (not self.pageviews, self.entry):
            self.entry, self.entry_page = other.entry, other.entry_page
            self.acquisition = other.acquisition
        if other.pageviews and (not self.pageviews or other.exit > self.exit):
            self.exit, self.exit_page = other.exit, other.exit_page
        for name, found in other.attributes.items():
            if name not in self.attributes or found[0] < self.attributes[name][0]:
                self.attributes[name] = found
        self.first = min(self.first, other.first)
        self.ended_at = max(self.ended_at, other.ended_at)
        self.pageviews += other.pageviews
        self.events += other.events
        self.is_bot = self.is_bot or other.is_bot
        self.more_pages = self.more_pages or other.more_pages
        self.pages |= {page: at for page, at in other.pages.items() if page not in self.pages}


def state_of(event: Event) -> SessionState:
    """The session that a single event makes."""
    key, page = event.key, event.path if event.is_pageview else ""
    values = ((name, getattr(event, name)) for name in ATTRIBUTES)
    return SessionState(
        session_id=None,
        visitor_id=event.visitor_id,
        first=key,
        ended_at=event.occurred_at,
        pageviews=int(event.is_pageview),
        events=int(not event.is_pageview),
        is_bot=event.is_bot,
        entry=key,
        entry_page=page,
        acquisition=(
            event.referrer_host,
            event.utm_source,
            event.utm_medium,
            event.utm_campaign,
        ),
        exit=key,
        exit_page=page,
        attributes={name: (key, value) for name, value in values if value},
        pages={page_hash(page): event.occurred_at} if page else {},
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A session as it is now, and the stored sessions (id, started_at) that it replaces."""

    session: SessionState
    replaces: tuple[tuple[UUID, datetime], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one visitor's new events without a gap of TIMEOUT."""

    visitor_id: str
    first: datetime
    last: datetime


def runs(events: Iterable[Event]) -> Iterator[Run]:
    """The stretches of time around which stored sessions can be touched by these events."""
    by_visitor = sorted(events, key=attrgetter("visitor_id", "occurred_at"))
    for visitor_id, group in groupby(by_visitor, key=attrgetter("visitor_id")):
        for run in _split((event.occurred_at, event.occurred_at, event) for event in group):
            yield Run(visitor_id, run[0].occurred_at, run[-1].occurred_at)


def sessionize(stored: Iterable[SessionState], events: Iterable[Event]) -> list[Change]:
    """Join new events with the stored sessions that they can touch.

    Args:
        stored: sessions of the same visitors, at least all that lie within
            TIMEOUT of one of the events; their states are used up.
        events: events that no stored session holds yet.

    Returns:
        One change for each session that the events make, extend or join.
    """
    states = sorted(
        (*stored, *map(state_of, events)), key=attrgetter("visitor_id", "started_at", "ended_at")
    )
    return [
        _join(cluster)
        for _, group in groupby(states, key=attrgetter("visitor_id"))
        for cluster in _split((state.started_at, state.ended_at, state) for state in group)
        if any(state.session_id is None for state in cluster)
    ]


def _split(intervals: Iterable[tuple[datetime, datetime, T]]) -> Iterator[list[T]]:
    """Cut intervals (start, end, item), sorted by start, wherever nothing happens for TIMEOUT."""
    cluster: list[T] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for start, end, item in intervals:
        if cluster and start - latest >= TIMEOUT:
            yield cluster
            cluster = []
        latest = max(latest, end) if cluster else end
        cluster.append(item)
    if cluster:
        yield cluster


def _join(cluster: Sequence[SessionState]) -> Change:
    """Make one session of all these states; the id that was made first stays."""
    stored = sorted((s.session_id, s.started_at) for s in cluster if s.session_id)
    session = min(cluster, key=lambda state: state.session_id or _LAST_ID)
    for other in cluster:
        if other is not session:
            session.absorb(other)
    session.session_id = session.session_id or new_session_id()
    return Change(session, tuple(stored))
