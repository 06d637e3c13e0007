"""Workers that share no counter keep together to the limits of a key."""

import random
from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from sessions.domain.api_keys import ApiKey
from sessions.domain.errors import LimitExceeded
from sessions.domain.key_limits import KeyLimit
from sessions.storage.database import Database
from sessions.storage.workers import Place
from sessions.usecases.limit_keys import LimitKeys
from sessions.usecases.ready_workers import ReadyWorkers

NEVER_OPENED = Database("postgresql://127.0.0.1:1/none")


class Clock:
    """A time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def key(**limits: int) -> ApiKey:
    """A key with limits."""
    return ApiKey("key_1", "test", [], None, limits, datetime.now(UTC), None, None, None)


def workers(count: int, clock: Clock) -> list[LimitKeys]:
    """Workers that know of each other."""
    made = []
    for rank in range(count):
        ready = ReadyWorkers(NEVER_OPENED)
        ready.place = Place(count, rank)
        made.append(LimitKeys(ready, clock))
    return made


def is_let_through(worker: LimitKeys, limited: ApiKey, limit: KeyLimit, cost: int = 1) -> bool:
    """Whether a worker lets something through."""
    try:
        worker.take(limited, limit, cost)
    except LimitExceeded:
        return False
    return True


@pytest.mark.parametrize("count", [1, 2, 4, 7])
@pytest.mark.parametrize(("most", "cost"), [(50, 1), (3, 1), (1_000, 20), (1_000, 1_000)])
def test_what_is_let_through_is_within_a_fifth_of_the_limit(
    count: int, most: int, cost: int
) -> None:
    """Calls go to workers at random, three times as many as the key may make."""
    clock = Clock()
    chance = random.Random(1)  # noqa: S311
    limit = KeyLimit.CALLS if cost == 1 else KeyLimit.EVENTS
    limited, made = key(calls=most, events=most), workers(count, clock)
    through, seconds, step = 0, 200, cost / most / 3
    while clock.now < seconds:
        clock.now += step
        through += cost * is_let_through(chance.choice(made), limited, limit, cost)
    assert 0.8 <= through / (most * seconds) <= 1.2


def test_who_stays_below_the_limit_is_hardly_ever_refused() -> None:
    clock = Clock()
    chance = random.Random(1)  # noqa: S311
    limited, made = key(calls=100), workers(4, clock)
    refused = 0
    for _ in range(10_000):
        clock.now += 1 / 80
        refused += not is_let_through(chance.choice(made), limited, KeyLimit.CALLS)
    assert refused < 50


def test_a_refusal_says_when_to_try_again() -> None:
    clock = Clock()
    [worker] = workers(1, clock)
    limited = key(calls=2)
    assert [is_let_through(worker, limited, KeyLimit.CALLS) for _ in range(3)] == [
        True,
        True,
        False,
    ]
    with pytest.raises(LimitExceeded, match="limit of this key is 2 calls per second") as caught:
        worker.take(limited, KeyLimit.CALLS, 1)
    assert caught.value.retry_after == 0.5
    assert worker.quotas(limited) == [(KeyLimit.CALLS, 2, 0, 1)]
    clock.now += 0.5
    assert is_let_through(worker, limited, KeyLimit.CALLS)
    assert worker.quotas(key()) == []


@pytest.mark.parametrize(("most", "count", "together"), [(5, 2, 5), (8, 3, 8), (2, 4, 4)])
def test_places_are_shared_out(most: int, count: int, together: int) -> None:
    limited, made = key(analyses=most), workers(count, Clock())
    with ExitStack() as held:
        for worker in made:
            for _ in range(most):
                try:
                    held.enter_context(worker.place(limited, KeyLimit.ANALYSES))
                    together -= 1
                except LimitExceeded:
                    continue
        assert together == 0
        with pytest.raises(LimitExceeded, match=f"is {most} analyses at once, try again"):
            made[0].place(limited, KeyLimit.ANALYSES).__enter__()
    with made[0].place(limited, KeyLimit.ANALYSES):
        pass


def test_memory_does_not_grow_with_the_keys() -> None:
    [worker] = workers(1, Clock())
    for number in range(12_000):
        worker.take(key(calls=1)._replace(key_id=str(number)), KeyLimit.CALLS, 1)
    assert len(worker._buckets) == 10_000


async def test_workers_hear_of_each_other(database_url: str) -> None:
    async with Database(database_url) as database:
        first, second = ReadyWorkers(database), ReadyWorkers(database)
        await first.report()
        assert first.place == (1, 0)
        await second.report()
        await first.report()
        assert {first.place, second.place} == {(2, 0), (2, 1)}
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            statement = "INSERT INTO workers VALUES (%s, now() - %s * INTERVAL '1 second')"
            for seconds in (7, 100):  # neither says any more that it is there
                await connection.execute(statement, (uuid4(), seconds))
        await second.leave()
        await first.report()
        assert first.place == (1, 0)
        rows = await database.fetch("SELECT count(*) FROM workers", {})
        assert rows == [(2,)]
