"""Brings a database to the schema of this version: numbered SQL files, each applied once."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import NamedTuple

import psycopg

from sessions.domain.errors import DomainError, Reason, Unavailable
from sessions.storage import distribution
from sessions.storage.database import Connection, Database, domain_errors
from sessions.storage.secrets import make_missing

# Advisory lock under which one process at a time migrates; any constant of our own.
_LOCK = 7_305_806_142_991

_END = re.compile(r";\n(?=[^$]*(?:\$\$[^$]*\$\$[^$]*)*\Z)")

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number     integer PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(NamedTuple):
    """One numbered file; `sha256` tells it from another file of the same number."""

    number: int
    text: str

    @property
    def statements(self) -> list[str]:
        """Its statements: each ends with the semicolon of a line, but for those within `$$`."""
        return _END.split(self.text)

    @property
    def sha256(self) -> str:
        """The hash of its text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    files = resources.files("sessions.storage").joinpath("migrations").iterdir()
    numbered = ((re.match(r"(\d{4})_\w+\.sql$", file.name), file) for file in files)
    return sorted(Migration(int(m[1]), file.read_text()) for m, file in numbered if m)


async def migrate(url: str) -> list[int]:
    """Apply what is missing and return its numbers; safe to run twice and from many processes.

    Raises:
        DomainError: the database was made by a newer version of the service, or has another
            history of migrations.
        Unavailable: the database can't be reached, or a table is in use for too long; nothing
            was applied.
    """
    async with _migrating(url) as connection:
        await connection.execute(_TABLE)
        missing = _missing(await _applied(connection))
        for migration in missing:
            for statement in migration.statements:
                # As bytes, without parameters: a file can hold percent signs. One at a time,
                # because Citus passes the text of some statements on to its nodes.
                await connection.execute(statement.encode())
            await connection.execute(
                "INSERT INTO migrations (number, sha256) VALUES (%s, %s)",
                (migration.number, migration.sha256),
            )
        await make_missing(connection)
        if missing and await distribution.is_distributed(connection):
            await distribution.distribute(connection)
        return [migration.number for migration in missing]


async def distribute(url: str) -> list[str]:
    """Distribute the tables over a Citus cluster, as far as they are not; returns their names.

    Raises:
        DomainError: this is no coordinator of a cluster that can take them.
        Unavailable: the database can't be reached, or a table is in use for too long; nothing
            was changed.
    """
    async with _migrating(url) as connection:
        return await distribution.distribute(connection)


@asynccontextmanager
async def _migrating(url: str) -> AsyncIterator[Connection]:
    """A transaction that changes the schema, one at a time: others wait, and find nothing to do."""
    with domain_errors():
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            # Who waits for a table makes everybody wait who comes after: better to try again.
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            await connection.execute(distribution.SETTINGS)
            yield connection


async def check_schema(database: Database) -> None:
    """Refuse to work on a schema that lacks something; a newer one is fine.

    Raises:
        Unavailable: the database lacks a migration of this version, or can't be reached.
    """
    rows = await database.fetch("SELECT number FROM migrations", {})
    if missing := {each.number for each in migrations()} - {number for (number,) in rows}:
        numbers = ", ".join(f"{number:04}" for number in sorted(missing))
        message = f"the database lacks migration {numbers}: run `sessions migrate`"
        raise Unavailable(Reason.DATABASE_UNAVAILABLE, message)


async def _applied(connection: Connection) -> dict[int, str]:
    """The hashes of the migrations that the database has, by number.

    A hash is `''` in the table of a version before the first release, which kept none.
    """
    query = "SELECT number, coalesce(to_jsonb(m) ->> 'sha256', '') FROM migrations m"
    return dict(await (await connection.execute(query)).fetchall())


def _missing(applied: dict[int, str]) -> list[Migration]:
    known = migrations()
    for each in known:
        if applied.get(each.number, each.sha256) != each.sha256:
            message = (
                f"the database has another migration {each.number} than this version: create a "
                "new database, run `sessions migrate` and import the events again"
            )
            raise DomainError(Reason.INTERNAL, message)
    if newer := applied.keys() - {each.number for each in known}:
        message = f"the database has migration {max(newer)}, made by a newer version: upgrade"
        raise DomainError(Reason.INTERNAL, message)
    return [each for each in known if each.number not in applied]
