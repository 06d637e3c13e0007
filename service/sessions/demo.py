"""The demo website: a few weeks of data ending now, so that there is something to look at."""

from datetime import UTC, datetime

from sessions.generator import generate
from sessions.generator.websites import new_websites

_SESSIONS = 20_000
_DAYS = 21
_SEED = 1


async def seed_demo(database_url: str) -> str:
    """Make the website "Demo" with sessions up to now; takes about two seconds.

    Returns:
        The id of the website.

    Raises:
        Unavailable: the database can't be reached.
    """
    (website,) = await new_websites(database_url, ["Demo"])
    now = datetime.now(UTC)
    await generate(database_url, [website], sessions=_SESSIONS, days=_DAYS, seed=_SEED, until=now)
    return website.website_id
