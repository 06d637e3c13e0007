"""`up --demo` shows a key that works, and the same one every time."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from sessions.domain.api_keys import check_valid, hash_secret
from sessions.processes.access import Access, demo_access, first_website
from sessions.storage import api_keys, websites
from sessions.storage.database import Database


@pytest.fixture(autouse=True)
def _small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    async def seed_demo(database_url: str) -> str:
        async with Database(database_url, pool_size=1) as database:
            return await websites.create(database, "demo")

    monkeypatch.setitem(sys.modules, "sessions.demo", SimpleNamespace(seed_demo=seed_demo))


async def test_an_empty_database_gets_a_demo_once(database_url: str, tmp_path: Path) -> None:
    assert await first_website(database_url) == Access()
    first = await demo_access(database_url, tmp_path / "demo-key")
    assert await demo_access(database_url, tmp_path / "demo-key") == first
    assert await first_website(database_url) == Access(first.website_id)
    async with Database(database_url, pool_size=1) as database:
        key = await api_keys.find(database, hash_secret(first.key))
        assert check_valid(key, datetime.now(UTC)).scopes == ["sessions:read", "events:write"]
        assert len(await api_keys.list_all(database)) == 1


async def test_a_key_that_is_no_longer_valid_is_replaced(database_url: str, tmp_path: Path) -> None:
    first = await demo_access(database_url, tmp_path / "demo-key")
    async with Database(database_url, pool_size=1) as database:
        for key in await api_keys.list_all(database):
            await api_keys.revoke(database, key.key_id)
    second = await demo_access(database_url, tmp_path / "demo-key")
    assert second.website_id == first.website_id
    assert second.key not in ("", first.key)
