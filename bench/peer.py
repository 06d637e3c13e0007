"""The same list the usual way to serve one: FastAPI over psycopg_pool, JSON by orjson.

It is spared much of what the service does: there is no key to check, no parameter to read but
the limit, no cursor to seal, and rows go into JSON as they come from the driver. Run by uvicorn
as `bench.peer:app`, with DATABASE_URL, and PEER_QUERY naming a file with the statement.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Response  # type: ignore[import-not-found, unused-ignore]
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

_query = json.loads(Path(os.environ["PEER_QUERY"]).read_text())
_pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
    os.environ["DATABASE_URL"],
    kwargs={"autocommit": True},
    min_size=1,
    max_size=8,
    open=False,
)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with _pool:
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/api/websites/{website_id}/sessions")  # type: ignore[untyped-decorator, unused-ignore]
async def list_sessions(website_id: str, limit: int = 50) -> Response:
    """A page of sessions, and where the next one begins."""
    async with _pool.connection() as connection:
        cursor = connection.cursor(binary=True)
        await cursor.execute(_query["sql"], _query["parameters"] | {"limit": limit + 1})
        found = await cursor.fetchall()
    rows: list[dict[str, Any]] = [dict(zip(_query["names"], row, strict=True)) for row in found]
    for row in rows:
        row["duration"] = int((row["ended_at"] - row["started_at"]).total_seconds())
        row["is_bounce"] = row["pageviews"] <= 1 and not row["events"]
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = last and f"{last['started_at'].isoformat()}/{last['session_id']}"
    body = orjson.dumps({"sessions": rows[:limit], "next_cursor": next_cursor})
    return Response(body, media_type="application/json")
