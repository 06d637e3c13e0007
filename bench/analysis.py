"""Analyses beside plain SQL over the rows, Umami's way, and chdb (ClickHouse) on the same data.

make bench-analysis ARGS="--sessions 500000 --days 365"

chdb has the same sessions in a MergeTree table with arrays of their pages, one thread, and gives
the same columns: rows, `other` and total. The two take turns, and a ratio is the median of those
of each turn, so that what else the machine does meets both.
"""

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import click
import orjson
import psycopg
from chdb.session import Session  # type: ignore[import-not-found, unused-ignore]
from sessions.analysis.columns import PAGE, Columns
from sessions.analysis.page_views import views_of
from sessions.domain.behaviour_queries import FlowQuery, FunnelQuery
from sessions.domain.breakdown_query import BreakdownQuery
from sessions.domain.period_comparison import ComparisonQuery
from sessions.domain.selection import Range, Selection, SelectionQuery

from bench.agreement import disagreements
from bench.blocks import EVERYTHING, UNTIL, Bench, running_bench
from tests.support.columns import accumulate

_SQL = Path(__file__).with_name("analyses")
_RUNS = 5
_STEPS = ('page = "/"', 'page = "/pricing"', 'page = "/signup"')
_VISITORS = FunnelQuery(steps=_STEPS, unit="visitor", window=7 * 86_400)
Run = Callable[[], Awaitable[object]]


class Written:
    """An accumulator that writes sessions as lines of JSON for chdb."""

    columns: Collection[str] = (
        *("duration", "pageviews", "events", "is_bot", "country", "entry_page", "exit_page"),
        *("step_item", "step_gap"),
    )

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def add(self, part: Columns) -> None:
        """Write the sessions of a part."""
        part = part.compact()
        views = views_of(part, with_times=True)
        if views.times is None or views.is_measured is None:
            raise ValueError("the views have no times")
        words = part.words["step_item"]
        items = [words[number].removeprefix(PAGE) for number in part["step_item"][views.steps]]
        times = [
            each if is_measured else -1
            for each, is_measured in zip(
                views.times.tolist(), views.is_measured.tolist(), strict=True
            )
        ]
        ends = part["pageviews"].cumsum(dtype="int64").tolist()
        texts = {
            name: [part.words[name][number] for number in part[name]]
            for name in ("country", "entry_page", "exit_page")
        }
        numbers = {
            name: part[name].tolist()
            for name in ("started_at", "duration", "visitor_key", "pageviews", "events", "is_bot")
        }
        columns = numbers | texts
        for position, values in enumerate(zip(*columns.values(), strict=True)):
            start, end = ends[position] - numbers["pageviews"][position], ends[position]
            line = dict(zip(columns, values, strict=True))
            line |= {"pages": items[start:end], "times": times[start:end]}
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write down what is left."""
        self._file.close()


def statements(name: str) -> list[tuple[str, list[str]]]:
    """The statements of a file, by the heading (`-- name`) before them."""
    sections = (_SQL / f"{name}.sql").read_text().split("-- ")[1:]
    found = []
    for section in sections:
        title, _, text = section.partition("\n")
        found.append((title, [each for each in text.split(";") if each.strip()]))
    return found


async def timed(run: Run, runs: int) -> float:
    """Milliseconds, the median of some runs."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        await run()
        taken.append((time.perf_counter() - began) * 1000)
    return round(median(taken), 1)


def ours(bench: Bench) -> Mapping[str, Run]:
    """The analyses of the service, below the API."""
    since = UNTIL - timedelta(days=bench.days)
    query = SelectionQuery(
        website_id=bench.website.website_id,
        start_date=f"{since:%Y-%m-%d}",
        end_date=f"{UNTIL:%Y-%m-%d}",
        timezone="Europe/Berlin",
    )
    analyses = bench.application.analyses

    def by(dimension: str, *, page_times: bool = False) -> Run:
        asked = BreakdownQuery(dimensions=[dimension], page_times=page_times)
        return lambda: analyses.breakdown(query, asked)

    return {
        "summary": lambda: analyses.summarize(query, ComparisonQuery()),
        "series by day": lambda: analyses.time_series(query, "day" if bench.days < 900 else "week"),
        "country": by("country"),
        "page": by("page"),
        "page with times": by("page", page_times=True),
        "funnel of 3": lambda: analyses.funnel(query, FunnelQuery(steps=_STEPS)),
        "visitor funnel over 7 days": lambda: analyses.funnel(query, _VISITORS),
        "flows of 4": lambda: analyses.flows(query, FlowQuery(depth=4)),
    }


