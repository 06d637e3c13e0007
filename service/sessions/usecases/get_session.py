"""GetSession: one session and what happened in it."""

import json
from typing import NamedTuple

from sessions.domain.cursors import CursorSigner, EventPageKey
from sessions.domain.paging import page_size
from sessions.domain.session import Session
from sessions.domain.session_ids import parse_session_id, unknown_session
from sessions.domain.timeline import Timeline, make_timeline
from sessions.storage import session_details
from sessions.storage.database import Database
from sessions.storage.replicas import confirm_on_primary
from sessions.usecases.websites import Websites

DEFAULT_PAGE, MAX_PAGE = 1_000, 5_000
MAX_BYTES = 1 << 20
"""A page of events ends when it is about this large."""


class SessionDetails(NamedTuple):
    """A session, a page of its events, oldest first, and the cursor of the next page."""

    session: Session
    timeline: Timeline
    next_events_cursor: str | None


class GetSession:
    """Reads a session by its id, or by one that was merged into it."""

    def __init__(self, database: Database, websites: Websites, cursors: CursorSigner) -> None:
        self._database = database
        self._websites = websites
        self._cursors = cursors

    async def __call__(
        self, website_id: str, session_id: str, *, events_limit: int = 0, events_cursor: str = ""
    ) -> SessionDetails:
        """The session and the page of events that a cursor stands for.

        Raises:
            InvalidArgument: a parameter is wrong, or the cursor is not of this session.
            NotFound: there is no such website or session.
        """
        limit = page_size(events_limit, DEFAULT_PAGE, MAX_PAGE, "events_limit")
        # A cursor of events fits one session only, and no list.
        identity = json.dumps(["timeline", website_id, session_id]).encode()
        after = open_view = None
        if events_cursor:
            opened = self._cursors.open(events_cursor, identity, "events_cursor")
            after, open_view = EventPageKey.unpack(opened)
        website = await self._websites.get(website_id)
        page = await session_details.get(
            self._database,
            website.key,
            parse_session_id(session_id),
            after=after,
            limit=limit,
            max_bytes=MAX_BYTES,
        )
        if page is None:
            confirm_on_primary()
            raise unknown_session(session_id)
        timeline = make_timeline(page, open_view)
        cursor = None
        if page.has_more:
            key = EventPageKey(page.events[-1].key, timeline.open_view)
            cursor = self._cursors.seal(key.pack(), identity)
        return SessionDetails(page.session, timeline, cursor)
