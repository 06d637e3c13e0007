"""Where a client is, by a database file in MaxMind's format (GeoLite2, GeoIP2, DB-IP, …).

The format: https://maxmind.github.io/MaxMind-DB/. Names are taken in English.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import maxminddb

from sessions.domain.locations import UNKNOWN, Location

_REMEMBERED = 4_096  # addresses; a lookup takes ten microseconds, and visitors come in runs


class Geolocation:
    """A geolocation database; each call answers for one IP address.

    Args:
        path: the file, read once; a new one counts after a restart.

    Raises:
        ValueError: the file is not such a database.
        OSError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._reader = maxminddb.open_database(path)
        except maxminddb.InvalidDatabaseError as error:
            raise ValueError(f"{path} is not in MaxMind's format") from error
        # A cache per object: one on the class would keep the reader alive.
        self._location = lru_cache(_REMEMBERED)(self._look_up)

    def __call__(self, address: str) -> Location:
        """The location of an IPv4 or IPv6 address; empty where the database has none."""
        return self._location(address)

    def _look_up(self, address: str) -> Location:
        try:
            found: Any = self._reader.get(address)
        except ValueError:  # an IPv6 address, and a database of IPv4 alone
            return UNKNOWN
        return Location(
            _text(found, "country", "iso_code"),
            _text(found, "subdivisions", 0, "names", "en"),
            _text(found, "city", "names", "en"),
        )


def _text(record: Any, *path: str | int) -> str:
    """A text inside a record; empty where there is none, as in databases of another make."""
    for step in path:
        try:
            record = record[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return record if isinstance(record, str) else ""
