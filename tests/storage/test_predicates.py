"""A predicate as a condition in SQL is true of the sessions that a plain evaluation finds."""

from datetime import timedelta
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, given, settings
from sessions.domain.events import Event
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Has,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.predicates import compile_predicate
from sessions.usecases.write_events import EventWriter

from tests.support.events import event_of
from tests.support.reference import matches, reference_sessions
from tests.support.rows import new_website
from tests.support.strategies import START, arrivals, row_predicates


async def found(
    database: Database, website: Website, predicate: Predicate
) -> list[tuple[Any, ...]]:
    """The sessions of a website of which a predicate is true, by visitor and start."""
    condition, parameters = compile_predicate(predicate)
    query = f"""
    SELECT s.visitor_id, s.started_at
      FROM sessions s
     WHERE s.website_key = %(website_key)s AND {condition}
     ORDER BY s.visitor_id, s.started_at
    """  # noqa: S608 - made by the compiler
    return await database.fetch(query, parameters | {"website_key": website.key})


@settings(
    max_examples=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=arrivals(), predicate=row_predicates())
async def test_any_predicate_on_any_sessions(
    database: Database, batches: list[list[Event]], predicate: Predicate
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    for batch in batches:
        await record(website, batch)
    expected = reference_sessions(chain(*batches))
    assert await found(database, website, predicate) == [
        (session.visitor_id, session.started_at)
        for session in expected
        if matches(predicate, session)
    ]


async def test_patterns_and_seconds_at_their_edges(database: Database) -> None:
    """What means something to LIKE is text, and durations are whole seconds, rounded down."""
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    cities = {"ann": "a%b", "bob": "a_b", "cleo": "a\\b", "dan": "axb", "eve": ""}
    await record(
        website,
        [
            event_of(
                {"city": city},
                visitor_id=visitor_id,
                occurred_at=START + after,
                event_id=str(after),
            )
            for visitor_id, city in cities.items()
            for after in (timedelta(0), timedelta(seconds=59, microseconds=999_999))
        ],
    )
    late = START + timedelta(seconds=60, microseconds=1)
    await record(website, [event_of(visitor_id="ann", occurred_at=late)])
    for predicate, expected in (
        (Like("city", Pattern("a%", False, True)), ["ann"]),
        (Like("city", Pattern("_b", True, False)), ["bob"]),
        (Like("city", Pattern("\\", True, True)), ["cleo"]),
        (Like("city", Pattern("", True, True)), ["ann", "bob", "cleo", "dan"]),
        (Between("duration", 60, 60), ["ann"]),
        (Between("duration", None, 59), ["bob", "cleo", "dan", "eve"]),
    ):
        assert [visitor for visitor, _ in await found(database, website, predicate)] == expected


async def test_items_beyond_those_of_the_row(database: Database) -> None:
    """Pages and event names that spilled are found, and entry and exit page never spill."""
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    long = [
        event_of(
            occurred_at=START + timedelta(seconds=number),
            is_pageview=number % 2 == 0,
            path=f"/{number}" if number % 2 == 0 else "",
            event_name=f"e{number}" if number % 2 else "",
            event_id=str(number),
        )
        for number in range(400)
    ]
    await record(website, long)
    other = event_of(visitor_id="bob", occurred_at=START, path="/0")
    await record(website, [other])
    ann, bob = ("ann", START), ("bob", START)
    for predicate, expected in (
        (Has("page", ("/0",)), [ann, bob]),
        (Has("page", ("/398",)), [ann]),
        (Has("event", ("e399",)), [ann]),
        (Has("page", ("/400", "/1")), []),
        (Not(Has("page", ("/398",))), [bob]),
        (OneOf("entry_page", ("/0",)), [ann, bob]),
        (OneOf("exit_page", ("/398",)), [ann]),
        (All((Has("page", ("/396",)), Has("event", ("e397",)))), [ann]),
        (Either((Has("page", ("/396",)), OneOf("exit_page", ("/0",)))), [ann, bob]),
        (All(), [ann, bob]),
        (Either(), []),
    ):
        assert await found(database, website, predicate) == expected, predicate
