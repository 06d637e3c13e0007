"""What `up` has to show: a website, with demo data if asked for, and a key to look at it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sessions.domain.api_keys import Scope, check_valid, hash_secret
from sessions.domain.errors import Unauthenticated
from sessions.domain.websites import Website
from sessions.generator.shop import record_shop
from sessions.generator.websites import is_empty, new_websites
from sessions.standalone.data_dir import read_if_there, write_private
from sessions.storage import api_keys, websites
from sessions.storage.database import Database
from sessions.usecases.api_keys import ApiKeys
from sessions.usecases.websites import Websites

DEMO = "Demo"
"""The name of the website with demo data."""
LINK_LIFE = timedelta(hours=12)
"""How long the key in the link to the explorer is valid."""

_LINK = "link to the explorer"
"""The name of that key."""
_SEED = 1
_KEY_AGE = timedelta(days=30)
_REST = timedelta(days=1)
"""What a key has left at least when it is printed again."""


@dataclass(frozen=True)
class Access:
    """A website to try, a key for it, and one for a link to the explorer; empty where none is."""

    website_id: str = ""
    key: str = ""
    link_key: str = ""


async def first_website(database_url: str) -> Access:
    """The oldest website, without a key."""
    async with Database(database_url, pool_size=1) as database:
        found = await _first_website(database)
        return Access(found.website_id if found else "")


async def seed_demo(database_url: str) -> str:
    """Make the website "Demo" with thirteen months of a shop; takes some seconds.

    One that was made before but stayed empty, because its seeding was cut short, is filled.

    Returns:
        The id of the website.

    Raises:
        Unavailable: the database can't be reached.
    """
    website = await _demo_website(database_url)
    if not await is_empty(database_url, website):
        return website.website_id
    await record_shop(database_url, website, _SEED, datetime.now(UTC))
    return website.website_id


async def _demo_website(database_url: str) -> Website:
    async with Database(database_url, pool_size=1) as database:
        # By name, because the demo website has no other mark.
        found = [
            site
            for site in await Websites(database).list_all()
            if site.name == DEMO and not site.deleted_at
        ]
    return found[0] if found else (await new_websites(database_url, [DEMO]))[0]


async def demo_access(
    database_url: str, key_file: Path, seed: Callable[[str], Awaitable[str]] = seed_demo
) -> Access:
    """The oldest website, or a new one with demo data, and the key kept in a file."""
    remembered = read_if_there(key_file)
    async with Database(database_url, pool_size=1) as database:
        found = await _first_website(database)
        # The demo's own may have been left empty by a crash: seeding again is harmless.
        if found is None or found.name == DEMO:
            website_id = await seed(database_url)
        else:
            website_id = found.website_id
        key = await _valid_key(database, remembered)
    write_private(key_file, key)
    return Access(website_id, key)


async def link_key(database_url: str, website_id: str) -> str:
    """A new key for a link to the explorer: it reads one website, and expires soon.

    Those of earlier links that have expired are removed.
    """
    async with Database(database_url, pool_size=1) as database:
        await api_keys.remove_expired(database, _LINK)
        return await ApiKeys(database, Websites(database)).create(
            _LINK,
            [Scope.SESSIONS_READ],
            website_id=website_id,
            expires_at=datetime.now(UTC) + LINK_LIFE,
        )


async def _first_website(database: Database) -> Website | None:
    found = await websites.list_all(database)
    return next((website for website in found if not website.deleted_at), None)


async def _valid_key(database: Database, remembered: str) -> str:
    """The key that was printed before, or a new one where it is not valid in this database."""
    try:
        found = await api_keys.find(database, hash_secret(remembered))
        check_valid(found, datetime.now(UTC) + _REST)
    except Unauthenticated:
        return await _create_key(database)
    return remembered


async def _create_key(database: Database) -> str:
    scopes = [Scope.SESSIONS_READ, Scope.EVENTS_WRITE]
    expires_at = datetime.now(UTC) + _KEY_AGE
    return await ApiKeys(database, Websites(database)).create("demo", scopes, expires_at=expires_at)
