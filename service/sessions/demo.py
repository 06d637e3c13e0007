"""The demo website: a few weeks of data ending now, so that there is something to look at."""

from datetime import UTC, datetime

from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import is_empty, new_websites
from sessions.storage.database import Database
from sessions.usecases.websites import Websites

DEMO = "Demo"
"""The name of the website."""

_SESSIONS = 20_000
_DAYS = 21
_SEED = 1


async def seed_demo(database_url: str) -> str:
    """Make the website "Demo" with sessions up to now; takes about two seconds.

    One that was made before but stayed empty, because its seeding was cut short, is filled.

    Returns:
        The id of the website.

    Raises:
        Unavailable: the database can't be reached.
    """
    website = await _demo_website(database_url)
    if not await is_empty(database_url, website):
        return website.website_id
    now = datetime.now(UTC)
    await generate(database_url, [website], sessions=_SESSIONS, days=_DAYS, seed=_SEED, until=now)
    return website.website_id


async def _demo_website(database_url: str) -> Website:
    async with Database(database_url, pool_size=1) as database:
        found = [
            site
            for site in await Websites(database).list_all()
            if site.name == DEMO and not site.deleted_at
        ]
    return found[0] if found else (await new_websites(database_url, [DEMO]))[0]
