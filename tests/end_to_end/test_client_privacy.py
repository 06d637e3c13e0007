"""A client's address in every field of an event: no row of the database and no log holds it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sessions.domain.websites import Website

from tests.support.stack import Reply, Stack

ADDRESSES = ("198.51.100.213", "2001:db8:abcd::77")


def rows(database_url: str) -> str:
    """Every row of every table, as text."""
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        return "\n".join(
            str(row)
            for (table,) in tables
            for row in connection.execute(
                sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(table))
            )
        )


def post(stack: Stack, key: str, website: Website, event: dict[str, Any]) -> Reply:
    """Send one pageview of a client."""
    sent = {"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z", "url": "/"} | event
    return stack.request(
        f"/api/websites/{website.website_id}/events",
        key=key,
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"events": [sent]}).encode(),
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_in_no_row_and_in_no_log(
    stack: Stack, website: Website, key: str, address: str
) -> None:
    host = f"[{address}]" if ":" in address else address
    spread: list[dict[str, Any]] = [
        {name: text}
        for name in ("referrer", "hostname", "language", "country", "region", "city", "user_agent")
        for text in (address, f"https://{host}/", f"a ({address}) b")
    ]
    assert post(stack, key, website, {"client_ip": address}).status == 200
    for more in spread:
        post(stack, key, website, {"client_ip": address} | more)  # a hostname may be refused
    for name in ("visitor_id", "event_id", "event_name", "event_type", "timestamp", "sequence"):
        reply = post(stack, key, website, {"client_ip": address, name: address})
        assert reply.status == 400, name
    stored = rows(stack.database_url)
    assert website.name in stored
    assert address not in stored
    assert address not in Path(f"{stack.environment['SESSIONS_DATA_DIR']}.log").read_text()
