"""What `up` has to show: a website and a key to look at it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sessions.domain.api_keys import Scope, check_valid, hash_secret
from sessions.domain.errors import Unauthenticated
from sessions.domain.websites import Website
from sessions.processes.files import read_if_there, write_private
from sessions.storage import api_keys, websites
from sessions.storage.database import Database
from sessions.usecases.api_keys import ApiKeys
from sessions.usecases.websites import Websites


@dataclass(frozen=True)
class Access:
    """A website to try, and a key for it; empty where there is none."""

    website_id: str = ""
    key: str = ""


async def first_website(database_url: str) -> Access:
    """The oldest website, without a key."""
    async with Database(database_url, pool_size=1) as database:
        found = await _first_website(database)
        return Access(found.website_id if found else "")


async def demo_access(database_url: str, key_file: Path) -> Access:
    """The oldest website, or a new one with demo data, and the key kept in a file."""
    remembered = read_if_there(key_file)
    async with Database(database_url, pool_size=1) as database:
        found = await _first_website(database)
        # The demo's own may have been left empty by a crash: seeding again is harmless.
        if found is None or found.name == "Demo":
            website_id = await _seed(database_url)
        else:
            website_id = found.website_id
        key = await _valid_key(database, remembered)
    write_private(key_file, key)
    return Access(website_id, key)


async def _first_website(database: Database) -> Website | None:
    found = await websites.list_all(database)
    return next((website for website in found if not website.deleted_at), None)


async def _seed(database_url: str) -> str:
    # Here, because only the first start needs it.
    from sessions.demo import seed_demo

    return await seed_demo(database_url)


async def _valid_key(database: Database, remembered: str) -> str:
    """The key that was printed before, or a new one where it is not valid in this database."""
    try:
        found = await api_keys.find(database, hash_secret(remembered))
        check_valid(found, datetime.now(UTC))
    except Unauthenticated:
        return await _create_key(database)
    return remembered


async def _create_key(database: Database) -> str:
    scopes = [Scope.SESSIONS_READ, Scope.EVENTS_WRITE]
    return await ApiKeys(database, Websites(database)).create("demo", scopes)
