"""What sessions are, written as plainly as possible: sort, one pass, and look at each run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sessions.domain.dimensions import ACQUISITION, CLIENT
from sessions.domain.events import Event
from sessions.domain.hours import microseconds
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Flag,
    Has,
    HasLike,
    Journey,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)


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
    # Rows of sessions do not have them.
    steps: tuple[tuple[str, str], ...] = field(default=(), compare=False)


def reference_sessions(events: Iterable[Event]) -> list[Expected]:
    """The sessions of a set of events, by visitor and time."""
    return [session_of(run) for run in reference_runs(events)]


def reference_runs(events: Iterable[Event]) -> list[list[Event]]:
    """The events of each session, by visitor and time."""
    unique = {(e.visitor_id, e.occurred_at, e.event_id): e for e in reversed(list(events))}
    ordered = sorted(unique.values(), key=lambda e: (e.visitor_id, *e.key))
    found: list[list[Event]] = []
    for _, timeline in groupby(ordered, key=lambda e: e.visitor_id):
        run: list[Event] = []
        for event in timeline:
            if run and event.occurred_at - run[-1].occurred_at >= timedelta(minutes=30):
                found.append(run)
                run = []
            run.append(event)
        found.append(run)
    return found


def session_of(run: list[Event]) -> Expected:
    """The session that some events are."""
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
        steps=tuple(
            ("page", event.path) if event.is_pageview else ("event", event.event_name)
            for event in run
        ),
    )


def matches(predicate: Predicate, session: Expected) -> bool:
    """Whether a predicate is true of a session, as its definition has it."""
    match predicate:
        case OneOf(field, values):
            return _text(session, field) in values
        case Like(field, pattern):
            return is_like(pattern, _text(session, field))
        case Has(collection, values):
            return not {*values}.isdisjoint(_held(session, collection) or {""})
        case HasLike(collection, pattern):
            return any(is_like(pattern, value) for value in _held(session, collection))
        case Between(field, low, high):
            number = _number(session, field)
            return (low is None or low <= number) and (high is None or number <= high)
        case Flag("is_bounce"):
            return session.pageviews <= 1 and not session.events
        case Flag("is_bot"):
            return session.is_bot
        case Journey(steps):
            return _did(steps, session.steps)
        case Not(operand):
            return not matches(operand, session)
        case All(operands):
            return all(matches(each, session) for each in operands)
        case Either(operands):
            return any(matches(each, session) for each in operands)
    raise AssertionError(predicate)


def is_like(pattern: Pattern, value: str) -> bool:
    """Whether a value matches a pattern."""
    wildcards = ".*" * pattern.any_before, ".*" * pattern.any_after
    return value != "" and bool(
        re.fullmatch(re.escape(pattern.text).join(wildcards), value, re.DOTALL)
    )


def is_step(condition: Predicate, step: tuple[str, str]) -> bool:
    """Whether a condition on one event is true of a view of a page, or of a custom event."""
    kind, value = step
    match condition:
        case OneOf(field, values):
            return field == kind and value in values
        case Like(field, pattern):
            return field == kind and is_like(pattern, value)
        case Not(operand):
            return not is_step(operand, step)
        case All(operands):
            return all(is_step(each, step) for each in operands)
        case Either(operands):
            return any(is_step(each, step) for each in operands)
    raise AssertionError(condition)


def _did(conditions: Sequence[Predicate], steps: Sequence[tuple[str, str]]) -> bool:
    """Whether all conditions are true of steps in this order, tried for every way to do so."""
    if not conditions:
        return True
    return any(
        is_step(conditions[0], step) and _did(conditions[1:], steps[number + 1 :])
        for number, step in enumerate(steps)
    )


def _held(session: Expected, collection: str) -> frozenset[str]:
    return session.pages if collection == "page" else session.event_names


def _number(session: Expected, field: str) -> int:
    if field == "started_at":
        return microseconds(session.started_at)
    if field == "duration":
        return (session.ended_at - session.started_at) // timedelta(seconds=1)
    return session.pageviews if field == "pageviews" else session.events


def _text(session: Expected, field: str) -> str:
    attributes = dict(
        zip(CLIENT + ACQUISITION, session.attributes + session.acquisition, strict=True)
    )
    others = {
        "entry_page": session.entry_page,
        "exit_page": session.exit_page,
        "visitor_id": session.visitor_id,
    }
    return (attributes | others)[field]
