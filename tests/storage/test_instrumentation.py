"""Statements and waits for connections are measured, also where they fail."""

import asyncio
from typing import Any

import pytest
from sessions.domain.errors import DeadlineExceeded, Unavailable
from sessions.instruments import REGISTRY
from sessions.storage.database import Database
from sessions.storage.instrumentation import summarize_query


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("SELECT 1", "SELECT"),
        ("SELECT a FROM ONLY sessions s WHERE true", "SELECT sessions"),
        ("SELECT * FROM unnest(%(x)s) AS x JOIN LATERAL (SELECT 1 FROM events)", "SELECT events"),
        ("WITH x AS (SELECT 1 FROM a) INSERT INTO events (b) SELECT 1 FROM x", "INSERT events"),
        ("\nUPDATE session_ids SET merged = true", "UPDATE session_ids"),
        ("INSERT INTO t SELECT 1 ON CONFLICT DO UPDATE SET a = 1", "INSERT t"),
        ("DELETE FROM sessions USING x", "DELETE sessions"),
        ("create table t (a int)", "CREATE"),
    ],
)
def test_a_statement_is_named_by_what_it_does(text: str, summary: str) -> None:
    assert summarize_query(text) == summary


def measured(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def statements(summary: str) -> float:
    return measured("db_client_operation_duration_seconds_count", db_query_summary=summary)


async def test_statements_pipelines_and_commits_are_counted(database_url: str) -> None:
    names = ("SELECT websites", "PIPELINE", "COMMIT")
    before = [statements(name) for name in names]
    async with Database(database_url) as database:
        await database.fetch("SELECT * FROM websites", {})
        async with database.transaction() as connection, connection.pipeline():
            await connection.execute("SELECT * FROM websites")
    # What is in a pipeline counts as a part of it.
    assert [statements(name) - count for name, count in zip(names, before, strict=True)] == [
        1,
        1,
        1,
    ]


async def test_a_statement_that_takes_too_long_counts_with_its_time(database_url: str) -> None:
    total = "db_client_operation_duration_seconds_sum"
    before = measured(total, db_query_summary="SELECT pg_class")
    async with Database(database_url, timeout=0.3) as database:
        with pytest.raises(DeadlineExceeded):
            await database.fetch("SELECT pg_sleep(9), * FROM pg_class", {})
    assert measured(total, db_query_summary="SELECT pg_class") - before >= 0.3


async def test_callers_who_get_no_connection_are_counted(database_url: str) -> None:
    pool = {"db_client_connection_pool_name": "test"}
    options: Any = {"name": "test", "pool_size": 1, "patience": 0.2}
    async with Database(database_url, **options) as database, database.transaction():
        waiting = asyncio.create_task(database.fetch("SELECT 1", {}))
        await asyncio.sleep(0.1)
        database.measure()
        assert measured("db_client_connection_pending_requests", **pool) == 1
        used = {"db_client_connection_state": "used"}
        assert measured("db_client_connection_count", **pool, **used) == 1
        with pytest.raises(Unavailable):
            await waiting
    assert measured("db_client_connection_timeouts_total", **pool) == 1
    assert measured("db_client_connection_wait_time_seconds_count", **pool) == 2
    assert measured("db_client_connection_wait_time_seconds_sum", **pool) >= 0.2


async def test_a_pipeline_inside_of_another_one_is_refused(database: Database) -> None:
    async with database.transaction() as connection, connection.pipeline():
        with pytest.raises(RuntimeError, match="inside of another one"):
            async with connection.pipeline():
                pass
