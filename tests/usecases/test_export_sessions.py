"""Exports: exactly the selected sessions with their events, also in pieces that break off."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sessions.analysis import rows
from sessions.analysis.columns import Columns
from sessions.domain.cursors import CursorSigner
from sessions.domain.errors import InvalidArgument, NotFound, Unavailable
from sessions.domain.events import Event, StoredEvent
from sessions.domain.predicates import All, Journey, Like, OneOf, Pattern, Predicate
from sessions.domain.selection import Range, Selection, SelectionQuery
from sessions.domain.session import Session
from sessions.domain.visitors import Visitors
from sessions.session_message import encode
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases import export_sessions, matching
from sessions.usecases.delete_website import DeleteWebsite
from sessions.usecases.progress import silent
from sessions.usecases.write_events import EventWriter

from tests.support.columns import ALWAYS, selection
from tests.support.exports import Export, Item, items_of, new_export
from tests.support.reference import matches, reference_sessions
from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals, predicates

FEW = {"CHUNK": 3, "PART": 2, "MAX_SCANNED": 5, "MAX_EVENTS": 4, "MAX_EVENT_BYTES": 20}
"""So little at a time that a few sessions take many transactions and parts."""

MINUTE = timedelta(minutes=1)
STORED = ("visitor_id", "occurred_at", "event_id", "sequence", "is_pageview", "is_bot")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in FEW.items():
        monkeypatch.setattr(export_sessions, name, number)
    monkeypatch.setattr(matching, "MOST_STEPS", 4)


def expected_items(events: Sequence[Event], asked: Selection) -> list[tuple[Any, ...]]:
    """What an export has, as its definition has it; sessions that start together by visitor."""
    first = {(e.visitor_id, e.occurred_at, e.event_id): e for e in reversed(events)}
    found: list[tuple[Any, ...]] = []
    sessions = reference_sessions(events)
    for each in sorted(sessions, key=lambda each: (each.started_at, each.visitor_id)):
        inside = asked.range.since <= each.started_at < asked.range.until
        if not inside or (each.is_bot and not asked.include_bots):
            continue
        if matches(asked.predicate, each):
            found.append((each.visitor_id, each.started_at, each.ended_at, each.is_bot))
            own = [
                e
                for e in first.values()
                if e.visitor_id == each.visitor_id
                and each.started_at <= e.occurred_at <= each.ended_at
            ]
            ordered = sorted(own, key=lambda e: e.key)
            found += [tuple(getattr(e, name) for name in STORED) for e in ordered]
    return found


def listed(items: Sequence[Item]) -> list[tuple[Any, ...]]:
    """The same of what was exported: sessions by visitor, where several start together."""
    groups: list[list[tuple[Any, ...]]] = []
    for item in items:
        if isinstance(item, Session):
            groups.append([(item.visitor_id, item.started_at, item.ended_at, item.is_bot)])
        else:
            groups[-1].append(tuple(getattr(item, name) for name in STORED))
    starts = [group[0][1] for group in groups]
    assert starts == sorted(starts)
    return list(chain(*sorted(groups, key=lambda group: (group[0][1], group[0][0]))))


@settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=arrivals(),
    predicates=st.lists(st.just(All()) | predicates(), min_size=1, max_size=4),
    include_bots=st.booleans(),
    is_encoded=st.booleans(),
    break_off=st.integers(0, 60),
)
@pytest.mark.usefixtures("few")
async def test_an_export_has_what_the_definition_selects_wherever_it_broke_off(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[Event]],
    predicates: list[Predicate],
    include_bots: bool,
    is_encoded: bool,
    break_off: int,
) -> None:
    website = await new_website(database)
    store = encode if is_encoded else None
    record = EventWriter(database, Partitions(database), Visitors(b"secret"), store)
    sent = [[structs.replace(each, url=each.path) for each in batch] for batch in batches]
    for batch in sent:
        await record(website, batch)
    export = Export(database, website, monkeypatch)
    for predicate in predicates:
        asked = selection(Range(*ALWAYS), predicate, include_bots=include_bots)
        expected = expected_items(list(chain(*sent)), asked)
        parts = await export.parts(asked, include_events=True)
        items = items_of(parts)
        assert listed(items) == expected
        count = sum(isinstance(item, Session) for item in items)
        assert [part.sessions for part in parts if not part.cursor] == [count]
        kept = parts[: break_off % len(parts)]
        cursor = kept[-1].cursor if kept else ""
        rest = await export.parts(asked, include_events=True, cursor=cursor)
        assert items_of(kept + rest) == items
        assert rest[-1].sessions == count
        without_events = await export.parts(asked)
        assert items_of(without_events) == [item for item in items if isinstance(item, Session)]


async def test_steps_are_read_of_found_sessions_only_some_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = await new_website(database)
    sent = [
        event(f"v{number}", START + number * MINUTE + view * MINUTE, url="/")
        for number in range(20)
        for view in range(3)
    ]
    for number, each in enumerate(sent):
        each.attributes.update(country="US" if number // 3 % 5 == 0 else "DE")
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(website, sent)
    parts: list[list[int]] = []
    original = rows.columns_of

    def columns_of(fetched: Mapping[str, bytes]) -> Columns:
        columns = original(fetched)
        parts.append(columns.step_counts.tolist())
        return columns

    monkeypatch.setattr(rows, "columns_of", columns_of)
    monkeypatch.setattr(matching, "MOST_STEPS", 7)
    visits = Journey((Like("page", Pattern("", True, True)),))
    asked = selection(predicate=All((OneOf("country", ("US",)), visits)))
    found = items_of(await Export(database, website, monkeypatch).parts(asked))
    assert len(found) == 4
    assert parts == [[3, 3], [3, 3]]


async def test_events_have_all_that_is_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    sent = event(
        "ann",
        START,
        url="/a?b",
        referrer="https://google.com/x",
        event_data={"plan": "pro", "seats": 2.5},
        sequence=3,
        is_bot=True,
    )
    sent.attributes.update(country="US", browser="Chrome", hostname="shop.example", city="")
    await record(website, [sent])
    parts = await Export(database, website, monkeypatch).parts(selection(), include_events=True)
    session, stored = items_of(parts)
    assert isinstance(session, Session)
    assert isinstance(stored, StoredEvent)
    assert stored.session_id == session.session_id
    for name in ("url", "referrer", "event_data", "event_name", *STORED):
        assert getattr(stored, name) == getattr(sent, name), name
    assert stored.client == ("US", "", "", "Chrome", "", "", "", "shop.example")


async def test_a_long_session_is_read_in_pieces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_sessions, "MAX_EVENTS", 10)
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    sent = [event("ann", START, sequence=number) for number in range(35)]
    await record(website, sent)
    parts = await Export(database, website, monkeypatch).parts(selection(), include_events=True)
    _, *events = items_of(parts)
    assert [each.event_id for each in events if isinstance(each, StoredEvent)] == [
        each.event_id for each in sent
    ]
    assert len(parts) >= 4


async def test_an_export_that_is_not_read_holds_no_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event("ann", START)])
    monkeypatch.setattr(export_sessions, "select", lambda query, now: selection())
    cursors = CursorSigner({1: b"k" * 32})
    export = new_export(database, cursors)
    running = export(SelectionQuery(website_id=website.website_id))
    await anext(running)
    query = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND (state <> 'idle' OR backend_xmin IS NOT NULL) AND backend_type = 'client backend'
    """
    assert await database.fetch(query, {}) == [(0,)]
    await running.aclose()


