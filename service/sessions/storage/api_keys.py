"""API keys: only the hash of a secret is stored."""

from collections.abc import Collection, Mapping
from datetime import datetime

from psycopg.rows import dict_row

from sessions.domain.api_keys import ApiKey
from sessions.domain.ids import random_id
from sessions.domain.websites import Website
from sessions.storage.database import Database, as_json
from sessions.storage.rows import named

_COLUMNS = """
    SELECT k.key_id, k.name, k.scopes, w.website_id, k.limits,
           k.created_at, k.expires_at, k.revoked_at, k.last_used_at
      FROM api_keys k
      LEFT JOIN websites w USING (website_key)"""


async def create(
    database: Database,
    key_hash: bytes,
    *,
    name: str,
    scopes: list[str],
    website: Website | None,
    limits: Mapping[str, int],
    expires_at: datetime | None,
) -> str:
    """Store a key and return its id."""
    key_id = random_id("key_")
    statement = """
    INSERT INTO api_keys (key_id, key_hash, name, scopes, website_key, limits, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s)
    """
    website_key = website.key if website else None
    values = (key_id, key_hash, name, scopes, website_key, as_json(limits), expires_at)
    async with database.transaction() as connection:
        await connection.execute(statement, values)
    return key_id


async def find(database: Database, key_hash: bytes) -> ApiKey | None:
    """The key whose secret has this hash."""
    return (await find_all(database, [key_hash])).get(key_hash)


async def find_all(database: Database, key_hashes: Collection[bytes]) -> dict[bytes, ApiKey]:
    """The keys whose secrets have these hashes; the others are left out."""
    query = """
    SELECT k.key_hash, k.key_id, k.name, k.scopes, w.website_id, k.limits,
           k.created_at, k.expires_at, k.revoked_at, k.last_used_at
      FROM api_keys k
      LEFT JOIN websites w USING (website_key)
     WHERE k.key_hash = ANY(%(key_hashes)s)
    """
    rows = await database.fetch(query, {"key_hashes": list(key_hashes)}, dict_row)
    return {row.pop("key_hash"): ApiKey(**row) for row in rows}


async def list_all(database: Database) -> list[ApiKey]:
    """All keys, oldest first, the revoked ones too."""
    return await database.fetch(f"{_COLUMNS} ORDER BY k.created_at, k.key_id", {}, named(ApiKey))


async def revoke(database: Database, key_id: str) -> bool:
    """Revoke a key for good; False where there is none of this id."""
    # The first time counts. On every node of Citus, which takes no `now()` inside of `coalesce`.
    statement = """
    UPDATE api_keys SET revoked_at = least(revoked_at, now()) WHERE key_id = %s
    """
    async with database.transaction() as connection:
        done = await connection.execute(statement, (key_id,))
        return done.rowcount == 1


async def remove_expired(database: Database, name: str) -> None:
    """Remove the keys of this name that have expired."""
    statement = "DELETE FROM api_keys WHERE name = %s AND expires_at < now()"
    async with database.transaction() as connection:
        await connection.execute(statement, (name,))


async def mark_used(database: Database, used: Mapping[str, datetime]) -> None:
    """Note when keys (by id) were last used."""
    statement = """
    UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, used.at)
      FROM json_to_recordset(%s::json) AS used(key_id text, at timestamptz)
     WHERE k.key_id = used.key_id
    """
    rows = [{"key_id": key_id, "at": at} for key_id, at in used.items()]
    async with database.transaction() as connection:
        await connection.execute(statement, (as_json(rows),))
