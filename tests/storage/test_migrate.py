"""Migrations: each applied once, whoever comes first."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sessions.domain.errors import DomainError, Unavailable
from sessions.storage.database import Database
from sessions.storage.migrate import Migration, check_schema, migrate, migrations

from tests.support.databases import new_database

_NEWER = "INSERT INTO migrations (number, sha256) VALUES (9999, 'of a newer version')"


def test_numbers_have_no_gap() -> None:
    numbers = [each.number for each in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_statements_end_outside_of_bodies() -> None:
    text = "A;\nB $$\nBEGIN\n    C;\nEND\n$$;\nD;\n"
    assert Migration(1, text).statements == ["A", "B $$\nBEGIN\n    C;\nEND\n$$", "D", ""]


async def test_once_is_enough_also_from_many_at_once(server_url: str) -> None:
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        applied = await asyncio.gather(*(migrate(url) for _ in range(5)))
        assert sorted(applied, key=len)[-1] == [each.number for each in migrations()]
        assert sum(map(len, applied)) == len(migrations())


async def test_another_history_of_migrations_is_refused(server_url: str) -> None:
    """As made by versions before the first release, which kept no hashes."""
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("CREATE TABLE migrations (number integer, applied_at date)")
            await connection.execute("INSERT INTO migrations (number) VALUES (1), (2)")
        with pytest.raises(DomainError, match="create a new database, run `sessions migrate`"):
            await migrate(url)


async def test_a_changed_migration_is_refused(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("UPDATE migrations SET sha256 = 'other' WHERE number = 1")
    with pytest.raises(DomainError, match="another migration 1 than this version"):
        await migrate(database_url)


async def test_an_older_schema_is_not_worked_on(database_url: str) -> None:
    async with Database(database_url) as database:
        await check_schema(database)
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM migrations WHERE number = 1")
        with pytest.raises(Unavailable, match="lacks migration 0001: run `sessions migrate`"):
            await check_schema(database)


async def test_a_newer_schema_is_worked_on(database_url: str) -> None:
    async with Database(database_url) as database:
        async with database.transaction() as connection:
            await connection.execute(_NEWER)
        await check_schema(database)


async def test_secrets_are_made_once(database_url: str) -> None:
    async with Database(database_url) as database:
        query = "SELECT purpose, secret FROM secrets ORDER BY purpose"
        before = await database.fetch(query, {})
        await migrate(database_url)
        assert await database.fetch(query, {}) == before
        assert [purpose for purpose, _ in before] == ["cursor", "visitor"]


async def test_a_newer_database_is_left_alone(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(_NEWER)
    with pytest.raises(DomainError, match="9999, made by a newer version"):
        await migrate(database_url)
