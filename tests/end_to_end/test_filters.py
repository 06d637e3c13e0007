"""Filters through Envoy return what a plain scan in Python over the same data returns.

A website gets a few thousand random visits with hostile values. What each visit is filtered by is
known before anything of the service sees it, so that the scan shares no code with the service: a
filter matches when one of its values equals the visit's, after the two folds that are promised
(country in capitals, hosts in lower case).

The data and the requests are random; a failing run prints the seed that repeats it.
"""

import asyncio
import os
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from psycopg.conninfo import make_conninfo
from sessions.composition import Application, open_application
from sessions.domain.dimensions import FILTERS
from sessions.domain.events import Event, EventInput
from sessions.domain.selection import SelectionQuery, select
from sessions.domain.session import Session
from sessions.domain.sessionization import MAX_ITEMS
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.storage import session_list
from sessions.storage.rows import SESSIONS

from tests.support.clients import Rest
from tests.support.reference import Expected, reference_sessions
from tests.support.stack import Stack

VISITS, COMBINATIONS = 3_000, 150
FIRST, DAYS = date(2026, 1, 20), 42
"""Three months, so that the list crosses partitions twice."""
RANGE = {"start_date": str(FIRST), "end_date": str(FIRST + timedelta(days=DAYS))}

OWN_HOST = "shop.example"
TEXTS = [
    *("a", "A", "b", "ab", "a b", "a  b", " a", "a ", "a+b", "a%20b", "a%2Bb", "a&b=c", "a=b;c"),
    *("%", "%%", "_", "a%", "a_", "__", "a%b", "100%", "*", "?", "a?b#c", "[ab]", "^a$", ".*"),
    *(
        "'",
        "''",
        "o'hara",
        '"',
        '"a"',
        "`a`",
        "\\",
        "\\\\",
        "\\%",
        "\\'",
        "a\\b",
        "$1",
        "%s",
        "{a}",
    ),
    *(
        "ü",
        "Ü",
        "ß",
        "SS",
        "İ",
        "é",
        "e\N{COMBINING ACUTE ACCENT}",
        "日本",
        "🙂",
        "\N{NO-BREAK SPACE}",
    ),
    *("null", "NULL", "None", "true", "0", "-1", "{}", "[]", "'; DELETE FROM sessions; --"),
    *("\t", "\n", "a\nb", "\x7f", "\u202e", "\ufeff"),
]
"""Values that mean something to SQL, LIKE, JSON, URLs or regular expressions."""

LONG = ["x" * 1024, "x" * 1023 + "y", "%" * 1024, "ü" * 512]
"""The longest utm values that are stored."""
TOO_LONG = ["x" * 4096, "x" * 1025, "%" * 4096, "ü" * 2048, "a" + " " * 4095]
"""Longer than anything that is stored: these match nothing."""

COUNTRIES = ["", "US", "us", "De", "ß", "%", "_", "o'", "日本"]
HOSTS = [
    *("", "", "news.example", "News.Example", "WWW.NEWS.EXAMPLE", "under_score.example"),
    *(
        "o'hara.example",
        "a+b.example",
        "bücher.example",
        "[2001:db8::1]",
        "localhost",
    ),
]
PATHS = ["", "/", "/a", "/A", "/a/", "//a", "/a?b", *(f"/{text}" for text in TEXTS)]

USER_AGENTS = {
    "": ("", "", "", False),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36": ("Chrome", "macOS", "desktop", False),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1": (
        *("Safari", "iOS", "mobile", False),
    ),
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.6 Mobile/15E148 Safari/604.1": ("Safari", "iOS", "tablet", False),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": (
        *("Firefox", "Linux", "desktop", False),
    ),
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36": (
        *("Samsung Internet", "Android", "mobile", False),
    ),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": (
        *("Googlebot", "", "", True),
    ),
}
"""What is known of a client: browser, os, device, and whether it is a bot."""

Filters = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Visit:
    """A visit as the scan sees it: `pages` aside, `values` has the one value of each filter."""

    visitor_id: str
    started_at: datetime
    is_bot: bool
    values: Mapping[str, str]
    pages: frozenset[str]

    def matches(self, filters: Filters) -> bool:
        """Whether one value of each filter is the visit's own."""
        return all(self._has(name, values) for name, values in filters.items())

    def _has(self, name: str, values: Sequence[str]) -> bool:
        if name == "page":
            # An empty value asks for the visits without any page.
            return any(value in self.pages or not (value or self.pages) for value in values)
        # A blank value is no empty one, which asks for the visits that have none.
        return any((_folded(name, value) or value) == self.values[name] for value in values)


