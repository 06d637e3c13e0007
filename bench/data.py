"""What there is to ask for: websites, common, rare and absent values, and deep positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import LiteralString, NamedTuple

from sessions.domain.dimensions import FILTERS
from sessions.domain.paging import Position
from sessions.domain.selection import Range
from sessions.domain.websites import Website
from sessions.storage import websites
from sessions.storage.database import Database

PAGE = 50
DEEP_PAGE = 1_000
LEVELS = ("common", "middling", "rare", "absent")
_ABSENT = "nowhere-to-be-found"
_MIDDLING_SHARE = 0.03
_TIMEOUT = 600.0


@dataclass(frozen=True)
class Data:
    """The largest and the smallest website, and what their sessions hold.

    Args:
        huge: the website with the most sessions.
        tiny: that with the fewest, but one at least.
        sessions: how many there are in all.
        events: how many events, likewise.
        last_day: the day of the newest session of all.
        values: per filter the values of the huge website, the most frequent first, with counts.
        ten_events: a session of the huge website that has ten events, or nearly.
    """

    huge: Website
    tiny: Website
    sessions: int
    events: int
    last_day: date
    values: Mapping[str, Sequence[tuple[str, int]]]
    ten_events: str

    def value(self, name: str, level: str) -> str:
        """A value of a filter that so many sessions have."""
        found = self.values[name]
        if level == "absent" or not found:
            return _ABSENT
        if level == "common":
            return found[0][0]
        if level == "rare":
            return found[-1][0]
        wanted = _MIDDLING_SHARE * sum(count for _, count in found)
        return min(found, key=lambda entry: abs(entry[1] - wanted))[0]

    def several(self, name: str, count: int) -> list[str]:
        """Values of a filter, from the most frequent to the rarest."""
        found = self.values[name]
        step = max(1, len(found) // count)
        return [value for value, _ in found[::step][:count]] or [_ABSENT]

    def days(self, count: int) -> tuple[str, str]:
        """First and last day of the newest so many days."""
        first = self.last_day - timedelta(days=count - 1)
        return first.isoformat(), self.last_day.isoformat()


async def look(url: str) -> Data | None:
    """What a database holds; None when it holds no session."""
    async with Database(url, pool_size=1, timeout=_TIMEOUT) as database:
        counts = await database.fetch(_COUNTS, {})
        if not counts:
            return None
        by_key = {website.key: website for website in await websites.list_all(database)}
        key = counts[0][0]
        return Data(
            huge=by_key[key],
            tiny=by_key[counts[-1][0]],
            sessions=sum(count for _, count, _ in counts),
            events=(await database.fetch("SELECT count(*) FROM events", {}))[0][0],
            last_day=max(day for _, _, day in counts),
            values={name: await _values(database, key, name) for name in FILTERS},
            ten_events=(await database.fetch(_TEN_EVENTS, {"key": key}))[0][0],
        )


_COUNTS: LiteralString = """
SELECT website_key, count(*), (max(started_at) AT TIME ZONE 'UTC')::date
  FROM sessions GROUP BY website_key ORDER BY 2 DESC"""

_TEN_EVENTS: LiteralString = """
SELECT 'sess_' || replace(session_id::text, '-', '')
  FROM sessions
 WHERE website_key = %(key)s AND pageviews + events <= 10
 ORDER BY pageviews + events DESC, session_id LIMIT 1"""

_VALUES: LiteralString = """
SELECT {column}, count(*)
  FROM sessions
 WHERE website_key = %(key)s AND NOT is_bot AND {column} <> ''
 GROUP BY 1 ORDER BY 2 DESC, 1"""


async def _values(database: Database, key: int, name: str) -> list[tuple[str, int]]:
    # Visited pages are stored as hashes; those that sessions begin with stand for them.
    column = "entry_page" if name == "page" else name
    query: LiteralString = _VALUES.replace("{column}", column)
    return [(str(value), int(count)) for value, count in await database.fetch(query, {"key": key})]


class DeepPosition(NamedTuple):
    """Where page 1,000 begins, or the middle of a list that is not so long."""

    position: Position
    page: int


async def deep_position(database: Database, website: Website, range_: Range) -> DeepPosition | None:
    """A position deep in the list without filters; None where the list is too short."""
    parameters = {"key": website.key, "since": range_.since, "until": range_.until}
    [(count,)] = await database.fetch(_COUNT, parameters)
    pages = min(DEEP_PAGE - 1, count // PAGE // 2)
    if not pages:
        return None
    [row] = await database.fetch(_NTH, parameters | {"offset": pages * PAGE - 1})
    return DeepPosition(Position(*row), pages + 1)


_RANGE: LiteralString = """
  FROM sessions
 WHERE website_key = %(key)s AND started_at >= %(since)s AND started_at < %(until)s
   AND NOT is_bot"""

_COUNT: LiteralString = f"SELECT count(*) {_RANGE}"

_NTH: LiteralString = f"""
SELECT started_at, session_id {_RANGE}
 ORDER BY started_at DESC, session_id DESC LIMIT 1 OFFSET %(offset)s"""
