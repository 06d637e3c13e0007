"""EraseVisitor: everything of one visitor goes, and does not come back."""

from datetime import datetime
from typing import NamedTuple

from sessions.domain.visitors import Visitors
from sessions.storage import erasure, tombstones, visitors
from sessions.storage.database import Database
from sessions.usecases.websites import Websites


class ErasedVisitor(NamedTuple):
    """How much was erased; nothing that happened until the moment is recorded again."""

    sessions: int
    events: int
    erased_until: datetime


class EraseVisitor:
    """Erases visitors."""

    def __init__(self, database: Database, websites: Websites, visitors: Visitors) -> None:
        self._database = database
        self._websites = websites
        self._visitors = visitors

    async def __call__(
        self, website_id: str, *, visitor_id: str = "", client_ip: str = "", user_agent: str = ""
    ) -> ErasedVisitor:
        """Erase a visitor in one transaction: all of it, or nothing.

        Who writes about the visitor at the same time comes wholly before or wholly
        after. A visitor that was never seen is erased all the same: what is sent
        late is not recorded.

        Raises:
            InvalidArgument: the visitor is not named in exactly one of the two ways.
            NotFound: there is no such website.
            Unavailable: the database can't be reached; nothing was erased, or the
                answer was lost and erasing again does no harm.
        """
        website = await self._websites.get(website_id)
        visitor = self._visitors.named(
            website.website_id, visitor_id=visitor_id, client_ip=client_ip, user_agent=user_agent
        )
        hashed = self._visitors.tombstone_hash(website.website_id, visitor)
        async with self._database.transaction() as connection:
            locked = await visitors.lock(connection, website, [visitor])
            erased = await erasure.erase(connection, website.key, locked.keys)
            until = await tombstones.upsert(connection, website.key, hashed, erased.last)
        return ErasedVisitor(erased.sessions, erased.events, until)
