"""Brings a database to the schema of this version: numbered SQL files, each applied once."""

import re
from importlib import resources

import psycopg

from sessions.domain.errors import DomainError, Reason
from sessions.storage.database import domain_errors
from sessions.storage.secrets import make_missing

_LOCK = 7_305_806_142_991
"""Advisory lock under which one process at a time migrates; any constant of our own."""


def migrations() -> dict[int, str]:
    """The SQL of each migration by its number, in order."""
    files = resources.files("sessions.storage").joinpath("migrations").iterdir()
    numbered = ((re.match(r"(\d{4})_\w+\.sql$", file.name), file) for file in files)
    return dict(sorted((int(m[1]), file.read_text()) for m, file in numbered if m))


async def migrate(url: str) -> list[int]:
    """Apply what is missing and return its numbers; safe to run twice and from many processes.

    Raises:
        DomainError: the database was made by a newer version of the service.
        Unavailable: the database can't be reached.
    """
    with domain_errors():
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await connection.execute(
                """
                CREATE TABLE IF NOT EXISTS migrations (
                    number integer PRIMARY KEY,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """
            )
            applied = await connection.execute("SELECT number FROM migrations")
            missing = _missing({number for (number,) in await applied.fetchall()})
            for number, statements in missing.items():
                await connection.execute(statements.encode())
                await connection.execute("INSERT INTO migrations VALUES (%s)", (number,))
            await make_missing(connection)
            return list(missing)


def _missing(applied: set[int]) -> dict[int, str]:
    known = migrations()
    if newer := applied - known.keys():
        message = f"the database has migration {max(newer)}, made by a newer version: upgrade"
        raise DomainError(message, Reason.INTERNAL)
    return {number: text for number, text in known.items() if number not in applied}
