"""Exports of one website, of a selection that needs no words."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

import pytest
from analytics_sessions.v1.session_pb2 import Session as Message
from sessions.domain.cursors import CursorSigner
from sessions.domain.dimensions import TEXTS
from sessions.domain.events import StoredEvent
from sessions.domain.selection import Selection, SelectionQuery
from sessions.domain.session import Session
from sessions.domain.session_ids import parse_session_id
from sessions.domain.websites import Website
from sessions.session_message import encode, moment, position
from sessions.storage.database import Database
from sessions.storage.rows import messages
from sessions.usecases import export_sessions
from sessions.usecases.export_sessions import ExportPart, ExportSessions
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.websites import Websites

from tests.support.strategies import START

Item: TypeAlias = Session | StoredEvent


def new_export(database: Database, cursors: CursorSigner) -> ExportSessions[bytes]:
    """The use case over a database."""
    reader = ReadColumns(database)
    form = messages(encode, position)
    return ExportSessions(database, Websites(database), cursors, lambda: START, reader, form)


class Export:
    """Exports of one website, of a selection that needs no words."""

    def __init__(
        self, database: Database, website: Website, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cursors = CursorSigner({1: b"k" * 32})
        self._export = new_export(database, cursors)
        self._website_id = website.website_id
        self._patch = monkeypatch

    async def parts(self, asked: Selection, **more: Any) -> list[ExportPart[bytes]]:
        """All parts, from a cursor on."""
        self._patch.setattr(export_sessions, "select", lambda query, now: asked)
        query = SelectionQuery(website_id=self._website_id)
        return [part async for part in self._export(query, **more)]


def items_of(parts: Sequence[ExportPart[bytes]]) -> list[Item]:
    items = chain.from_iterable(part.items for part in parts)
    return [item if isinstance(item, StoredEvent) else session_of(item) for item in items]


def session_of(encoded: bytes) -> Session:
    """The session of a message."""
    message = Message.FromString(encoded)
    return Session(
        session_id=parse_session_id(message.session_id),
        visitor_id=message.visitor_id,
        started_at=moment(message.started_at),
        ended_at=moment(message.ended_at),
        pageviews=message.pageviews,
        events=message.events,
        is_bot=message.is_bot,
        texts=tuple(getattr(message, name) or None for name in TEXTS),
    )
