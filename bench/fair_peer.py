"""The same list by FastAPI, with the duties of the service: what a team would have to write.

It checks the key, all thirteen filters, days and time zone, keeps a deadline, seals cursors, logs a
line for each call, and answers with the JSON of the contract. What has nothing to do with FastAPI
it takes from the service. There is no gRPC, no Envoy, no expression, journey or cell. Run by
uvicorn as `bench.fair_peer:app`, with DATABASE_URL.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request, Response  # type: ignore[import-not-found, unused-ignore]
from sessions.api.printer import timestamp_text
from sessions.domain.api_keys import Scope, check_scope, check_website
from sessions.domain.cursors import CursorSigner, PageKey
from sessions.domain.dimensions import FILTERS
from sessions.domain.paging import page_size
from sessions.domain.selection import SelectionQuery, select
from sessions.domain.session import Session
from sessions.session_message import session_fields
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.rows import SESSIONS
from sessions.usecases.authenticate import Authenticate
from sessions.usecases.list_sessions import DEFAULT_LIMIT, MAX_LIMIT, cursor_identity
from sessions.usecases.websites import Websites

_SECONDS = 10.0
_LINES_AT_ONCE = 100

_cursors = CursorSigner({1: b"k" * 32})
_database = Database(os.environ.get("DATABASE_URL", ""), pool_size=8)
_websites = Websites(_database)


def _now() -> datetime:
    return datetime.now(UTC)


_authenticate = Authenticate(_database, _now)


class _Log:
    """One line for each call, many written together."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, line: Mapping[str, Any]) -> None:
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= _LINES_AT_ONCE:
            sys.stderr.buffer.write(b"".join(self._lines))
            self._lines.clear()


_log = _Log()


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with _database:
        yield


app = FastAPI(lifespan=_lifespan)

Values = Annotated[list[str] | None, Query()]


@app.get("/api/websites/{website_id}/sessions")  # type: ignore[untyped-decorator, unused-ignore]
async def list_sessions(  # a parameter for each of the contract
    request: Request,
    website_id: str,
    start_date: str = "",
    end_date: str = "",
    timezone: str = "",
    cursor: str = "",
    limit: int = 0,
    include_bots: bool = False,
    filter_country: Values = None,
    filter_region: Values = None,
    filter_city: Values = None,
    filter_browser: Values = None,
    filter_os: Values = None,
    filter_device: Values = None,
    filter_language: Values = None,
    filter_hostname: Values = None,
    filter_referrer: Values = None,
    filter_utm_source: Values = None,
    filter_utm_medium: Values = None,
    filter_utm_campaign: Values = None,
    filter_page: Values = None,
) -> Response:
    """A page of sessions, newest first."""
    given = locals()
    query = SelectionQuery(
        website_id=website_id,
        start_date=start_date,
        end_date=end_date,
        timezone=timezone,
        include_bots=include_bots,
        filters={name: given[f"filter_{name}"] or [] for name in FILTERS},
    )
    started, code = time.perf_counter(), 500
    try:
        async with asyncio.timeout(_SECONDS):
            key = await _authenticate(request.headers.get("authorization"))
            check_scope(key, Scope.SESSIONS_READ)
            check_website(key, website_id)
            body = await _page(query, limit, cursor)
        code = 200
        return Response(body, media_type="application/json")
    finally:
        _log.add(
            {
                "method": "ListSessions",
                "request_id": request.headers.get("x-request-id"),
                "code": code,
                "milliseconds": round((time.perf_counter() - started) * 1000, 2),
                "timestamp": _now(),
            }
        )


async def _page(query: SelectionQuery, limit: int, cursor: str) -> bytes:
    size = page_size(limit, DEFAULT_LIMIT, MAX_LIMIT, "limit")
    selection = select(query, _now())
    identity = cursor_identity(selection)
    after = None
    if cursor:
        range_, after = PageKey.unpack(_cursors.open(cursor, identity, "cursor"))
        selection = replace(selection, range=range_)
    website = await _websites.get(query.website_id)
    page = await session_list.list_page(
        _database, website.key, selection, after=after, limit=size, form=SESSIONS
    )
    end = page.end and _cursors.seal(PageKey(selection.range, page.end).pack(), identity)
    return orjson.dumps({"sessions": [*map(_told, page.sessions)], "next_cursor": end})


def _told(session: Session) -> dict[str, Any]:
    moments = {"started_at": session.started_at, "ended_at": session.ended_at}
    fields = session_fields(session) | {name: timestamp_text(at) for name, at in moments.items()}
    return {name: value for name, value in fields.items() if value is not None}
