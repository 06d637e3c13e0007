"""The matrix of queries: every kind of filter, over every window, on every kind of website."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

from analytics_sessions.v1 import session_service_pb2 as messages
from sessions.composition import Application, open_application
from sessions.domain.cursors import PageKey
from sessions.domain.dimensions import FILTERS
from sessions.domain.selection import SelectionQuery, day_range, select
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.usecases.list_sessions import cursor_identity

from bench.data import LEVELS, PAGE, Data, DeepPosition, deep_position

WINDOWS = (1, 7, 30, 90, 365)
_CONJUNCTIONS = 6
"""Random ones, of each size from 2 to 5."""
_SEVERAL = 5


@dataclass(frozen=True)
class Filters:
    """What is filtered by: a kind of query, and one query of it."""

    kind: str
    name: str
    values: Mapping[str, Sequence[str]]
    include_bots: bool = False


@dataclass(frozen=True)
class Case:
    """One query of the matrix."""

    filters: Filters
    site: str
    days: int
    page: str
    request: messages.ListSessionsRequest

    @property
    def name(self) -> str:
        """What tells it from the others, the same for all data."""
        return f"{self.filters.name}, {self.days} days, {self.page} page, {self.site} website"


def all_filters(data: Data) -> list[Filters]:
    """Every kind of filter with values that are found in the data."""
    return [
        Filters("no filter", "no filter", {}),
        Filters("bots too", "bots too", {}, include_bots=True),
        *_single(data),
        *_conjunctions(data),
    ]


def _single(data: Data) -> Iterator[Filters]:
    for name in FILTERS:
        for level in LEVELS:
            values = {name: [data.value(name, level)]}
            yield Filters(f"one filter, {level} value", f"{level} {name}", values)
        yield Filters("one filter, empty value", f"no {name}", {name: [""]})
        several = {name: data.several(name, _SEVERAL)}
        yield Filters("one filter, several values", f"several {name}", several)


def _conjunctions(data: Data) -> Iterator[Filters]:
    chance = random.Random(1)  # noqa: S311 - the same queries every time
    for size, number in product(range(2, 6), range(_CONJUNCTIONS)):
        levels = {
            name: chance.choices(LEVELS, weights=(4, 4, 1, 0))[0]
            for name in chance.sample(FILTERS, size)
        }
        values = {name: [data.value(name, level)] for name, level in levels.items()}
        name = " and ".join(f"{level} {name}" for name, level in levels.items())
        bots = number % 2 == 1
        yield Filters(f"{size} filters", f"{name}, bots too" if bots else name, values, bots)


def request(
    data: Data, website: Website, filters: Filters, days: int, *, limit: int = PAGE
) -> messages.ListSessionsRequest:
    """The first page of a query."""
    start, end = data.days(days)
    found = messages.ListSessionsRequest(
        website_id=website.website_id,
        start_date=start,
        end_date=end,
        limit=limit,
        include_bots=filters.include_bots,
    )
    for name, values in filters.values.items():
        getattr(found, f"filter_{name}").extend(values)
    return found


async def cases(url: str, data: Data) -> list[Case]:
    """All of them, in an order that is random but always the same."""
    found: list[Case] = []
    sites = {"huge": data.huge, "tiny": data.tiny}
    everything = all_filters(data)
    async with open_application(url, Settings()) as application:
        for (site, website), days in product(sites.items(), WINDOWS):
            start = await _deep_position(application, data, website, days)
            for filters in everything:
                first = request(data, website, filters, days)
                found.append(Case(filters, site, days, "first", first))
                if start:
                    deep = _at(application, first, filters, start)
                    found.append(Case(filters, site, days, "deep", deep))
    random.Random(2).shuffle(found)  # noqa: S311
    return found


async def deep_request(url: str, data: Data, days: int) -> tuple[messages.ListSessionsRequest, int]:
    """Page 1,000 of the huge website's list, or the middle one of a shorter list; and its number.

    Raises:
        RuntimeError: there is one page only.
    """
    filters = Filters("", "", {})
    first = request(data, data.huge, filters, days)
    async with open_application(url, Settings()) as application:
        start = await _deep_position(application, data, data.huge, days)
        if start is None:
            raise RuntimeError("there are too few sessions for a second page")
        return _at(application, first, filters, start), start.page


async def _deep_position(
    application: Application, data: Data, website: Website, days: int
) -> DeepPosition | None:
    range_ = day_range(*data.days(days), "", datetime.now(UTC))
    return await deep_position(application.pools.requests, website, range_)


def _at(
    application: Application,
    first: messages.ListSessionsRequest,
    filters: Filters,
    start: DeepPosition,
) -> messages.ListSessionsRequest:
    """The query from a position on, by a cursor such as the service itself would have sealed."""
    query = SelectionQuery(
        website_id=first.website_id,
        start_date=first.start_date,
        end_date=first.end_date,
        include_bots=filters.include_bots,
        filters=filters.values,
    )
    selection = select(query, datetime.now(UTC))
    payload = PageKey(selection.range, start.position).pack()
    deep = messages.ListSessionsRequest()
    deep.CopyFrom(first)
    deep.cursor = application.list_sessions._cursors.seal(payload, cursor_identity(selection))
    return deep
