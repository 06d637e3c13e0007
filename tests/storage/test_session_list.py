"""The list equals a plain scan, wherever its rows are found: at once, among the newest, by day."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import LiteralString
from uuid import UUID

import pytest
import pytest_asyncio
from sessions.domain.dimensions import TEXTS
from sessions.domain.paging import Position
from sessions.domain.predicates import All, Between
from sessions.domain.selection import Range, Selection, filter_predicate
from sessions.domain.session import Session
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.predicates import compile_predicate
from sessions.storage.rows import SESSION_COLUMNS, SESSIONS, session_rows

END = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAYS = 40
RANGE = Range(END - timedelta(days=DAYS), END)

# Most sessions are one of a few kinds; a handful have a city of their own.
_INSERT = """
INSERT INTO sessions
SELECT CASE WHEN mod(number, 10) = 7 THEN 2 ELSE 1 END, started_at, gen_random_uuid(),
       number, 'v' || number, started_at, 1, 0,
       mod(number, 5) = 0,
       CASE mod(number, 3) WHEN 0 THEN 'US' WHEN 1 THEN 'DE' ELSE '' END, '',
       CASE WHEN mod(number, 901) = 0 THEN 'Rare' ELSE 'Common' END,
       CASE WHEN mod(number, 2) = 0 THEN 'Chrome' ELSE 'Firefox' END, 'Linux', 'desktop', '', '',
       '', '', '', '', '/', '/', ARRAY[gen_random_uuid()], '{"first": [0, "a"]}'
  FROM generate_series(1, %(count)s) AS number
 CROSS JOIN LATERAL (
       -- Several at a time, so that ids have to tell them apart; some at midnight.
       SELECT %(end)s::timestamptz - interval '1 second'
              - interval '38 days' / %(count)s * (number / 3 * 3)
       ) AS times(moment)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN mod(number, 50) < 2 THEN date_trunc('day', moment) ELSE moment END
       ) AS starts(started_at)
