"""Erasure: nothing of a visitor is left, nothing comes back, and what is new is recorded."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions.domain.errors import InvalidArgument
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import distribution, session_details
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.pools import open_pools
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.support.reference import reference_sessions
from tests.support.rows import event, everything, new_website, stored_sessions
from tests.support.strategies import START, arrivals

SECRET = b"secret"


@dataclass(frozen=True)
class Service:
    """The use cases at hand, and a website."""

    database: Database
    website: Website
    record: EventWriter
    erase: EraseVisitor

    async def erase_id(self, visitor_id: str) -> datetime:
        """Erase a visitor by its id; the moment until which."""
        erased = await self.erase(self.website.website_id, visitor_id=visitor_id)
        return erased.erased_until


async def service_of(database: Database) -> Service:
    """A website of its own."""
    return Service(
        database=database,
        website=await new_website(database),
        record=EventWriter(database, Partitions(database), Visitors(SECRET)),
        erase=EraseVisitor(database, Websites(database), Visitors(SECRET)),
    )


@pytest_asyncio.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with Database(database_url, pool_size=8) as database:
        yield await service_of(database)


def history(visitor_id: str) -> list[Event]:
    """Sessions in two months, one of more pages than its row holds, and one that is bridged."""
    later = START + timedelta(days=40)
    many = [event(visitor_id, START + timedelta(minutes=n), n, path=f"/{n}") for n in range(150)]
    return [*many, *(event(visitor_id, later + timedelta(minutes=n), n) for n in (0, 40, 20))]


async def record_history(service: Service, visitor_id: str) -> None:
    """In three batches, so that ids are merged and pages spill."""
    events = history(visitor_id)
    for batch in (events[:100], events[100:-1], events[-1:]):
        await service.record(service.website, batch)


async def test_no_table_holds_anything_of_the_visitor(service: Service) -> None:
    await record_history(service, "ann")
    before = await everything(service.database)
    await record_history(service, "somebody else")
    erased = await service.erase(service.website.website_id, visitor_id="somebody else")
    assert (erased.sessions, erased.events) == (2, 153)
    after = await everything(service.database)
    assert len(after.pop("tombstones")) == 1
    assert before.pop("tombstones") == []
    # Hours alone: of no visitor, and gone when blocks are up to date.
    hours = [before.pop("changed_hours"), after.pop("changed_hours")]
    assert all(re.fullmatch(r'\(\d+,\d+,"[^"]+",[tf]\)', row) for row in chain(*hours))
    assert after == before
    assert before.keys() > {"events", "sessions", "session_ids", "overflow_items", "visitors"}
    assert all(before[name] for name in ("session_ids", "overflow_items", "visitors"))


async def test_a_tombstone_does_not_name_the_visitor(service: Service) -> None:
    await record_history(service, "ann@example.com")
    await service.erase_id("ann@example.com")
    rows = chain.from_iterable((await everything(service.database)).values())
    assert "ann@example.com" not in "".join(rows)


async def test_ids_of_erased_sessions_are_unknown(service: Service) -> None:
    await record_history(service, "ann")
    ids = await service.database.fetch("SELECT session_id, merged FROM session_ids", {})
    assert {merged for _, merged in ids} == {True, False}
    await service.erase_id("ann")
    for session_id, _ in ids:
        page = await session_details.get(
            service.database, service.website.key, session_id, after=None, limit=1, max_bytes=1
        )
        assert page is None


async def test_what_was_erased_does_not_come_back(service: Service) -> None:
    await record_history(service, "ann")
    await service.erase_id("ann")
    empty = await everything(service.database)
    answer = await service.record(service.website, history("ann"))
    assert (answer.new, answer.known) == (0, 153)
    assert await everything(service.database) == empty


async def test_others_in_the_same_batch_are_recorded(service: Service) -> None:
    await record_history(service, "ann")
    await service.erase_id("ann")
    answer = await service.record(service.website, [*history("ann"), *history("bob")])
    assert (answer.new, answer.known) == (153, 153)
    assert await stored_sessions(service.database, service.website) == reference_sessions(
        history("bob")
    )


async def test_a_visit_after_the_moment_is_recorded(service: Service) -> None:
    await record_history(service, "ann")
    until = await service.erase_id("ann")
    later = event("ann", until + timedelta(microseconds=1))
    answer = await service.record(service.website, [event("ann", until), later])
    assert (answer.new, answer.known) == (1, 1)
    expected = reference_sessions([later])
    assert await stored_sessions(service.database, service.website) == expected
    again = await service.record(service.website, [later])
    assert (again.new, again.known) == (0, 1)
    assert await stored_sessions(service.database, service.website) == expected


async def test_the_moment_is_not_before_the_last_event(service: Service) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    await service.record(service.website, [event("ann", ahead)])
    assert await service.erase_id("ann") == ahead
    assert await service.erase_id("ann") == ahead
    answer = await service.record(service.website, [event("ann", ahead)])
    assert answer.new == 0


async def test_a_visitor_that_was_never_seen_can_be_erased(service: Service) -> None:
    erased = await service.erase(service.website.website_id, visitor_id="ann")
    assert (erased.sessions, erased.events) == (0, 0)
    assert (await service.record(service.website, history("ann"))).new == 0
    assert (await everything(service.database))["visitors"] == []


async def test_only_this_website_forgets_the_visitor(service: Service) -> None:
    other = await new_website(service.database)
    for website in (service.website, other):
        await service.record(website, history("ann"))
    await service.erase_id("ann")
    assert await stored_sessions(service.database, service.website) == []
    assert await stored_sessions(service.database, other) == reference_sessions(history("ann"))


async def test_a_client_is_erased_by_address_and_user_agent(service: Service) -> None:
    visitor = Visitors(SECRET).client_id(service.website.website_id, "192.0.2.7", "Firefox")
    await service.record(service.website, history(visitor))
    website_id = service.website.website_id
    other = await service.erase(website_id, client_ip="192.0.2.7", user_agent="Chrome")
    assert other.sessions == 0
    erased = await service.erase(website_id, client_ip="::ffff:192.0.2.7", user_agent="Firefox")
    assert erased.sessions == 2


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({}, "visitor_id"),
        ({"user_agent": "Firefox"}, "visitor_id"),
        ({"visitor_id": "ann", "client_ip": "192.0.2.7"}, "visitor_id"),
        ({"visitor_id": "ann", "user_agent": "Firefox"}, "visitor_id"),
        ({"visitor_id": "a" * 65}, "visitor_id"),
        ({"visitor_id": "a\0"}, "visitor_id"),
        ({"client_ip": "localhost"}, "client_ip"),
        ({"client_ip": "192.0.2.7", "user_agent": "x" * 4_097}, "user_agent"),
    ],
)
async def test_a_visitor_is_named_in_one_way(
    service: Service, named: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await service.erase(service.website.website_id, **named)
    assert [violation.field for violation in raised.value.violations] == [field]


async def test_a_large_visitor_outlasts_the_timeout_of_statements(
    database_url: str, service: Service
) -> None:
    await service.record(service.website, [event("ann", START)])
    function = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(1.5); RETURN old; END'
    """
    trigger = "CREATE TRIGGER slow BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION slow()"
    async with service.database.transaction() as connection:
        for statement in (distribution.SETTINGS, function, trigger):
            await connection.execute(statement)
    async with open_pools(database_url, pool_size=1, request_timeout=1.0) as pools:
        erase = EraseVisitor(pools.jobs, Websites(pools.requests), Visitors(SECRET))
        erased = await erase(service.website.website_id, visitor_id="ann")
    assert erased.events == 1


