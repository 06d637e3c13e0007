"""Migrations: each applied once, whoever comes first."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sessions.domain.errors import DomainError
from sessions.storage.database import Database
from sessions.storage.migrate import migrate, migrations

from tests.conftest import new_database


def test_numbers_have_no_gap() -> None:
    assert list(migrations()) == list(range(1, len(migrations()) + 1))


async def test_once_is_enough_also_from_many_at_once(server_url: str) -> None:
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        applied = await asyncio.gather(*(migrate(url) for _ in range(5)))
        assert sorted(applied, key=len)[-1] == list(migrations())
        assert sum(map(len, applied)) == len(migrations())


async def test_a_database_of_the_first_version_gets_what_it_lacks(server_url: str) -> None:
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("CREATE TABLE migrations (number integer, applied_at date)")
            await connection.execute("INSERT INTO migrations VALUES (1)")
            await connection.execute(migrations()[1].encode())
        assert await migrate(url) == list(migrations())[1:]


async def test_secrets_are_made_once(database_url: str) -> None:
    async with Database(database_url) as database:
        query = "SELECT purpose, secret FROM secrets ORDER BY purpose"
        before = await database.fetch(query, {})
        await migrate(database_url)
        assert await database.fetch(query, {}) == before
        assert [purpose for purpose, _ in before] == ["cursor", "visitor"]


async def test_a_newer_database_is_left_alone(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("INSERT INTO migrations VALUES (9999)")
    with pytest.raises(DomainError, match="9999, made by a newer version"):
        await migrate(database_url)
