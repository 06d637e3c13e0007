"""Selections through Envoy return what a plain evaluation in Python finds, session by session.

A website gets random visits, of which some are folded into blocks and some come later. What each
of them is, is known before anything of the service sees it. Expressions, journeys, filters, zones
and days are random; a failing run prints the seed that repeats it. `TEST_SELECTIONS` says how
many selections there are, and `TEST_EXPRESSIONS` how many expressions beside them.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sessions.composition import Application, open_application
from sessions.domain.events import EventInput
from sessions.domain.websites import Website
from sessions.settings import Settings

from tests.domain.fuzz_expressions import expressions
from tests.support.clients import Rest
from tests.support.expressions import ExpressionMaker, Step, Visit, did
from tests.support.stack import Stack

VISITS = 1_500
EXPRESSIONS = int(os.environ.get("TEST_EXPRESSIONS", 250))
SELECTIONS = int(os.environ.get("TEST_SELECTIONS", 250))
FIRST, DAYS = date(2026, 1, 20), 42
"""Three months, so that lists cross partitions and blocks."""
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Asia/Kathmandu"]

TEXTS = [
    "",
    "",
    "a",
    "A",
    "ab",
    "a b",
    'a"b',
    "a*b",
    "a\\b",
    "%",
    "_",
    "a%",
    "ü",
    "日本",
    "'",
    "AND",
]
PATHS = ["", "/", "/a", "/A", "/a/b", "/b", "/ü", '/"', "/*", "/%25"]
NAMES = ["buy", "Buy", "sign up", "a*", "ü", "%"]
FIELDS = ("region", "city", "country", "utm_source", "utm_campaign", "entry_page", "exit_page")
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
IN_PATH = {"/%25": "/%"}
"""Paths as they are stored, where that is not as they are sent."""


def make_visit(choose: random.Random, number: int) -> tuple[Visit, list[EventInput]]:
    """One visit of a visitor who never comes again, and the events that tell of it."""
    # Noons and midnights make many equal starts, and starts at both ends of days and months.
    half_days = choose.randrange(2 * (DAYS + 1))
    started_at = datetime.combine(FIRST, time(), UTC) + timedelta(hours=12 * half_days)
    client: dict[str, Any] = {name: choose.choice(TEXTS) for name in ("region", "city")}
    client["country"] = choose.choice(["", "US", "DE", "FR"])
    utm = {name: choose.choice(["", "a", "b", "ab"]) for name in ("utm_source", "utm_campaign")}
    query = "?" + "&".join(f"{name}={value}" for name, value in utm.items())
    steps: list[Step] = [
        ("page", choose.choice(PATHS)) if choose.random() < 0.7 else ("event", choose.choice(NAMES))
        for _ in range(choose.choice([1, 1, 2, 3, 5, 8]))
    ]
    offsets = [0, *sorted(choose.randrange(1, 1_500_000_000) for _ in steps[1:])]
    agent = BOT if choose.random() < 0.1 else ""
    entry = next((index for index, (kind, _) in enumerate(steps) if kind == "page"), 0)
    sent = [
        EventInput(
            event_type="pageview" if kind == "page" else "event",
            event_name=value if kind == "event" else "",
            visitor_id=f"visitor-{number}",
            timestamp=started_at + timedelta(microseconds=offset),
            url=(value if kind == "page" else "") + (query if index == entry else ""),
            user_agent=agent,
            sequence=index,
            **client,
        )
        for index, ((kind, value), offset) in enumerate(zip(steps, offsets, strict=True))
    ]
    stored = [(kind, IN_PATH.get(value, value)) for kind, value in steps]
    pages = [value for kind, value in stored if kind == "page"] or [""]
    texts = client | utm | {"entry_page": pages[0], "exit_page": pages[-1]}
    duration = offsets[-1] // 1_000_000
    return Visit(f"visitor-{number}", started_at, duration, bool(agent), texts, stored), sent


async def record(application: Application, website: Website, sent: Sequence[EventInput]) -> None:
    events = application.enricher.enrich_all(
        sent, website_id=website.website_id, received_at=datetime.now(UTC)
    )
    for start in range(0, len(events), 1_000):
        await application.write_events(website, events[start : start + 1_000])


@pytest.fixture(scope="module")
def choose() -> random.Random:
    """Where all chance here begins."""
    seed = int(os.environ.get("TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"repeat with TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311


@pytest.fixture(scope="module")
def world(stack: Stack, choose: random.Random) -> tuple[str, list[Visit]]:
    """A website with random visits, a fifth of which came after blocks were made."""
    made = [make_visit(choose, number) for number in range(VISITS)]

    async def prepare() -> str:
        async with open_application(stack.database_url, Settings()) as application:
            website = await application.websites.get(await application.websites.create("test"))
            early = VISITS * 4 // 5
            await record(application, website, [e for _, sent in made[:early] for e in sent])
            _ = [hours async for hours in application.fold_blocks.website(website.key)]
            await record(application, website, [e for _, sent in made[early:] for e in sent])
            return website.website_id

    return asyncio.run(prepare()), [visit for visit, _ in made]


def test_random_selections(
    rest: Rest, key: str, world: tuple[str, list[Visit]], choose: random.Random
) -> None:
    website_id, visits = world
    maker = ExpressionMaker(choose, visits, FIELDS)
    found = 0
    for _ in range(SELECTIONS):
        asked, expected = selection(choose, maker, visits)
        pages = rest.walk(website_id, asked | {"limit": choose.choice([30, 100, 100])}, key)
        listed = [
            (datetime.fromisoformat(row["started_at"]), row["session_id"], row["visitor_id"])
            for page in islice(pages, VISITS)
            for row in page
        ]
        assert listed == sorted(listed, reverse=True), asked
        assert sorted((at, visitor) for at, _, visitor in listed) == sorted(
            (visit.started_at, visit.visitor_id) for visit in expected
        ), asked
        found += bool(listed)
    assert found > SELECTIONS / 5


def test_random_expressions_are_answered_or_refused_with_a_position(
    stack: Stack, key: str, world: tuple[str, list[Visit]], choose: random.Random
) -> None:
    refused = 0
    for text, kind, is_right in expressions(choose, EXPRESSIONS):
        name = "journey" if kind == "step" else "filter"
        query = {name: text, "start_date": str(FIRST), "limit": 1}
        reply = stack.request(f"/api/websites/{world[0]}/sessions", query, key=key)
        if reply.status == 200:
            continue
        assert reply.status == 400, (text, reply)
        assert not is_right, (text, reply)
        assert int(reply.json["details"][0]["metadata"]["position"]) <= len(text) + 1, (text, reply)
        refused += 1
    assert refused > EXPRESSIONS / 4


def selection(
    choose: random.Random, maker: ExpressionMaker, visits: Sequence[Visit]
) -> tuple[dict[str, Any], list[Visit]]:
    """The parameters of a list, and the visits that it has."""
    zone, include_bots = choose.choice(ZONES), choose.random() < 0.5
    first = FIRST + timedelta(days=choose.choice([0, 0, choose.randrange(DAYS)]))
    last = first + timedelta(days=choose.choice([DAYS, DAYS, choose.randrange(9)]))
    asked: dict[str, Any] = {
        "start_date": str(first),
        "end_date": str(last),
        "timezone": zone,
        "include_bots": include_bots,
    }
    expected = [
        visit
        for visit in visits
        if first <= visit.started_at.astimezone(ZoneInfo(zone)).date() <= last
        and (include_bots or not visit.is_bot)
    ]
    if choose.random() < 0.8:
        made = maker.filter()
        asked["filter"] = made.text
        expected = [visit for visit in expected if made.is_true(visit)]
        if include_bots and choose.random() < 0.2:
            asked["filter"] = f"({made.text}) is_bot = true"
            expected = [visit for visit in expected if visit.is_bot]
    if choose.random() < 0.3:
        values = choose.sample(["", "US", "DE", "FR"], 2)
        asked["filter_country"] = values
        expected = [visit for visit in expected if visit.texts["country"] in values]
    for name, has in (("journey", True), ("not_journey", False)):
        if choose.random() < 0.3:
            steps = [maker.step() for _ in range(choose.choice([1, 2, 2, 3]))]
            conditions = [step.is_true for step in steps]
            asked[name] = [step.text for step in steps]
            expected = [visit for visit in expected if did(visit.steps, conditions) == has]
    return asked, expected