async def test_an_export_of_a_website_that_is_deleted_meanwhile_breaks_off(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions vanish bit by bit, so that what is left of them would look complete."""
    monkeypatch.setattr(export_sessions, "CHUNK", 1)
    monkeypatch.setattr(export_sessions, "select", lambda query, now: selection())
    website = await new_website(database)
    sent = [event("ann", START), event("bob", START + MINUTE)]
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(website, sent)
    export = new_export(database, CursorSigner({1: b"k" * 32}))
    running = export(SelectionQuery(website_id=website.website_id))
    assert len((await anext(running)).items) == 1
    await DeleteWebsite(database)(website.website_id, silent)
    with pytest.raises(NotFound):
        await anext(running)


async def test_only_so_many_exports_run_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_sessions, "MAX_EXPORTS", 1)
    website = await new_website(database)
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(
        website, [event("ann", START)]
    )
    monkeypatch.setattr(export_sessions, "select", lambda query, now: selection())
    cursors = CursorSigner({1: b"k" * 32})
    export = new_export(database, cursors)
    query = SelectionQuery(website_id=website.website_id)
    first = export(query)
    await anext(first)
    with pytest.raises(Unavailable, match="too many exports"):
        await anext(export(query))
    # Also when its caller goes away.
    await first.aclose()
    assert len([part async for part in export(query)]) == 2


async def test_a_cursor_fits_its_own_export_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = await new_website(database)
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(
        website, [event("ann", START)]
    )
    export = Export(database, website, monkeypatch)
    [first, _] = await export.parts(selection())
    with pytest.raises(InvalidArgument):
        await export.parts(selection(), cursor=first.cursor, include_events=True)
    other = replace(selection(), identity=b"other")
    with pytest.raises(InvalidArgument):
        await export.parts(other, cursor=first.cursor)


async def test_exports_take_turns_on_few_connections(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = await new_website(database)
    sent = [event(f"visitor {number}", START) for number in range(30)]
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(website, sent)
    async with Database(database_url, pool_size=1) as one:
        exports = [Export(one, website, monkeypatch) for _ in range(8)]
        found = await asyncio.gather(*(each.parts(selection()) for each in exports))
    assert {parts[-1].sessions for parts in found} == {30}
