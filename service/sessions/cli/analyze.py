"""`sessions analyze`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sessions.cli.application import print_table, run
from sessions.cli.selection import selection_options

if TYPE_CHECKING:
    from sessions.usecases.breakdown import BrokenDown
    from sessions.usecases.summarize import Summarized
    from sessions.usecases.time_series import Series, SummarizedBucket

_goal = click.option(
    "--goal", default="", metavar="STEP", help="Count sessions that did a step, too."
)
# What tables with a row for each value show.
_SHOWN = ("sessions", "visitors", "pageviews", "bounce_rate", "median_duration")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as over REST.")


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
@as_json_option
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
    """
    from sessions.api.analysis_messages import summarize_response
    from sessions.domain.period_comparison import ComparisonQuery

    comparison = ComparisonQuery(
        compare=compare, start_date=compare_start_date, end_date=compare_end_date
    )
    found = run(lambda app: app.analyses.summarize(query, comparison, goal))
    if as_json:
        print_json(summarize_response(found))
    else:
        _print_summary(found)


def print_json(message: Any) -> None:
    """Print the answer of a call as REST shows it."""
    from sessions.api.printer import json_text

    click.echo(json_text(message))


def _print_summary(found: "Summarized") -> None:
    from sessions.cli.figures import change, figure, shown_metrics

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


@analyze.command()
@selection_options
@click.option("--granularity", default="", metavar="UNIT", help="hour, day, week or month.")
@_goal
@as_json_option
def timeseries(query: Any, granularity: str, goal: str, *, as_json: bool) -> None:
    """Summarize sessions by when they started.

    \b
        sessions analyze timeseries --website "$site" --start-date 2026-03-01
        sessions analyze timeseries --website "$site" --granularity week --timezone Europe/Berlin
    """
    from sessions.api.analysis_messages import time_series_response

    found = run(lambda app: app.analyses.time_series(query, granularity, goal))
    if as_json:
        print_json(time_series_response(found))
    else:
        _print_series(found)


def _print_series(found: "Series") -> None:
    from sessions.cli.figures import bar, shown_figures, sparkline

    sessions = [each.summary["sessions"] or 0 for each in found.buckets]
    header = [found.scope.days.zone.key, *_SHOWN, ""]
    rows = []
    for each, count in zip(found.buckets, sessions, strict=True):
        label = _label(each, found)
        rows.append([label, *shown_figures(each.summary, _SHOWN), bar(count, max(sessions))])
    print_table(header, rows, texts=(0, len(header) - 1))
    click.echo(sparkline(sessions))


def _label(each: "SummarizedBucket", found: "Series") -> str:
    """When a bucket begins, and whether it is not over yet or not whole."""
    start = each.bucket.start.astimezone(found.scope.days.zone)
    text = f"{start:%Y-%m-%d %H:%M}" if found.granularity == "hour" else f"{start:%Y-%m-%d}"
    return text + (" (partial)" if each.is_partial else " (cut)" if each.bucket.is_cut else "")


@analyze.command()
@selection_options
@click.option("--dimension", multiple=True, required=True, metavar="NAME", help="One, or two.")
@click.option(
    "--order-by", default="", metavar="METRIC", help="The largest first; default: sessions."
)
@click.option("--limit", default=0, metavar="ROWS", help="Rows at most; default: 10.")
@click.option("--page-times", is_flag=True, help="Time the views of pages.")
@_goal
@as_json_option
def breakdown(
    query: Any,
    dimension: tuple[str, ...],
    order_by: str,
    limit: int,
    goal: str,
    *,
    page_times: bool,
    as_json: bool,
) -> None:
    """Summarize sessions by the values of one or two dimensions.

    \b
        sessions analyze breakdown --website "$site" --dimension country
        sessions analyze breakdown --website "$site" --dimension page --page-times --limit 20
    """
    from sessions.api.analysis_messages import breakdown_response
    from sessions.domain.breakdown_query import BreakdownQuery

    by = BreakdownQuery(
        dimensions=dimension, order_by=order_by, limit=limit, goal=goal, page_times=page_times
    )
    found = run(lambda app: app.analyses.breakdown(query, by))
    if as_json:
        print_json(breakdown_response(found))
    else:
        _print_breakdown(found, dimension)


def _print_breakdown(found: "BrokenDown", dimensions: Sequence[str]) -> None:
    from sessions.cli.figures import bar, duration, figure, shown_figures
    from sessions.domain.metrics import Unit

    rows = [*found.rows, *([found.other] if found.other else [])]
    has_pages = any(row.pages for row in rows)
    times = any(row.pages and row.pages.measured_views is not None for row in rows)
    own = [
        *(("views", "entries", "exits") if has_pages else ()),
        *(["median_time"] if times else []),
    ]
    table = []
    for row in rows:
        cells = [value or "(none)" for value in row.values] or _other(found, dimensions)
        figures = [figure(row.share, Unit.RATE), *shown_figures(row.summary, _SHOWN)]
        if row.pages:
            counts = (row.pages.views, row.pages.entries, row.pages.exits)
            figures += [figure(each, Unit.COUNT) for each in counts]
        if row.pages and times:
            median = row.pages.median_time
            figures.append("-" if median is None else duration(median / 1_000_000))
        table.append([*cells, *figures, bar(row.share, 1)])
    header = [*dimensions, "share", *_SHOWN, *own, ""]
    print_table(header, table, texts=(*range(len(dimensions)), len(header) - 1))


def _other(found: "BrokenDown", dimensions: Sequence[str]) -> list[str]:
    more = found.distinct_values - len(found.rows)
    return [f"({more:,} more)", *[""] * (len(dimensions) - 1)]
