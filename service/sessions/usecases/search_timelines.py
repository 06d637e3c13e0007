"""Pages of the list of sessions of some visitors, whatever else is asked of these."""

from dataclasses import replace
from typing import TypeVar

from sessions.domain.paging import Position
from sessions.domain.predicates import All
from sessions.domain.selection import Selection
from sessions.storage import blocks, session_list
from sessions.storage.database import Database
from sessions.storage.predicates import visitors_of
from sessions.storage.rows import SessionForm
from sessions.storage.session_list import ListPage
from sessions.usecases.matching import divide, matching

T = TypeVar("T")

MOST = 500
"""Sessions whose events are looked at for one page."""


async def timeline_page(
    database: Database,
    website_key: int,
    selection: Selection,
    *,
    after: Position,
    limit: int,
    form: SessionForm[T],
) -> ListPage[T]:
    """The first sessions, after a position, of a selection that names visitors, newest first.

    A page ends short where more than MOST sessions would have to be looked at.

    Raises:
        InvalidArgument: see `matching`.
        Unavailable: the database can't be reached.
        DeadlineExceeded: a statement took too long.
    """
    told, others = divide(selection.predicate)
    visitors, asked = visitors_of(selection.predicate), replace(selection, predicate=told)
    if others == All():
        return await session_list.visitor_page(
            database, website_key, asked, visitors, after=after, limit=limit, form=form
        )
    most = max(MOST, limit + 1)
    async with blocks.read_transaction(database) as connection:
        found = await session_list.of_visitors(
            connection, website_key, asked, visitors, after=after, limit=most, form=form
        )
        events_tell = replace(selection, predicate=others)
        kept = await matching(connection, website_key, events_tell, found)
    sessions = [each.session for each in kept]
    if len(sessions) > limit or len(found) < most:
        return session_list.page(sessions, limit, form)
    return ListPage(sessions, found[-1].position)
