"""ListSessions: a page of the sessions that started in a range of days."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from sessions.domain.cursors import CursorSigner, ListPlace
from sessions.domain.queries import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Position,
    Range,
    SessionQuery,
    day_range,
    normalize_filters,
    page_size,
)
from sessions.domain.session import Session
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.usecases.websites import Websites


class SessionList(NamedTuple):
    """A page of sessions, newest first, and the cursor of the next one."""

    sessions: list[Session]
    next_cursor: str | None


class ListSessions:
    """Lists the sessions of a website."""

    def __init__(
        self,
        database: Database,
        websites: Websites,
        cursors: CursorSigner,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._websites = websites
        self._cursors = cursors
        self._clock = clock

    async def __call__(self, website_id: str, query: SessionQuery, cursor: str) -> SessionList:
        """The page of a query that a cursor stands for, `''` for the first one.

        Raises:
            InvalidArgument: a parameter is wrong, or the cursor is not of this query.
            NotFound: there is no such website.
        """
        limit = page_size(query.limit, DEFAULT_LIMIT, MAX_LIMIT, "limit")
        range_ = day_range(query.start_date, query.end_date, query.timezone, self._clock())
        filters = normalize_filters(query.filters)
        identity = _identity(website_id, query, filters)
        after = None
        if cursor:
            range_, after = ListPlace.unpack(self._cursors.open(cursor, identity, "cursor"))
        website = await self._websites.get(website_id)
        page = await session_list.list_page(
            self._database,
            website.key,
            range_,
            filters=filters,
            include_bots=query.include_bots,
            after=after,
            limit=limit,
        )
        return SessionList(page.sessions, self._cursor(page.end, range_, identity))

    def _cursor(self, end: Position | None, range_: Range, identity: bytes) -> str | None:
        return end and self._cursors.seal(ListPlace(range_, end).pack(), identity)


def _identity(website_id: str, query: SessionQuery, filters: Mapping[str, list[str]]) -> bytes:
    """What a cursor is bound to: the query as it was sent, but for the size of a page."""
    return json.dumps(
        [
            "list",
            website_id,
            query.start_date,
            query.end_date,
            query.timezone,
            query.include_bots,
            sorted(filters.items()),
        ]
    ).encode()
