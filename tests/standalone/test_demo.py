"""`up --demo` shows data and a key that works, and the same ones every time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sessions.domain.api_keys import check_valid, hash_secret
from sessions.domain.errors import Unauthenticated
from sessions.generator.websites import new_websites
from sessions.standalone.demo import Access, demo_access, first_website, link_key, seed_demo
from sessions.storage import api_keys, websites
from sessions.storage.database import Database


async def _small_demo(database_url: str) -> str:
    async with Database(database_url, pool_size=1) as database:
        return await websites.create(database, "demo")


async def test_an_empty_database_gets_a_demo_once(database_url: str, tmp_path: Path) -> None:
    assert await first_website(database_url) == Access()
    first = await demo_access(database_url, tmp_path / "demo-key", _small_demo)
    assert await demo_access(database_url, tmp_path / "demo-key", _small_demo) == first
    assert await first_website(database_url) == Access(first.website_id)
    async with Database(database_url, pool_size=1) as database:
        key = await api_keys.find(database, hash_secret(first.key))
        assert check_valid(key, datetime.now(UTC)).scopes == ["sessions:read", "events:write"]
        assert len(await api_keys.list_all(database)) == 1


async def test_a_key_that_is_no_longer_valid_is_replaced(database_url: str, tmp_path: Path) -> None:
    first = await demo_access(database_url, tmp_path / "demo-key", _small_demo)
    async with Database(database_url, pool_size=1) as database:
        for key in await api_keys.list_all(database):
            await api_keys.revoke(database, key.key_id)
    second = await demo_access(database_url, tmp_path / "demo-key", _small_demo)
    assert second.website_id == first.website_id
    assert second.key not in ("", first.key)


async def test_a_key_that_expires_soon_is_replaced(database_url: str, tmp_path: Path) -> None:
    first = await demo_access(database_url, tmp_path / "demo-key", _small_demo)
    async with Database(database_url, pool_size=1) as database:
        [key] = await api_keys.list_all(database)
        assert key.expires_at
        assert timedelta(days=29) < key.expires_at - datetime.now(UTC) <= timedelta(days=30)
        statement = "UPDATE api_keys SET expires_at = expires_at - INTERVAL '29 days'"
        async with database.transaction() as connection:
            await connection.execute(statement)
    second = await demo_access(database_url, tmp_path / "demo-key", _small_demo)
    assert second.key not in ("", first.key)


async def test_the_key_of_a_link_reads_one_website_for_hours(database_url: str) -> None:
    [website] = await new_websites(database_url, ["Demo"])
    secret = await link_key(database_url, website.website_id)
    async with Database(database_url, pool_size=1) as database:
        key = await api_keys.find(database, hash_secret(secret))
    now = datetime.now(UTC)
    assert check_valid(key, now).scopes == ["sessions:read"]
    assert key is not None
    assert key.website_id == website.website_id
    with pytest.raises(Unauthenticated):
        check_valid(key, now + timedelta(hours=12, seconds=1))


async def test_keys_of_old_links_are_removed(database_url: str) -> None:
    [website] = await new_websites(database_url, ["Demo"])
    secrets = [await link_key(database_url, website.website_id) for _ in range(2)]
    expired, valid = map(hash_secret, secrets)
    async with Database(database_url, pool_size=1) as database:
        statement = "UPDATE api_keys SET expires_at = now() WHERE key_hash = %s"
        async with database.transaction() as connection:
            await connection.execute(statement, (expired,))
        new = hash_secret(await link_key(database_url, website.website_id))
        assert (await api_keys.find_all(database, [expired, valid, new])).keys() == {valid, new}


async def test_a_demo_that_stayed_empty_is_filled_and_then_left_alone(database_url: str) -> None:
    [cut_short] = await new_websites(database_url, ["Demo"])
    assert await seed_demo(database_url) == cut_short.website_id
    async with Database(database_url) as database:
        query = "SELECT count(*), max(started_at) > now() - interval '1 day' FROM sessions"
        seeded = await database.fetch(query, {})
        assert 5_000 < seeded[0][0] < 8_000
        assert seeded[0][1]
        assert await seed_demo(database_url) == cut_short.website_id
        assert await database.fetch(query, {}) == seeded
