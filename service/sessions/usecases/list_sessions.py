"""ListSessions: a page of the sessions of a selection, newest first."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from sessions.domain.cells import CellSigner
from sessions.domain.cursors import CursorSigner, PageKey
from sessions.domain.paging import Position, page_size
from sessions.domain.selection import Selection, SelectionQuery, select
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.predicates import Access, access
from sessions.storage.rows import SessionForm
from sessions.storage.session_list import ListPage, start_of
from sessions.usecases.cell_rows import add_cells
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.search_columns import SearchColumns
from sessions.usecases.search_timelines import timeline_page
from sessions.usecases.websites import Websites

T = TypeVar("T")

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


class SessionList(NamedTuple, Generic[T]):
    """A page of sessions, newest first, and the cursor of the next one."""

    sessions: list[T]
    next_cursor: str | None


class ListSessions(Generic[T]):
    """Lists the sessions of a website, in one form."""

    def __init__(
        self,
        database: Database,
        websites: Websites,
        cursors: CursorSigner,
        clock: Callable[[], datetime],
        search_columns: SearchColumns,
        read_columns: ReadColumns,
        form: SessionForm[T],
    ) -> None:
        self._form = form
        self._database = database
        self._websites = websites
        self._search_columns = search_columns
        self._read_columns = read_columns
        self._cursors = cursors
        self._cells = CellSigner(cursors)
        self._clock = clock

    async def __call__(
        self, query: SelectionQuery, *, limit: int = 0, cursor: str = ""
    ) -> SessionList[T]:
        """The page of a selection that a cursor stands for, `''` for the first one.

        Raises:
            InvalidArgument: a parameter is wrong, or the cursor is not of this query.
            NotFound: there is no such website.
            QueueFull: the cell takes an analysis, and many are waiting.
        """
        size, now = page_size(limit, DEFAULT_LIMIT, MAX_LIMIT, "limit"), self._clock()
        selection, cells = select(query, now), self._cells.open(query, now)
        identity = cursor_identity(selection) + query.cell.encode()
        after = None
        if cursor:
            # The days of the first page: today may have become yesterday since. A wrong cursor is
            # refused before the database is asked.
            range_, after = PageKey.unpack(self._cursors.open(cursor, identity, "cursor"))
            selection = replace(selection, range=range_)
        website = await self._websites.get(query.website_id)
        open_reading = partial(self._read_columns.open, website.key)
        selection = await add_cells(selection, query, cells, open_reading)
        page = await self._page(website.key, selection, after or start_of(selection), size)
        next_cursor = page.end and self._cursors.seal(
            PageKey(selection.range, page.end).pack(), identity
        )
        return SessionList(page.sessions, next_cursor)

    async def _page(
        self, website_key: int, selection: Selection, after: Position, limit: int
    ) -> ListPage[T]:
        """The page after a position: from rows as far as these lead, and the rest from columns."""
        way = access(selection.predicate)
        page = await self._from_rows(way, website_key, selection, after, limit)
        is_answer = way in (Access.TIMELINE, Access.INDEX)
        if page.end is None or len(page.sessions) == limit or is_answer:
            return page
        missing = limit - len(page.sessions)
        more = await self._search_columns(
            website_key, selection, after=page.end, limit=missing, form=self._form
        )
        return ListPage(page.sessions + more.sessions, more.end)

    async def _from_rows(
        self, way: Access, website_key: int, selection: Selection, after: Position, limit: int
    ) -> ListPage[T]:
        find: Callable[..., Awaitable[ListPage[T] | None]]
        match way:
            case Access.TIMELINE:
                find = timeline_page
            case Access.INDEX:
                find = session_list.list_page
            case Access.NARROWED:
                find = session_list.narrowed_page
            case Access.ROWS:
                find = session_list.newest_page
            case Access.COLUMNS:
                return ListPage([], after)
        page = await find(
            self._database, website_key, selection, after=after, limit=limit, form=self._form
        )
        return page or ListPage([], after)


def cursor_identity(selection: Selection) -> bytes:
    """What a cursor of this list is bound to: all of the query but for the size of a page."""
    return b"list" + selection.identity
