"""What sessions are, written as plainly as possible: sort, one pass, and look at each run."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sessions.domain.dimensions import ACQUISITION, CLIENT
from sessions.domain.events import Event
from sessions.domain.predicates import All, Either, Has, Not, OneOf, Predicate


@dataclass(frozen=True)
class Expected:
    """A session as the definition has it."""

    visitor_id: str
    started_at: datetime
    ended_at: datetime
    pageviews: int
    events: int
    is_bot: bool
    entry_page: str
    exit_page: str
    acquisition: tuple[str, ...]
    attributes: tuple[str, ...]
    pages: frozenset[str]
    event_names: frozenset[str]


def reference_sessions(events: Iterable[Event]) -> list[Expected]:
    """The sessions of a set of events, by visitor and time."""
    unique = {(e.visitor_id, e.occurred_at, e.event_id): e for e in reversed(list(events))}
    ordered = sorted(unique.values(), key=lambda e: (e.visitor_id, *e.key))
    found = []
    for _, timeline in groupby(ordered, key=lambda e: e.visitor_id):
        run: list[Event] = []
        for event in timeline:
            if run and event.occurred_at - run[-1].occurred_at >= timedelta(minutes=30):
                found.append(_session(run))
                run = []
            run.append(event)
        found.append(_session(run))
    return found


def _session(run: list[Event]) -> Expected:
    views = [event for event in run if event.is_pageview]
    entry: Any = (views or run)[0]
    return Expected(
        visitor_id=run[0].visitor_id,
        started_at=run[0].occurred_at,
        ended_at=run[-1].occurred_at,
        pageviews=len(views),
        events=len(run) - len(views),
        is_bot=any(event.is_bot for event in run),
        entry_page=views[0].path if views else "",
        exit_page=views[-1].path if views else "",
        acquisition=tuple(entry.attributes[name] for name in ACQUISITION),
        attributes=tuple(
            next((value for event in run if (value := event.attributes[name])), "")
            for name in CLIENT
        ),
        pages=frozenset(event.path for event in views if event.path),
        event_names=frozenset(event.event_name for event in run if not event.is_pageview),
    )


def matches(predicate: Predicate, session: Expected) -> bool:
    """Whether a predicate is true of a session, as its definition has it."""
    match predicate:
        case OneOf(field, values):
            return _text(session, field) in values
        case Has("page", values):
            return not {*values}.isdisjoint(session.pages or {""})
        case Has("event", values):
            return not {*values}.isdisjoint(session.event_names or {""})
        case Not(operand):
            return not matches(operand, session)
        case All(operands):
            return all(matches(each, session) for each in operands)
        case Either(operands):
            return any(matches(each, session) for each in operands)
    raise AssertionError(predicate)


def _text(session: Expected, field: str) -> str:
    attributes = dict(
        zip(CLIENT + ACQUISITION, session.attributes + session.acquisition, strict=True)
    )
    return (attributes | {"entry_page": session.entry_page, "exit_page": session.exit_page})[field]
