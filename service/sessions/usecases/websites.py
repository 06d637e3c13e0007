"""Finding a website by its id, as every call does."""

from cachetools import TTLCache

from sessions.domain.websites import Website, check_website_id, unknown_website
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
        if website is None:
            raise unknown_website(website_id)
        self._found[website_id] = website
        return website
