"""Blocks are compared with rows: what differs is found by the hour, and built again."""

from datetime import timedelta

import pytest
from sessions.domain.visitors import Visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.inspect_blocks import InspectBlocks
from sessions.usecases.write_events import EventWriter

from tests.support.columns import compare
from tests.support.rows import event, new_website
from tests.support.strategies import START

HOUR = timedelta(hours=1)

_UNNOTED = {
    "a text": ("UPDATE sessions SET city = 'Ulm' WHERE started_at = %(at)s", [4]),
    "a step": (
        "UPDATE events SET url = '/else' WHERE occurred_at > %(at)s"
        " AND occurred_at < %(at)s + interval '1 hour'",
        [4],
    ),
    "a session is gone": ("DELETE FROM sessions WHERE started_at = %(at)s", [4]),
    "a session has moved": (
        "UPDATE sessions SET started_at = %(at)s::timestamptz - interval '1 hour'"
        " WHERE started_at = %(at)s",
        [3, 4],
    ),
    "a block is gone": ("DELETE FROM blocks WHERE first_hour <= %(at)s", [0, 1, 2, 3, 4, 5]),
    "a block is damaged": (
        "UPDATE blocks SET city = city || 'x' WHERE first_hour = '2026-02-01 00:00Z'",
        [2, 3, 4, 5],
    ),
    "a block of a strange format": (
        "UPDATE blocks SET format = 0 WHERE first_hour < '2026-02-01'",
        [0, 1],
    ),
}


async def test_nothing_differs(database: Database) -> None:
    website = await new_website(database)
    inspect = InspectBlocks(database)
    assert await inspect.verify(website.key) == (0, [])
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event(f"v{n}", START + n * HOUR) for n in range(9)])
    assert await inspect.verify(website.key) == (0, [])
    await FoldBlocks(database, lambda: START + 6 * HOUR).completely(website.key)
    assert await inspect.verify(website.key) == (6, [])
    [status] = await inspect.status([website])
    assert status[:3] == (website.website_id, 2, 6)
    assert status.bytes > 6 * 25
    assert status[4:] == (3, START + 6 * HOUR)


@pytest.mark.parametrize("kind", _UNNOTED)
async def test_what_differs_is_found_and_built_again(database: Database, kind: str) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    sent = [
        event(f"v{n}", START + n * HOUR + minute * timedelta(minutes=1))
        for n in range(6)
        for minute in (0, 5)
    ]
    await record(website, sent)
    fold = FoldBlocks(database, lambda: START + 9 * HOUR)
    await fold.completely(website.key)
    statement, hours = _UNNOTED[kind]
    async with database.transaction() as connection:
        await connection.execute(statement.encode(), {"at": START + 4 * HOUR})
    inspect = InspectBlocks(database)
    verified = await inspect.verify(website.key)
    assert verified.wrong_hours == [START + hour * HOUR for hour in hours]
    done: list[tuple[int, int]] = []
    await fold.completely(website.key, lambda *step: done.append(step))
    assert sum(hours for hours, _ in done) == len(hours)
    assert done[0][1] == len(hours)
    assert (await inspect.verify(website.key)).wrong_hours == []
    if kind != "a session has moved":  # its first event has not
        columns, rows = await compare(database, website.key)
        assert columns == rows
