"""The websites that get generated sessions: new ones, or an empty one."""

from collections.abc import Sequence

from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.websites import Website
from sessions.storage.database import Database
from sessions.usecases.websites import Websites


async def new_websites(database_url: str, names: Sequence[str]) -> list[Website]:
    """Make a website for each name.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with Database(database_url, pool_size=1) as database:
        websites = Websites(database)
        return [await websites.get(await websites.create(name)) for name in names]


async def empty_website(database_url: str, website_id: str) -> Website:
    """The website of an id, if nothing was ever recorded for it.

    Raises:
        InvalidArgument: the id does not look like one, or the website is not empty.
        NotFound: no website has the id.
        Unavailable: the database can't be reached.
    """
    async with Database(database_url, pool_size=1) as database:
        website = await Websites(database).get(website_id)
    if not await is_empty(database_url, website):
        reason = f"{website_id} has visitors already; generated ones need an empty website"
        raise InvalidArgument(Violation("website", reason))
    return website


async def is_empty(database_url: str, website: Website) -> bool:
    """Whether nothing was ever recorded for a website.

    Raises:
        Unavailable: the database can't be reached.
    """
    query = "SELECT FROM visitors WHERE website_key = %(key)s LIMIT 1"
    async with Database(database_url, pool_size=1) as database:
        return not await database.fetch(query, {"key": website.key})
