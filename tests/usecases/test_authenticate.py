"""Keys are looked up together: unknown ones cost others nothing, and failures end."""

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope, new_secret
from sessions.domain.errors import LimitExceeded, Reason, Unauthenticated, Unavailable
from sessions.settings import Settings
from sessions.storage.database import Database
from sessions.usecases.authenticate import Authenticate

from tests.support.databases import waiting_for_locks
from tests.support.processes import PATIENCE, eventually_awaited


@asynccontextmanager
async def keys_locked(database_url: str) -> AsyncIterator[None]:
    """Make every lookup of a key wait."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        yield
        await connection.rollback()


async def reason(application: Application, secret: str) -> Reason | None:
    """Why a key is refused; None if it is not."""
    try:
        await application.authenticate(f"Bearer {secret}")
    except (Unauthenticated, Unavailable) as error:
        return error.reason
    return None


async def test_unknown_keys_share_a_connection_and_are_bounded(database_url: str) -> None:
    settings = Settings(pool_size=4, request_timeout=60.0)

    async def one_waits() -> bool:
        return await waiting_for_locks(database_url) == 1

    async with open_application(database_url, settings) as application:
        good = await application.api_keys.create("test", list(Scope))
        async with keys_locked(database_url):
            calls = [asyncio.create_task(reason(application, new_secret()))]
            await eventually_awaited(one_waits)
            secrets = [good, *(new_secret() for _ in range(1_100))]
            calls += [asyncio.create_task(reason(application, secret)) for secret in secrets]
            await asyncio.sleep(0.2)
            assert await one_waits()
            refused = [call.result() for call in calls if call.done()]
        found = await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)
    assert refused == [Reason.SERVICE_UNAVAILABLE] * 101
    assert found[1] is None
    assert found.count(Reason.CREDENTIALS_INVALID) == 1_000


async def test_what_is_no_key_is_refused_without_the_database() -> None:
    """It is never opened here."""
    authenticate = Authenticate(
        Database("postgresql://127.0.0.1:1/none"), lambda: datetime.now(UTC)
    )
    secret = new_secret()
    for text in ("", "spk_selfhosted_", secret[:-1], secret[:-1] + "ü", secret + "\xa0"):
        with pytest.raises(Unauthenticated):
            await authenticate(f"Bearer {text}")


async def test_unknown_keys_of_an_address_are_not_looked_at(database_url: str) -> None:
    async with open_application(database_url, Settings()) as application:
        first, second = [await application.api_keys.create("test", list(Scope)) for _ in range(2)]
        authenticate = application.authenticate

        async def refused(address: str, secret: str = "") -> str:
            try:
                await authenticate(f"Bearer {secret or new_secret()}", address)
            except (Unauthenticated, LimitExceeded) as error:
                return error.reason.value.removeprefix("ERROR_REASON_")
            return ""

        # An address of IPv6 stands for all that its subscriber has.
        for one, same, other in (
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),
        ):
            assert await refused(one, first) == ""
            found = Counter([await refused(one) for _ in range(150)])
            assert found["CREDENTIALS_INVALID"] >= 100
            assert found["TOO_MANY_UNKNOWN_KEYS"] >= 30
            while await refused(same) != "TOO_MANY_UNKNOWN_KEYS":
                continue
            assert await refused(same, first) == ""
            assert await refused(other, second) == await refused(one, second) == ""
        # A wrong checksum is a guess, too; what does not look like a key is none.
        wrong = first[:-1] + ("a" if first[-1] != "a" else "b")
        assert [await refused("192.0.2.9", wrong) for _ in range(101)][-1] == (
            "TOO_MANY_UNKNOWN_KEYS"
        )
        others = {await refused("192.0.2.10", "another token") for _ in range(150)}
        assert others == {"CREDENTIALS_INVALID"}


async def test_memory_does_not_grow_with_the_addresses() -> None:
    authenticate = Authenticate(
        Database("postgresql://127.0.0.1:1/none"), lambda: datetime.now(UTC)
    )
    good = new_secret()
    wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
    for number in range(12_000):
        with pytest.raises(Unauthenticated):
            await authenticate(f"Bearer {wrong}", f"10.0.{number // 256}.{number % 256}")
    assert len(authenticate._unknown_keys._buckets) == 10_000


async def test_lookups_go_on_after_one_has_failed() -> None:
    async with Database("postgresql://127.0.0.1:1/none", timeout=0.5) as database:
        authenticate = Authenticate(database, lambda: datetime.now(UTC), timeout=PATIENCE)

        async def fail() -> None:
            with pytest.raises(Unavailable) as caught:
                await authenticate(f"Bearer {new_secret()}")
            # As the API does with each error that it answers.
            traceback.clear_frames(caught.value.__traceback__)

        calls = []
        for _ in range(4):
            calls.append(asyncio.create_task(fail()))
            await asyncio.sleep(0.1)
        await asyncio.wait_for(asyncio.gather(*calls), 10)
