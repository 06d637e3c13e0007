"""Websites: found by their ids on every call; made, named and kept by those who run them."""

from cachetools import TTLCache

from sessions.domain.websites import (
    Website,
    check_name,
    check_retention,
    check_website_id,
    unknown_website,
)
from sessions.storage import websites
from sessions.storage.database import Database

_REMEMBERED_SECONDS = 4.0


class Websites:
    """Looks websites up and remembers them for a few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: TTLCache[str, Website] = TTLCache(10_000, _REMEMBERED_SECONDS)

    async def get(self, website_id: str) -> Website:
        """The website of an id.

        Raises:
            InvalidArgument: the id does not look like one.
            NotFound: no website has it.
        """
        if website := self._found.get(website_id):
            return website
        check_website_id(website_id)
        website = await websites.find(self._database, website_id)
        # A deleted website still has a row while its data is being removed.
        if website is None or website.deleted_at:
            raise unknown_website(website_id)
        self._found[website_id] = website
        return website

    async def create(self, name: str) -> str:
        """Make a website and return its id.

        Raises:
            InvalidArgument: the name is empty or too long.
        """
        return await websites.create(self._database, check_name(name))

    async def list_all(self) -> list[Website]:
        """All websites, oldest first, also those that are being deleted."""
        return await websites.list_all(self._database)

    async def rename(self, website_id: str, name: str) -> None:
        """Give a website another name.

        Raises:
            InvalidArgument: the id or the name is none.
            NotFound: no website has this id.
        """
        await websites.rename(self._database, await self.get(website_id), check_name(name))

    async def set_retention(self, website_id: str, days: int | None) -> None:
        """Keep the sessions of a website for a number of days; None is forever.

        Raises:
            InvalidArgument: the id is none, or the number is not allowed.
            NotFound: no website has this id.
        """
        check_retention(days)
        await websites.set_retention(self._database, await self.get(website_id), days)
