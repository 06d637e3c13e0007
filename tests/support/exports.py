"""Exports of one website, of a selection that needs no words."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

import pytest
from sessions.domain.cursors import CursorSigner
from sessions.domain.events import StoredEvent
from sessions.domain.selection import Selection, SelectionQuery
from sessions.domain.session import Session
from sessions.domain.websites import Website
from sessions.storage.database import Database
from sessions.storage.rows import SESSIONS
from sessions.usecases import export_sessions
from sessions.usecases.export_sessions import ExportPart, ExportSessions
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.websites import Websites

from tests.support.strategies import START

Item: TypeAlias = Session | StoredEvent


def new_export(database: Database, cursors: CursorSigner) -> ExportSessions[Session]:
    """The use case over a database."""
    reader = ReadColumns(database)
    return ExportSessions(database, Websites(database), cursors, lambda: START, reader, SESSIONS)


class Export:
    """Exports of one website, of a selection that needs no words."""

    def __init__(
        self, database: Database, website: Website, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cursors = CursorSigner({1: b"k" * 32})
        self._export = new_export(database, cursors)
        self._website_id = website.website_id
        self._patch = monkeypatch

    async def parts(self, asked: Selection, **more: Any) -> list[ExportPart[Session]]:
        """All parts, from a cursor on."""
        self._patch.setattr(export_sessions, "select", lambda query, now: asked)
        query = SelectionQuery(website_id=self._website_id)
        return [part async for part in self._export(query, **more)]


def items_of(parts: Sequence[ExportPart[Session]]) -> list[Item]:
    return list(chain.from_iterable(part.items for part in parts))