async def in_postgres(url: str, name: str) -> Mapping[str, float]:
    """The statements of a file, in one session of PostgreSQL without parallel workers."""
    found = {}
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
        await connection.execute("SET work_mem = '256MB'")
        for title, texts in statements(name):

            async def run(texts: list[str] = texts) -> None:
                for text in texts:
                    await connection.execute(text.encode())

            found[title] = await timed(run, 1 if title == "setup" else 3)
    return found


def in_clickhouse(clickhouse: Any, path: Path) -> Mapping[str, Run]:
    """The statements for chdb, on one thread, over the sessions of a file."""
    clickhouse.query("SET max_threads = 1")

    def run_of(texts: list[str]) -> Run:
        async def run() -> None:
            for text in texts:
                clickhouse.query(text.replace("FILE", str(path)))

        return run

    return {title: run_of(texts) for title, texts in statements("clickhouse")}


async def beside(ours: Mapping[str, Run], chdb: Mapping[str, Run]) -> dict[str, object]:
    """Each analysis and the same of chdb, in turn: milliseconds, and the median of the ratios."""
    found: dict[str, object] = {}
    for name, run in ours.items():
        pairs = [(await timed(run, 1), await timed(chdb[name], 1)) for _ in range(_RUNS)]
        found[name] = {
            "ours": median(one for one, _ in pairs),
            "chdb": median(other for _, other in pairs),
            "ratio": round(median(one / other for one, other in pairs), 2),
        }
    return found


async def measure(sessions: int, days: int, *, rows: bool) -> dict[str, object]:
    """All figures, in milliseconds."""
    found: dict[str, Any] = {"sessions": sessions, "days": days}
    with tempfile.TemporaryDirectory(prefix="sessions-bench-") as folder:
        async with running_bench(sessions, days) as bench:
            await bench.fold.completely(bench.website.key)
            written = Written(Path(folder) / "sessions.json")
            everything = Range(UNTIL - timedelta(days=days + 1), UNTIL + timedelta(days=1))
            selection = Selection(
                range=everything, include_bots=True, predicate=EVERYTHING, identity=b""
            )
            reader = bench.application.read_columns
            await accumulate(reader, bench.website.key, selection, written)
            written.close()
            clickhouse: Any = Session(str(Path(folder) / "chdb"))  # type: ignore[no-untyped-call, unused-ignore]
            chdb = in_clickhouse(clickhouse, Path(folder) / "sessions.json")
            await chdb["setup"]()
            found["funnels that do not agree"] = disagreements(clickhouse)
            found["ms"] = await beside(ours(bench), chdb)
            found["at once"] = await at_once(ours(bench))
            found["peak memory with chdb, MB"] = (
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            )
            if rows:
                for name in ("rows", "umami"):
                    found[name] = await in_postgres(bench.url, name)
                    click.echo(json.dumps({name: found[name]}), err=True)
    return found


async def at_once(runs: Mapping[str, Run]) -> dict[str, float]:
    """Ten analyses at once, as a page of an explorer sends them: all answered in so many ms."""
    ten = [*runs.values(), *runs.values()][:10]
    return {"ten": await timed(lambda: asyncio.gather(*(run() for run in ten)), 3)}


@click.command()
@click.option("--sessions", type=int, default=500_000, show_default=True)
@click.option("--days", type=int, default=365, show_default=True)
@click.option("--rows/--no-rows", default=True, help="Measure SQL over rows, too; takes minutes.")
def main(sessions: int, days: int, *, rows: bool) -> None:
    """Measure and print JSON."""
    click.echo(json.dumps(asyncio.run(measure(sessions, days, rows=rows)), indent=2))


if __name__ == "__main__":
    main()
