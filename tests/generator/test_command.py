"""`sessions generate` prints ids and nothing else; the demo website has data up to now."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from sessions.cli.generate import generate
from sessions.generator.websites import new_websites
from sessions.standalone.demo import seed_demo
from sessions.storage.database import Database

_COUNTS = """
SELECT w.website_id, count(*) FROM sessions JOIN websites w USING (website_key) GROUP BY 1
"""


async def run(database_url: str, *arguments: str) -> Result:
    runner = CliRunner(env={"DATABASE_URL": database_url})
    # In a thread of its own, because the command runs an event loop.
    return await asyncio.to_thread(runner.invoke, generate, arguments, catch_exceptions=False)


async def counts(database_url: str) -> dict[str, int]:
    async with Database(database_url) as database:
        return dict(await database.fetch(_COUNTS, {}))


async def test_new_websites(database_url: str) -> None:
    result = await run(database_url, "--sessions", "300", "--days", "3", "--websites", "2")
    ids = result.stdout.splitlines()
    found = await counts(database_url)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (len(ids), set(found)) == (2, set(ids))
    assert sum(found.values()) == 300


async def test_a_website_of_ones_own(database_url: str) -> None:
    (website,) = await new_websites(database_url, ["shop"])
    arguments = ("--website", website.website_id, "--sessions", "50", "--until", "2026-01-15")
    result = await run(database_url, *arguments)
    assert result.stdout == f"{website.website_id}\n"
    assert await counts(database_url) == {website.website_id: 50}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--sessions", "0"),
        ("--days", "0"),
        ("--seed", "-1"),
        ("--until", "yesterday"),
        ("--websites", "2", "--website", "site_abc123defg"),
    ],
)
async def test_mistakes_are_named(arguments: tuple[str, ...]) -> None:
    result = await run("", *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


async def test_the_demo_ends_now(database_url: str) -> None:
    website_id = await seed_demo(database_url)
    async with Database(database_url) as database:
        ((last,),) = await database.fetch("SELECT max(started_at) FROM sessions", {})
    assert (await counts(database_url))[website_id] > 5_000
    assert timedelta() < datetime.now(UTC) - last < timedelta(minutes=30)