def surviving(events: Sequence[Event], until: dict[str, datetime]) -> list[Event]:
    """What no erasure has reached."""
    never = datetime.min.replace(tzinfo=UTC)
    return [each for each in events if each.occurred_at > until.get(each.visitor_id, never)]


@settings(
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=arrivals(),
    shift=st.sampled_from([timedelta(0), timedelta(days=36_500)]),
    erased=st.lists(st.sampled_from(["ann", "bob", "Bob"]), max_size=4),
    random_=st.randoms(use_true_random=False),
)
async def test_between_any_batches(
    service: Service,
    batches: list[list[Event]],
    shift: timedelta,
    erased: list[str],
    random_: random.Random,
) -> None:
    """Also of events that are ahead of now, which an erasure reaches only once they are there."""
    service = await service_of(service.database)
    batches = [
        [replace(each, occurred_at=each.occurred_at + shift) for each in batch] for batch in batches
    ]
    steps: list[list[Event] | str] = [*batches]
    for visitor_id in erased:
        steps.insert(random_.randint(0, len(steps)), visitor_id)
    until: dict[str, datetime] = {}
    for step in steps:
        if isinstance(step, str):
            until[step] = await service.erase_id(step)
        else:
            await service.record(service.website, step)
    expected = reference_sessions(surviving(list(chain(*batches)), until))
    assert await stored_sessions(service.database, service.website) == expected


# Each event is in one row and in the counts of one session, whenever one looks.
_HALF_ERASED = """
SELECT visitor_key, e.events, s.events
  FROM (SELECT visitor_key, count(*) AS events
          FROM events WHERE website_key = %(key)s GROUP BY 1) e
  FULL JOIN (SELECT visitor_key, sum(pageviews + events) AS events
               FROM sessions WHERE website_key = %(key)s GROUP BY 1) s USING (visitor_key)
 WHERE e.events IS DISTINCT FROM s.events
"""


async def test_writers_come_wholly_before_or_wholly_after(service: Service) -> None:
    """Writers, erasures and readers at the same time; half of the events are ahead of now."""
    chance = random.Random(7)  # noqa: S311
    now = datetime.now(UTC)
    names = ("ann", "bob", "cy")
    sent = [
        event(chance.choice(names), now + timedelta(minutes=chance.randint(-600, 600)), number)
        for number in range(1_500)
    ]
    waiting = [sent[start : start + 7] for start in range(0, len(sent), 7)]
    until: dict[str, datetime] = {}
    writing = True

    async def write() -> None:
        while waiting:
            await service.record(service.website, waiting.pop())

    async def erase(visitor_id: str) -> None:
        while writing:
            moment = await service.erase_id(visitor_id)
            until[visitor_id] = max(moment, until.get(visitor_id, moment))
            await asyncio.sleep(0.05)

    async def read() -> None:
        while writing:
            assert not await service.database.fetch(_HALF_ERASED, {"key": service.website.key})

    async with asyncio.TaskGroup() as group:
        for visitor_id in ("ann", "ann", "bob"):
            group.create_task(erase(visitor_id))
        group.create_task(read())
        await asyncio.gather(*(write() for _ in range(4)))
        writing = False
    assert set(until) == {"ann", "bob"}
    expected = reference_sessions(surviving(sent, until))
    assert await stored_sessions(service.database, service.website) == expected
