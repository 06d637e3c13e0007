"""Sessions with their events, as columns and as plain lists that analyses are compared with."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise, product, zip_longest
from typing import Any

import numpy as np
from sessions.analysis.columns import EVENT, PAGE, Columns, smallest
from sessions.domain.dimensions import ACQUISITION, CLIENT, TEXTS
from sessions.domain.events import Event
from sessions.domain.hours import microseconds

from tests.support.reference import Expected, reference_runs, session_of

Summary = dict[str, float | None]


@dataclass(frozen=True)
class Visit:
    """A session with its events."""

    session: Expected
    events: list[Event]

    @property
    def seconds(self) -> int:
        """What lists show as the duration."""
        return (self.session.ended_at - self.session.started_at) // timedelta(seconds=1)

    def text(self, name: str) -> str:
        """A text of the session."""
        names = (*CLIENT, *ACQUISITION)
        texts = dict(zip(names, self.session.attributes + self.session.acquisition, strict=True))
        return str(texts.get(name, getattr(self.session, name, "")))


def visits_of(events: Sequence[Event]) -> list[Visit]:
    """The sessions of some events, in the order of columns."""
    found = [Visit(session_of(run), run) for run in reference_runs(events)]
    return sorted(found, key=lambda each: (each.session.started_at, each.session.visitor_id))


def columns_of(visits: Sequence[Visit]) -> Columns:
    """The columns of some sessions, at least one, all of them selected."""
    arrays: dict[str, Any] = {
        "started_at": [microseconds(visit.session.started_at) for visit in visits],
        "duration": [
            microseconds(visit.session.ended_at) - microseconds(visit.session.started_at)
            for visit in visits
        ],
        "visitor_key": [hash_of(visit.session.visitor_id) for visit in visits],
        "pageviews": [visit.session.pageviews for visit in visits],
        "events": [visit.session.events for visit in visits],
        "is_bot": [visit.session.is_bot for visit in visits],
        "step_gap": [gap for visit in visits for gap in _gaps(visit)],
    }
    texts = {name: [visit.text(name) for visit in visits] for name in TEXTS}
    texts["step_item"] = [_word(event) for visit in visits for event in visit.events]
    words = {name: sorted(set(values)) for name, values in texts.items()}
    for name, values in texts.items():
        arrays[name] = [words[name].index(value) for value in values]
    smaller = {name: smallest(np.array(values, np.int64)) for name, values in arrays.items()}
    return Columns(smaller, words, np.ones(len(visits), np.bool_))


def hash_of(visitor_id: str) -> int:
    """The key of a visitor; order and distance mean nothing."""
    return int.from_bytes(visitor_id.encode()[:6], "big")


def _gaps(visit: Visit) -> list[int]:
    moments = [microseconds(event.occurred_at) for event in visit.events]
    return [0, *(after - before for before, after in pairwise(moments))]


def _word(event: Event) -> str:
    return PAGE + event.path if event.is_pageview else EVENT + event.event_name


def plain_summary(visits: Sequence[Visit], goal: Callable[[Event], bool] | None = None) -> Summary:
    """The metrics of some sessions, counted one by one."""
    sessions = [visit.session for visit in visits]
    count, durations = len(visits), sorted(visit.seconds for visit in visits)
    pageviews = sum(session.pageviews for session in sessions)
    events = sum(session.events for session in sessions)
    bounces = sum(session.pageviews <= 1 and session.events == 0 for session in sessions)

    def per_session(value: float) -> float | None:
        return value / count if count else None

    def percentile(percent: int) -> float | None:
        return next((d for at, d in enumerate(durations, 1) if at * 100 >= percent * count), None)

    reached = sum(any(map(goal, visit.events)) for visit in visits) if goal else None
    return {
        "sessions": count,
        "visitors": len({session.visitor_id for session in sessions}),
        "pageviews": pageviews,
        "events": events,
        "bounces": bounces,
        "bounce_rate": per_session(bounces),
        "total_duration": sum(durations),
        "avg_duration": per_session(sum(durations)),
        "median_duration": percentile(50),
        "p90_duration": percentile(90),
        "pageviews_per_session": per_session(pageviews),
        "events_per_session": per_session(events),
        "goal_sessions": reached,
        "goal_rate": None if reached is None else per_session(reached),
    }


def plain_breakdown(
    visits: Sequence[Visit], dimensions: Sequence[str]
) -> dict[tuple[str, ...], list[Visit]]:
    """The sessions that have each combination of values."""
    found: dict[tuple[str, ...], list[Visit]] = {}
    for visit in visits:
        for values in product(*(_values(visit, name) for name in dimensions)):
            found.setdefault(values, []).append(visit)
    return found


def _values(visit: Visit, name: str) -> Collection[str]:
    if name == "page":
        return visit.session.pages
    return visit.session.event_names if name == "event" else (visit.text(name),)


def plain_views(
    visits: Sequence[Visit], is_counted: Callable[[str, Visit], bool]
) -> dict[str, Any]:
    """What is counted of the views of some pages, one by one; times are in microseconds."""
    views = entries = exits = 0
    times = []
    for visit in visits:
        pages = [event for event in visit.events if event.is_pageview]
        for view, following in zip_longest(pages, pages[1:]):
            if not is_counted(view.path, visit):
                continue
            views += 1
            entries += view is pages[0]
            exits += following is None
            until = following or visit.events[-1]
            if until is not view:
                times.append((until.occurred_at - view.occurred_at) // timedelta(microseconds=1))
    times.sort()
    median = times[(len(times) + 1) // 2 - 1] if times else None
    return {
        "views": views,
        "entries": entries,
        "exits": exits,
        "measured_views": len(times),
        "total_time": sum(times),
        "median_time": median,
    }