def _folded(name: str, value: str) -> str:
    if name == "country":
        return value.upper()
    if name == "language" and len(value) <= 255:
        return re.split("[,;]", value)[0].strip()
    if name in ("hostname", "referrer"):
        return value.lower().replace("bücher", "xn--bcher-kva")
    return value


UTM = ("utm_source", "utm_medium", "utm_campaign")


class Maker:
    """Makes visits, and the events that a tracker would send of them."""

    def __init__(self, choose: random.Random) -> None:
        self._choose = choose
        self._made = 0

    def visit(self) -> tuple[Visit, list[EventInput]]:
        """One visit of a visitor who never comes again."""
        self._made += 1
        visitor_id = f"visitor-{self._made}"
        # Noons and midnights make many equal starts, and starts at both ends of days and months.
        half_days = self._choose.randrange(2 * (DAYS + 1))
        started_at = datetime.combine(FIRST, time(), UTC) + timedelta(hours=12 * half_days)
        pages = self._choose.choices(PATHS, k=self._choose.choice([0, 1, 1, 2, 3, 5]))
        sent = self._client()
        agent, (browser, os_, device, is_bot) = self._choose.choice(list(USER_AGENTS.items()))
        utm = self._utm()
        query = f"?{urlencode(utm)}" if utm else ""
        entry = EventInput(
            event_type="pageview" if pages else "event",
            event_name="" if pages else "click",
            visitor_id=visitor_id,
            timestamp=started_at,
            user_agent=agent,
            # Without a page, the parameters of the entry event still say how the visitor came.
            url=f"{_escaped(pages[0]) if pages else ''}{query}",
            **sent | {"referrer": f"https://{sent['referrer']}/?q=a" if sent["referrer"] else ""},
        )
        views = [
            EventInput(
                event_type="pageview",
                visitor_id=visitor_id,
                timestamp=started_at + timedelta(seconds=number),
                url=_escaped(page),
            )
            for number, page in enumerate(pages[1:], 1)
        ]
        values = {"browser": browser, "os": os_, "device": device} | _stored(sent)
        values |= dict.fromkeys(UTM, "") | utm
        visit = Visit(visitor_id, started_at, is_bot, values, frozenset(pages) - {""})
        return visit, [entry, *views]

    def _client(self) -> dict[str, Any]:
        return {
            "country": self._choose.choice(COUNTRIES),
            "referrer": self._choose.choice([*HOSTS, OWN_HOST.upper()]),
            "hostname": self._choose.choice(["", OWN_HOST, "Shop.Example", "b_log.example"]),
            "region": self._text(),
            "city": self._text(),
            "language": self._text(),
        }

    def _utm(self) -> dict[str, str]:
        utm = {name: text for name in UTM if (text := self._text())}
        if self._choose.random() < 0.05:
            utm[self._choose.choice(UTM)] = self._choose.choice(LONG)
        return utm

    def _text(self) -> str:
        """A free text: none for a fifth of the visits, a frequent one for two fifths."""
        chance = self._choose.random()
        if chance < 0.2:
            return ""
        return self._choose.choice(TEXTS[:8] if chance < 0.6 else TEXTS)


def _stored(client: Mapping[str, Any]) -> dict[str, str]:
    """What is to be found of a client; a referrer on the website's own host is none."""
    found = {name: _folded(name, value) for name, value in client.items()}
    return found | ({"referrer": ""} if found["referrer"] == found["hostname"] else {})


def _escaped(page: str) -> str:
    return quote(page, safe="/")


@dataclass(frozen=True)
class World:
    """A website, and all that happened on it."""

    website_id: str
    visits: Sequence[Visit]

    def scan(self, query: Mapping[str, Any]) -> list[tuple[datetime, str]]:
        """The visits that a query lets through, newest first."""
        first, last = query["start_date"], query["end_date"]
        filters = {name: query[f"filter_{name}"] for name in FILTERS if f"filter_{name}" in query}
        return sorted(
            (
                (visit.started_at, visit.visitor_id)
                for visit in self.visits
                if first <= str(visit.started_at.date()) <= last
                and (query["include_bots"] or not visit.is_bot)
                and visit.matches(filters)
            ),
            reverse=True,
        )


@pytest.fixture(scope="module")
def seed() -> int:
    """Where all chance here begins."""
    return int(os.environ.get("TEST_SEED") or random.SystemRandom().getrandbits(32))


