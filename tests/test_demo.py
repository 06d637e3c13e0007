"""The demo website is made once, also when its making was cut short."""

from sessions.demo import seed_demo
from sessions.generator.websites import new_websites
from sessions.storage.database import Database


async def test_a_demo_that_stayed_empty_is_filled_and_then_left_alone(database_url: str) -> None:
    [cut_short] = await new_websites(database_url, ["Demo"])
    assert await seed_demo(database_url) == cut_short.website_id
    async with Database(database_url) as database:
        query = "SELECT count(*), max(started_at) > now() - interval '1 day' FROM sessions"
        seeded = await database.fetch(query, {})
        assert seeded == [(20_000, True)]
        assert await seed_demo(database_url) == cut_short.website_id
        assert await database.fetch(query, {}) == seeded
