"""A session as a timeline: when each event happened, and how long each page was looked at.

The time on a page goes from a view to the next pageview, and for the last view to the session's
last event. A last view with nothing after it is not measured, which is not 0.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sessions.domain.session import SessionEvent, SessionPage
from sessions.domain.urls import split_url

# The index of the view that was open before the page.
_BEFORE = -1


class TimedEvent(NamedTuple):
    """An event of a session.

    `page` is the path that a pageview is of, `''` where there is none; `offset` is in seconds since
    the session's start; `time_on_page` is in seconds, None where it is not measured.
    """

    event: SessionEvent
    page: str
    offset: float
    time_on_page: float | None


class Timeline(NamedTuple):
    """A page of a session's events.

    `previous_view_time` is the time on the last page viewed before this page of events, in seconds,
    where this page tells it; `open_view` is the moment of the last view, for the next page.
    """

    events: list[TimedEvent]
    previous_view_time: float | None
    open_view: datetime | None


def make_timeline(page: SessionPage, open_view: datetime | None) -> Timeline:
    """The timeline of a page of events; `open_view` is that of the page before."""
    views = [(_BEFORE, open_view)] if open_view else []
    views += [(n, event.occurred_at) for n, event in enumerate(page.events) if event.is_pageview]
    ends = [end for _, end in views[1:]]
    if views and not page.has_more and views[-1][0] < len(page.events) - 1:
        ends.append(page.session.ended_at)
    times = {n: _seconds(end - at) for (n, at), end in zip(views, ends, strict=False)}
    start = page.session.started_at
    events = [
        TimedEvent(event, _page(event), _seconds(event.occurred_at - start), times.get(n))
        for n, event in enumerate(page.events)
    ]
    return Timeline(events, times.get(_BEFORE), views[-1][1] if views else None)


def _page(event: SessionEvent) -> str:
    return split_url(event.url).path if event.is_pageview else ""


def _seconds(elapsed: timedelta) -> float:
    return elapsed / timedelta(seconds=1)
