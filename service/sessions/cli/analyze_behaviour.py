"""`sessions analyze funnel` and so on: what sessions did."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sessions.cli.analyze import as_json_option, print_json
from sessions.cli.application import print_table, run
from sessions.cli.selection import selection_options

if TYPE_CHECKING:
    from sessions.analysis.sequences import Item
    from sessions.usecases.count_cohorts import Cohorts
    from sessions.usecases.count_funnel import Funnel, FunnelStep
    from sessions.usecases.count_transitions import Transition, Transitions
    from sessions.usecases.find_patterns import PatternFigures, Patterns
    from sessions.usecases.trace_flows import Flows

_OTHERS = "(all others)"
_items = click.option("--items", default="", metavar="KIND", help="pages, events or both.")
_collapse = click.option(
    "--collapse-repeats/--keep-repeats", default=True, help="Count a repeated page once."
)


@click.command()
@selection_options
@click.option("--step", "steps", multiple=True, metavar="STEP", help="A step; 2 to 10 in order.")
@click.option("--unit", default="", metavar="UNIT", help="session or visitor.")
@click.option("--order", default="", metavar="ORDER", help="ordered or strict.")
@click.option("--window", default=0, metavar="SECONDS", help="Most seconds for all steps.")
@click.option("--dimension", default="", metavar="NAME", help="Break it down by this text.")
@click.option("--limit", default=0, metavar="COUNT", help="Values of the dimension.")
@as_json_option
def funnel(query: Any, *, as_json: bool, **given: Any) -> None:
    """Count who reaches one step after the other.

    \b
        sessions analyze funnel --website "$site" --step 'page = "/cart"' --step 'event = "buy"'
    """
    from sessions.api.behaviour_messages import funnel_response
    from sessions.domain.behaviour_queries import FunnelQuery

    asked = FunnelQuery(**given)
    found = run(lambda app: app.analyses.funnel(query, asked))
    if as_json:
        print_json(funnel_response(found))
    else:
        _print_funnel(found)
        _print_unfinished(found)


def _print_funnel(found: "Funnel") -> None:

    header = ["step", "reached", "dropped", "of start", "of previous", "median", "p90"]
    if not found.rows:
        print_table(header, map(_step_row, found.steps))
        return
    funnels = [("(all)", found.steps), *((row.value, row.steps) for row in found.rows)]
    if found.other:
        funnels.append((_OTHERS, found.other))
    rows = ([value, *_step_row(step)] for value, steps in funnels for step in steps)
    print_table(["value", *header], rows, texts=(0, 1))


def _print_unfinished(found: "Funnel") -> None:
    if found.is_complete is False:
        click.echo("The window of some visitors has not passed: later steps can still be reached.")


def _step_row(step: "FunnelStep") -> list[str]:
    from sessions.cli.figures import figure
    from sessions.domain.metrics import Unit

    return [
        step.step,
        figure(step.reached, Unit.COUNT),
        figure(step.dropped, Unit.COUNT),
        figure(step.conversion_from_start, Unit.RATE),
        figure(step.conversion_from_previous, Unit.RATE),
        figure(step.median_seconds_from_previous, Unit.SECONDS),
        figure(step.p90_seconds_from_previous, Unit.SECONDS),
    ]


@click.command()
@selection_options
@click.option("--depth", default=0, metavar="COUNT", help="How many items are followed.")
@click.option("--width", default=0, metavar="COUNT", help="Children of a node.")
@click.option("--anchor", default="", metavar="STEP", help="Begin at this step.")
@click.option("--direction", default="", metavar="WAY", help="next or previous of the anchor.")
@_items
@_collapse
@as_json_option
def flows(query: Any, *, as_json: bool, **given: Any) -> None:
    """Follow what sessions did next, as a tree.

    \b
        sessions analyze flows --website "$site" --depth 3 --width 5
        sessions analyze flows --website "$site" --anchor 'page = "/pricing"' --direction previous
    """
    from sessions.api.behaviour_messages import flows_response
    from sessions.domain.behaviour_queries import FlowQuery

    asked = FlowQuery(**given)
    found = run(lambda app: app.analyses.flows(query, asked))
    if as_json:
        print_json(flows_response(found))
    else:
        _print_flows(found)


def _print_flows(found: "Flows") -> None:

    below: dict[int | None, list[int]] = {}
    for node in found.nodes:
        below.setdefault(node.parent_id, []).append(node.node_id)
    ordered, waiting = [], [0]
    while waiting:
        number = waiting.pop()
        ordered.append(found.nodes[number])
        waiting += reversed(below.get(number, []))
    rows = [
        [
            "  " * node.depth + (_item_text(node.item) if node.item else "(start)"),
            *(f"{count:,}" for count in (node.sessions, node.ended, node.truncated, node.other)),
        ]
        for node in ordered
    ]
    print_table(["item", "sessions", "ended", "truncated", "other"], rows)


def _item_text(item: "Item") -> str:
    if item.kind == "page":
        return item.value or "(no path)"
    return f"event {item.value}"


@click.command()
@selection_options
@click.option("--page", required=True, metavar="PATH", help="The page that is looked at.")
@click.option("--limit", default=0, metavar="COUNT", help="Pages before and after.")
@as_json_option
def transitions(query: Any, *, as_json: bool, **given: Any) -> None:
    """Count where the views of a page come from, and where they go on to.

    \b
        sessions analyze transitions --website "$site" --page /cart
    """
    from sessions.api.behaviour_messages import transitions_response
    from sessions.domain.behaviour_queries import TransitionQuery

    asked = TransitionQuery(**given)
    found = run(lambda app: app.analyses.transitions(query, asked))
    if as_json:
        print_json(transitions_response(found))
    else:
        _print_transitions(found)


def _print_transitions(found: "Transitions") -> None:

    reloads = ["(the page itself)", f"{found.reloads:,}"]
    total = ["", f"{found.views:,}"]
    before = [*map(_transition_row, found.previous), reloads, ["(entry)", f"{found.entries:,}"]]
    after = [*map(_transition_row, found.next), reloads, ["(exit)", f"{found.exits:,}"]]
    print_table(["page before", "views"], [*before, total])
    click.echo()
    print_table(["page after", "views"], [*after, total])


def _transition_row(row: "Transition") -> list[str]:
    text = _OTHERS if row.page is None else row.page or "(no path)"
    return [text, f"{row.views:,}"]


@click.command()
@selection_options
@click.option("--granularity", default="", metavar="PERIOD", help="day, week or month.")
@as_json_option
def cohorts(query: Any, granularity: str, *, as_json: bool) -> None:
    """Count in which periods visitors returned, by when they first came.

    \b
        sessions analyze cohorts --website "$site" --granularity week --start-date 2026-01-05
    """
    from sessions.api.behaviour_messages import cohorts_response

    found = run(lambda app: app.analyses.cohorts(query, granularity))
    if as_json:
        print_json(cohorts_response(found))
    else:
        _print_cohorts(found)


def _print_cohorts(found: "Cohorts") -> None:
    from sessions.cli.figures import figure
    from sessions.domain.metrics import Unit

    zone, count = found.scope.days.zone, len(found.cohorts)
    rows = []
    for cohort in found.cohorts:
        rates = [figure(period.rate, Unit.RATE) for period in cohort.periods]
        first_day = cohort.start.astimezone(zone).date().isoformat()
        rows.append([first_day, f"{cohort.visitors:,}", *_padded(rates, count)])
    print_table([found.granularity, "visitors", *map(str, range(count))], rows)


def _padded(cells: Sequence[str], count: int) -> list[str]:
    return [*cells, *[""] * (count - len(cells))]


@click.command()
@selection_options
@click.option("--length", default=0, metavar="COUNT", help="Items of the longest pattern.")
@click.option("--min-sessions", default=0, metavar="COUNT", help="Sessions that must hold it.")
@click.option("--goal", default="", metavar="STEP", help="Compare sessions that did this step.")
@_items
@_collapse
@click.option("--limit", default=0, metavar="COUNT", help="Patterns that are listed.")
@as_json_option
def patterns(query: Any, *, as_json: bool, **given: Any) -> None:
    """Find pages and events that many sessions have directly one after the other.

    \b
        sessions analyze patterns --website "$site" --items both --goal 'event = "signup"'
    """
    from sessions.api.behaviour_messages import patterns_response
    from sessions.domain.behaviour_queries import PatternQuery

    asked = PatternQuery(**given)
    found = run(lambda app: app.analyses.patterns(query, asked))
    if as_json:
        print_json(patterns_response(found))
    else:
        _print_patterns(found)


def _print_patterns(found: "Patterns") -> None:

    header, rows = ["pattern", "sessions", "share", "lift"], []
    if found.goal_sessions is not None:
        header += ["with goal", "lift", "without", "lift"]
    for pattern in found.patterns:
        row = [" > ".join(map(_item_text, pattern.items)), f"{pattern.figures.sessions:,}"]
        for figures in (pattern.figures, pattern.with_goal, pattern.without_goal):
            row += _share_and_lift(figures) if figures else []
        rows.append(row)
    print_table(header, rows)
    if not found.is_exact:
        click.echo("There are more different patterns than can be counted; some may be missing.")


def _share_and_lift(figures: "PatternFigures") -> list[str]:
    from sessions.cli.figures import figure
    from sessions.domain.metrics import Unit

    return [figure(figures.share, Unit.RATE), figure(figures.lift, Unit.AVERAGE)]


COMMANDS = (funnel, flows, transitions, cohorts, patterns)
"""Of the group `analyze`, in the order of the help."""