"""


@dataclass(frozen=True)
class Question:
    """A list that is asked for."""

    filters: Mapping[str, Sequence[str]]
    include_bots: bool = False

    @property
    def selection(self) -> Selection:
        """The sessions that answer it."""
        return Selection(
            range=RANGE,
            include_bots=self.include_bots,
            predicate=filter_predicate(self.filters),
            identity=b"",
        )


QUESTIONS = [
    Question({}),
    Question({}, include_bots=True),
    Question({"browser": ["Chrome"]}),
    Question({"country": ["", "US"], "browser": ["Firefox"]}, include_bots=True),
    Question({"city": ["Rare"]}),
    Question({"city": ["Rare"], "browser": ["Chrome", "Firefox"], "country": ["US"]}, True),
    Question({"city": ["None at all"]}, include_bots=True),
    Question({"country": ["US"], "city": ["Rare", "Nowhere"], "os": ["Linux"]}),
]


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        await fill(database, 12_000)
        yield database


async def fill(database: Database, count: int) -> None:
    """Make sessions, evenly over the range."""
    days = range(0, DAYS + 2, 20)
    await Partitions(database).ensure(END - timedelta(days=day) for day in days)
    async with database.transaction() as connection:
        await connection.execute(_INSERT, {"end": END, "count": count})


async def everything(database: Database) -> list[Session]:
    """All sessions of the website, in the order of the list."""
    query: LiteralString = f"""
        SELECT {SESSION_COLUMNS} FROM sessions s
         WHERE s.website_key = 1 AND s.started_at >= %(since)s AND s.started_at < %(until)s
         ORDER BY s.started_at DESC, s.session_id DESC"""  # noqa: S608 - nothing from outside
    return await database.fetch(query, RANGE._asdict(), session_rows)


async def walk(
    database: Database, question: Question, limit: int, budget: float
) -> tuple[list[Session], list[int]]:
    """All sessions that answer a question, and how many each page held."""
    found: list[Session] = []
    sizes: list[int] = []
    after: Position | None = None
    while True:
        page = await session_list.list_page(
            database,
            1,
            question.selection,
            after=after,
            limit=limit,
            form=SESSIONS,
            budget=budget,
        )
        found += page.sessions
        sizes.append(len(page.sessions))
        if page.end is None:
            return found, sizes
        after = page.end


def matches(question: Question, session: Session) -> bool:
    """What a plain scan would take."""
    if session.is_bot and not question.include_bots:
        return False
    texts = dict(zip(TEXTS, session.texts, strict=True))
    return all((texts[name] or "") in values for name, values in question.filters.items())


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("budget", [0.0, 60.0])
async def test_the_list_equals_a_scan(
    database: Database, question: Question, budget: float
) -> None:
    expected = [s for s in await everything(database) if matches(question, s)]
    for limit in (7, 100, 5_000):
        found, sizes = await walk(database, question, limit, budget)
        assert found == expected
        if budget:
            assert sizes[:-1] == [limit] * (len(sizes) - 1), "only the last page is not full"


async def test_a_page_without_time_ends_short(database: Database) -> None:
    found, sizes = await walk(database, QUESTIONS[4], limit=100, budget=0.0)
    assert found
    assert len(sizes) > 1


@pytest.mark.parametrize("bots", [[False], [False, True]])
@pytest.mark.parametrize("filters", [{"city": ["Rare"]}, {"page": ["/a", "/b"], "os": ["Linux"]}])
async def test_days_are_searched_by_their_buckets(
    database_url: str, filters: Mapping[str, Sequence[str]], bots: list[bool]
) -> None:
    async with Database(database_url) as database:
        await fill(database, 60_000)
        without_statistics = await explain_search(database, filters, bots)
        async with database.transaction() as connection:
            await connection.execute("ANALYZE sessions")
        for plan in (without_statistics, await explain_search(database, filters, bots)):
            print(plan)
            assert "Seq Scan" not in plan
            assert "sessions_2026_02_pkey" not in plan
            february = re.findall(r"Index Scan on sessions_2026_02\w+.*\n *Index Cond: (.*)", plan)
            assert february
            assert all("<< 23" in condition for condition in february)


async def explain_search(
    database: Database, filters: Mapping[str, Sequence[str]], bots: list[bool]
) -> str:
    """How PostgreSQL would search day by day."""
    condition, values = compile_predicate(filter_predicate(filters))
    query = session_list._BY_DAY.format(columns=SESSIONS.columns, condition=condition)
    parameters = values | {
        "website_key": 1,
        "since": RANGE.since,
        "before_at": RANGE.until,
        "before_id": UUID(int=0),
        "limit": 51,
        "budget": 1.0,
        "bots": bots,
    }
    async with database.transaction() as connection:
        await connection.execute(session_list._THROUGH_FILTERS)
        found = await connection.execute(f"EXPLAIN {query}", parameters)
        return "\n".join(line for (line,) in await found.fetchall())


async def test_an_index_that_finds_too_much_is_left(database: Database) -> None:
    chrome = filter_predicate({"browser": ["Chrome"]})
    nothing = All((chrome, Between("duration", 10**9, None)))
    asked = replace(Question({}).selection, predicate=nothing)
    find = partial(
        session_list.narrowed_page, database, 1, asked, after=None, limit=9, form=SESSIONS
    )
    page = await find(patience=60)
    assert page is not None
    assert page.sessions == []
    assert await find(patience=0.001) is None
    # On the same connection, nothing else is cut short.
    assert await database.fetch("SELECT 1 FROM pg_sleep(0.05)", {}) == [(1,)]


async def test_any_position_can_be_gone_on_from(database: Database) -> None:
    ordered = await everything(database)
    for place in range(0, len(ordered), 611):
        after = Position(ordered[place].started_at, ordered[place].session_id)
        page = await session_list.list_page(
            database,
            1,
            Question({}, include_bots=True).selection,
            after=after,
            limit=3,
            form=SESSIONS,
        )
        assert page.sessions == ordered[place + 1 : place + 4]