@pytest.fixture
def choose(seed: int) -> random.Random:
    """The chance of one test."""
    print(f"repeat with TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311


@pytest.fixture(scope="module")
def world(stack: Stack, seed: int) -> World:
    """A website with random visits."""
    maker = Maker(random.Random(seed))  # noqa: S311
    made = [maker.visit() for _ in range(VISITS)]

    async def record() -> str:
        async with open_application(stack.database_url, Settings()) as application:
            website = await application.websites.get(await application.websites.create("test"))
            await _record(application, website, [event for _, sent in made for event in sent])
            return website.website_id

    return World(asyncio.run(record()), [visit for visit, _ in made])


async def _record(application: Application, website: Website, sent: Sequence[EventInput]) -> None:
    events = application.enricher.enrich_all(
        sent, website_id=website.website_id, received_at=datetime.now(UTC)
    )
    for start in range(0, len(events), 1000):
        await application.write_events(website, events[start : start + 1000])


def check(rest: Rest, key: str, world: World, query: Mapping[str, Any]) -> int:
    """Walk all pages of a query, compare them with the scan, and return how many rows there are."""
    pages = rest.walk(world.website_id, {"limit": 100, **query}, key)
    listed = [
        (datetime.fromisoformat(row["started_at"]), row["session_id"], row["visitor_id"])
        for page in islice(pages, VISITS)
        for row in page
    ]
    return _compare(listed, world, query)


def _compare(
    listed: Sequence[tuple[datetime, Any, str]], world: World, query: Mapping[str, Any]
) -> int:
    assert listed == sorted(listed, reverse=True), query
    found = sorted(((at, visitor_id) for at, _, visitor_id in listed), reverse=True)
    assert found == world.scan(query), query
    return len(found)


def _mixed(choose: random.Random, text: str) -> str:
    """ASCII letters in upper or lower case at random; other letters do not always come back."""
    return "".join(
        choose.choice([char.upper(), char.lower()]) if char.isascii() else char for char in text
    )


def _values_of(visit: Visit, name: str) -> list[str]:
    return sorted(visit.pages) or [""] if name == "page" else [visit.values[name]]


def _near(choose: random.Random, name: str, value: str) -> str:
    """A value that a wrong comparison would take for this one."""
    if name in ("country", "hostname", "referrer"):
        return choose.choice([_mixed(choose, value), value + "_", value[:-1], value + "x"])
    changed = [value.swapcase(), value[:-1], value + "%", value + " ", " " + value, quote(value)]
    return choose.choice([*changed, "%", "_" * len(value), value + "\\", value * 2])


Make = Callable[[random.Random, str, str], list[str]]

KINDS: dict[str, Make] = {
    "one value": lambda choose, name, value: [value],
    "empty": lambda choose, name, value: [""],
    "empty or a value": lambda choose, name, value: ["", value],
    "the same twice": lambda choose, name, value: [value, value],
    "nearly": lambda choose, name, value: [_near(choose, name, value)],
    "several": lambda choose, name, value: [value, *choose.sample(TEXTS, 5)],
    "mixed case": lambda choose, name, value: [_mixed(choose, value)],
    "hostile": lambda choose, name, value: choose.sample(TEXTS, 3),
    "too long": lambda choose, name, value: [choose.choice(TOO_LONG)],
    "too long or a value": lambda choose, name, value: [choose.choice(TOO_LONG), value],
    "a hundred": lambda choose, name, value: [value, *(str(number) for number in range(99))],
}
"""How the values of a filter are made of one that some visit has."""


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_alone(
    rest: Rest, key: str, world: World, choose: random.Random, name: str
) -> None:
    rows = {}
    for kind, make in KINDS.items():
        value = choose.choice(_values_of(choose.choice(world.visits), name))
        query = RANGE | {
            "include_bots": choose.random() < 0.5,
            f"filter_{name}": make(choose, name, value),
        }
        rows[kind] = check(rest, key, world, query)
    assert rows["too long"] == 0
    assert rows["empty"] > 0


def test_random_combinations(rest: Rest, key: str, world: World, choose: random.Random) -> None:
    """Around a visit that is to be found, so that combinations of many filters still match."""
    found = 0
    for _ in range(COMBINATIONS):
        visit = choose.choice(world.visits)
        query: dict[str, Any] = RANGE | {"include_bots": choose.random() < 0.7}
        if choose.random() < 0.3:
            query["start_date"] = str(visit.started_at.date() - timedelta(choose.randrange(9)))
            query["end_date"] = str(visit.started_at.date() + timedelta(choose.randrange(9)))
        for name in choose.sample(FILTERS, choose.choice([2, 2, 3, 5, 13])):
            value = choose.choice(_values_of(visit, name))
            kinds = ["one value"] * 5 + ["several", "mixed case", "empty or a value", "hostile"]
            query[f"filter_{name}"] = KINDS[choose.choice(kinds)](choose, name, value)
        found += check(rest, key, world, query) > 0
    assert found > COMBINATIONS / 4


async def test_the_index_of_all_filters(stack: Stack, world: World, choose: random.Random) -> None:
    """The same where most sessions are not found among the newest, but through this index."""
    planner = "-c enable_indexscan=off -c enable_seqscan=off"
    url = make_conninfo(stack.database_url, options=planner)
    async with open_application(url, Settings()) as application:
        for _ in range(COMBINATIONS):
            visit, include_bots = choose.choice(world.visits), choose.random() < 0.5
            filters = {
                name: KINDS[choose.choice(list(KINDS))](
                    choose, name, choose.choice(_values_of(visit, name))
                )
                for name in choose.sample(FILTERS, choose.choice([1, 1, 2]))
            }
            asked = SelectionQuery(
                website_id=world.website_id, **RANGE, include_bots=include_bots, filters=filters
            )
            listed = [
                (session.started_at, session.session_id, session.visitor_id)
                async for session in _walk(application, asked)
            ]
            query = {f"filter_{name}": values for name, values in filters.items()}
            _compare(listed, world, {**RANGE, "include_bots": include_bots, **query})


async def _walk(application: Application, query: SelectionQuery) -> AsyncIterator[Session]:
    """All sessions of a query, of which only the 20 newest are looked at one by one."""
    website = await application.websites.get(query.website_id)
    selection = select(query, datetime.now(UTC))
    database, more, after = application.pools.requests, True, None
    while more:
        page = await session_list.list_page(
            database, website.key, selection, after=after, limit=100, form=SESSIONS, newest=20
        )
        for session in page.sessions:
            yield session
        after, more = page.end, page.end is not None


def test_without_filters(rest: Rest, key: str, world: World) -> None:
    for include_bots in (False, True):
        assert check(rest, key, world, RANGE | {"include_bots": include_bots}) > VISITS / 2


PAGES = [f"/{number}" for number in range(400)]


async def test_sessions_of_more_pages_than_a_row_holds(
    rest: Rest, key: str, application: Application, website: Website, choose: random.Random
) -> None:
    """Visits of up to 300 distinct pages, told in any order, are found by each of them.

    Early batches leave gaps, so that there are sessions which later ones join. What comes last
    brings no page, and loses none.
    """
    sent = list(_long_visits(choose))
    leaving = application.enricher.enrich_all(
        [_leaving(event) for event in sent],
        website_id=website.website_id,
        received_at=datetime.now(UTC),
    )
    events = application.enricher.enrich_all(
        sent, website_id=website.website_id, received_at=datetime.now(UTC)
    )
    choose.shuffle(events)
    recorded: list[Event] = []
    for batch in (events[:500], *([event] for event in events[500:520]), events[520:], leaving):
        await application.write_events(website, batch)
        recorded += batch
        if len(batch) > 1:
            _check_pages(rest, key, website, reference_sessions(recorded), choose)
    counts: list[tuple[int, int]] = await application.pools.requests.fetch(
        COUNTS, {"key": website.key}
    )
    joined, beyond_rows = counts[0]
    assert joined
    assert beyond_rows


COUNTS = """
SELECT (SELECT count(*) FROM session_ids WHERE website_key = %(key)s AND merged),
       (SELECT count(*) FROM overflow_items WHERE website_key = %(key)s)
"""


def _long_visits(choose: random.Random) -> Iterator[EventInput]:
    """Two visits of each visitor, an hour apart; pageviews are some minutes from each other."""
    for number in range(6):
        at = datetime(2026, 1, 31, 12, tzinfo=UTC)
        for distinct in (choose.choice([MAX_ITEMS, MAX_ITEMS + 1, 100]), choose.randrange(300)):
            pages = choose.sample(PAGES, distinct)
            for page in pages + choose.choices(pages, k=distinct // 4):
                at += timedelta(minutes=choose.randrange(10), microseconds=1)
                yield EventInput(
                    event_type="pageview", visitor_id=f"long-{number}", timestamp=at, url=page
                )
            at += timedelta(hours=1)


def _leaving(view: EventInput) -> EventInput:
    assert view.timestamp
    at = view.timestamp + timedelta(minutes=1)
    return EventInput(
        event_type="event", event_name="leave", visitor_id=view.visitor_id, timestamp=at
    )


def _check_pages(
    rest: Rest, key: str, website: Website, sessions: Sequence[Expected], choose: random.Random
) -> None:
    for asked in [[page] for page in choose.sample(PAGES, 40)] + [choose.sample(PAGES, 3), ["/no"]]:
        query = {"start_date": "2026-01-31", "end_date": "2026-02-28", "limit": 100}
        pages = rest.walk(website.website_id, query | {"filter_page": asked}, key)
        found = [
            (datetime.fromisoformat(session["started_at"]), session["visitor_id"])
            for page in pages
            for session in page
        ]
        expected = [(s.started_at, s.visitor_id) for s in sessions if s.pages & {*asked}]
        assert sorted(found) == sorted(expected), asked
