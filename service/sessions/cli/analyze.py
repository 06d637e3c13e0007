"""`sessions analyze`."""

from typing import TYPE_CHECKING, Any

import click

from sessions.cli.application import run
from sessions.cli.selection import selection_options

if TYPE_CHECKING:
    from sessions.usecases.summarize import Summarized

_goal = click.option(
    "--goal", default="", metavar="STEP", help="Count sessions that did a step, too."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, as over REST.")


@click.group(short_help="Count sessions.")
def analyze() -> None:
    """Count the sessions of a website, exactly as the API does."""


@analyze.command()
@selection_options
@click.option(
    "--compare", default="", metavar="PERIOD", help="previous_period, previous_year or custom."
)
@click.option("--compare-start-date", default="", metavar="DAY", help="First day of custom.")
@click.option("--compare-end-date", default="", metavar="DAY", help="Last day of custom.")
@_goal
@_as_json
def summary(
    query: Any,
    compare: str,
    compare_start_date: str,
    compare_end_date: str,
    goal: str,
    *,
    as_json: bool,
) -> None:
    """Summarize sessions, and compare them with those of other days.

    \b
        sessions analyze summary --website "$site" --start-date 2026-03-01 --end-date 2026-03-31
        sessions analyze summary --website "$site" --compare previous_year --goal 'event = "signup"'
    """  # noqa: D301
    from sessions.api.analysis_messages import summarize_response
    from sessions.domain.comparison import ComparisonQuery

    comparison = ComparisonQuery(
        compare=compare, start_date=compare_start_date, end_date=compare_end_date
    )
    found = run(lambda app: app.analyses.summarize(query, comparison, goal))
    if as_json:
        _print_json(summarize_response(found))
    else:
        _print_summary(found)


def _print_json(message: Any) -> None:
    from sessions.api.json import json_text

    click.echo(json_text(message))


def _print_summary(found: "Summarized") -> None:
    from sessions.cli.figures import change, figure, print_table, shown_metrics

    days, other = found.scope.days, found.comparison
    header = [days.zone.key, f"{days.start} to {days.end}"]
    if other:
        header += [f"{other.compared.days.start} to {other.compared.days.end}", "change"]
    rows = []
    for metric in shown_metrics(found.summary):
        value = found.summary[metric.name]
        row = [metric.name, figure(value, metric.unit)]
        if other:
            before = other.summary[metric.name]
            row += [figure(before, metric.unit), change(metric, value, before)]
        rows.append(row)
    print_table(header, rows)
