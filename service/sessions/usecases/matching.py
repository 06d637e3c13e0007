"""Which of some sessions a predicate is true of, where only their events can tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sessions.analysis import masks, rows
from sessions.analysis.columns import with_implied
from sessions.domain.hours import microseconds
from sessions.domain.predicates import All, Predicate
from sessions.domain.selection import Selection
from sessions.storage import session_arrays
from sessions.storage.database import Connection
from sessions.storage.predicates import in_rows
from sessions.storage.rows import FoundSession
from sessions.storage.visitor_keys import resolve
from sessions.usecases.threads import in_thread

T = TypeVar("T")

MOST_STEPS = 50_000
"""Pageviews and events that are held in memory at once."""


def divide(predicate: Predicate) -> tuple[Predicate, Predicate]:
    """The part of a predicate that rows of sessions can tell, and the other part."""
    operands = predicate.operands if isinstance(predicate, All) else (predicate,)
    told = tuple(each for each in operands if in_rows(each))
    others = tuple(each for each in operands if not in_rows(each))
    return All(told), All(others)


async def matching(
    connection: Connection,
    website_key: int,
    selection: Selection,
    sessions: Sequence[FoundSession[T]],
) -> list[FoundSession[T]]:
    """Those of some sessions that a selection has, by their columns.

    Args:
        connection: what it sees is what is read.
        website_key: whose sessions.
        selection: its range does not count.
        sessions: any.

    Raises:
        InvalidArgument: see `resolve`.
    """
    if not sessions:
        return []
    predicate = await resolve(connection, website_key, selection.predicate)
    resolved = replace(selection, predicate=predicate)
    names = with_implied({*masks.columns_of(resolved), "started_at", "visitor_key"})
    selected = set[tuple[int, int]]()
    for part in _parts(sessions):
        positions = [each.position for each in part]
        fetched = await session_arrays.fetch_found(connection, website_key, positions, names)
        selected |= await in_thread(partial(_selected, fetched, resolved))
    return [
        each for each in sessions if (microseconds(each.started_at), each.visitor_key) in selected
    ]


def _parts(sessions: Sequence[FoundSession[T]]) -> Iterator[list[FoundSession[T]]]:
    """The same sessions in parts of MOST_STEPS steps, unless one session alone has more."""
    part: list[FoundSession[T]] = []
    steps = 0
    for each in sessions:
        steps += each.steps
        if part and steps > MOST_STEPS:
            yield part
            part, steps = [], each.steps
        part.append(each)
    yield part


def _selected(fetched: Mapping[str, bytes], selection: Selection) -> set[tuple[int, int]]:
    """The starts and visitors of the selected sessions: no visitor starts two at one moment."""
    found = masks.select(rows.columns_of(fetched), selection).compact()
    return set(zip(found["started_at"].tolist(), found["visitor_key"].tolist(), strict=True))
