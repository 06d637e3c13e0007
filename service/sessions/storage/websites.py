"""Websites: the text id outside, an integer key inside."""

from typing import LiteralString

from sessions.domain.ids import random_id
from sessions.domain.websites import Website
from sessions.storage.database import Connection, Database
from sessions.storage.rows import named

_COLUMNS: LiteralString = """
SELECT website_key AS key, website_id, name, created_at, retention_days, deleted_at FROM websites"""


async def create(database: Database, name: str) -> str:
    """Make a website and return its id."""
    website_id = random_id("site_")
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO websites (website_id, name) VALUES (%s, %s)", (website_id, name)
        )
    return website_id


async def find(database: Database, website_id: str) -> Website | None:
    """The website that has an id, also one that is being deleted."""
    query = f"{_COLUMNS} WHERE website_id = %(website_id)s"
    rows = await database.fetch(query, {"website_id": website_id}, named(Website))
    return rows[0] if rows else None


async def is_there(connection: Connection, website_key: int) -> bool:
    """Whether there is such a website that is not being deleted, as a transaction sees it."""
    query = "SELECT FROM websites WHERE website_key = %s AND deleted_at IS NULL"
    found = await connection.execute(query, (website_key,))
    return bool(await found.fetchall())


async def list_all(database: Database) -> list[Website]:
    """All websites, oldest first, also those that are being deleted."""
    return await database.fetch(f"{_COLUMNS} ORDER BY website_key", {}, named(Website))


async def rename(database: Database, website: Website, name: str) -> None:
    """Give a website another name."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE websites SET name = %s WHERE website_key = %s", (name, website.key)
        )


async def set_retention(database: Database, website: Website, days: int | None) -> None:
    """Set for how many days the sessions of a website are kept; None is forever."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE websites SET retention_days = %s WHERE website_key = %s", (days, website.key)
        )
