"""Transitions: where the views of a page come from, and where they go on to."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from sessions.analysis.transitions import Neighbour, TransitionAccumulator
from sessions.domain.behaviour_queries import TransitionQuery, transition_rules
from sessions.domain.cells import DrillDown
from sessions.domain.drill_down import equals, narrowed
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope


class Transition(NamedTuple):
    """Views of the page that have one neighbour, and the sessions with such views.

    `page` is the neighbour's path; None stands for all that are not listed, of which `sessions` is
    None.
    """

    page: str | None
    views: int
    sessions: int | None
    cell: str


class Transitions(NamedTuple):
    """`views` is `entries`, `from_other` and `reloads`, and also `exits`, `to_other` and `reloads`.

    What is not listed of the neighbours is in the last one, without a page.
    """

    scope: Scope
    sessions: int
    views: int
    entries: int
    from_other: int
    reloads: int
    exits: int
    to_other: int
    view_sessions: DrillDown
    entry_sessions: DrillDown
    exit_sessions: DrillDown
    reload_sessions: DrillDown
    previous: list[Transition]
    next: list[Transition]


class CountTransitions:
    """Counts the transitions of a page in a selection."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, transitions: TransitionQuery) -> Transitions:
        """The transitions of a page in a selection.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days, rules = self._reader.days(query), transition_rules(transitions)
        accumulator = TransitionAccumulator(rules.page)
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
        cell = reading.cells("transitions", asdict(transitions))
        found, page = accumulator.result(), rules.page

        def of(name: str, **row: str | None) -> DrillDown:
            """The sessions in which a text or collection has the page; or else those of a row."""
            filter_ = narrowed(query, equals(name, page))
            return DrillDown(filter=filter_) if filter_ else DrillDown(cell=cell(**row))

        return Transitions(
            scope=reading.scope,
            sessions=found.sessions,
            views=found.views,
            entries=found.entries,
            from_other=sum(row.views for row in found.previous),
            reloads=found.reloads,
            exits=found.exits,
            to_other=sum(row.views for row in found.following),
            view_sessions=of("page", side="any"),
            entry_sessions=of("entry_page", side="previous", page=None),
            exit_sessions=of("exit_page", side="next", page=None),
            reload_sessions=DrillDown(cell=cell(side="previous", page=page)),
            previous=_listed(found.previous, rules.limit, partial(cell, side="previous")),
            next=_listed(found.following, rules.limit, partial(cell, side="next")),
        )


def _listed(rows: Sequence[Neighbour], limit: int, cell: Callable[..., str]) -> list[Transition]:
    """The neighbours with the most views, and one row for the rest."""
    found = [Transition(*row, cell=cell(page=row.page)) for row in rows[:limit]]
    if rest := rows[limit:]:
        views = sum(row.views for row in rest)
        found.append(Transition(None, views, None, cell(other=True)))
    return found
