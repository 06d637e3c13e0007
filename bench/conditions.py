"""Lists by expressions and journeys: the first page, and how long until 50 sessions are found."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from analytics_sessions.v1 import session_service_pb2 as messages
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions.storage.database import Database
from sessions.usecases.fold_blocks import FoldBlocks

from bench.data import PAGE, Data
from bench.figures import percentile
from bench.service import Service

_WINDOWS = (7, 90, 365)
_LEVELS = ("common", "rare", "absent")
# More pages are not read: a condition that nothing meets has few per second of looking.
_MOST_PAGES = 1_000


@dataclass(frozen=True)
class Case:
    """A condition, and how many sessions meet it."""

    kind: str
    level: str
    days: int
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Timing:
    """The first page in milliseconds, and all pages until 50 sessions were found, or the end."""

    case: Case
    first: tuple[float, ...]
    until_full: float
    pages: int
    rows: int

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        return {
            "kind": self.case.kind,
            "level": self.case.level,
            "days": self.case.days,
            "parameters": dict(self.case.parameters),
            "p50_ms": percentile(self.first, 50),
            "p95_ms": percentile(self.first, 95),
            "until_50_ms": self.until_full,
            "pages": self.pages,
            "rows": self.rows,
        }


def run(service: Service, repeats: int) -> list[Timing]:
    """Ask every case so often, over folded blocks."""
    asyncio.run(_fold(service))
    with service.worker() as stub:
        visitor = _list(service, stub, 7, {}).sessions[0].visitor_id
        return [_time(service, stub, case, repeats) for case in _cases(service.data, visitor)]


async def _fold(service: Service) -> None:
    async with Database(service.url, pool_size=2, timeout=0) as database:
        await FoldBlocks(database, lambda: datetime.now(UTC)).completely(service.data.huge.key)


def _cases(data: Data, visitor: str) -> Iterator[Case]:
    for level, days in product(_LEVELS, _WINDOWS):
        for kind, parameters in _conditions(data, visitor, level):
            yield Case(kind, level, days, parameters)


def _conditions(data: Data, visitor: str, level: str) -> Iterator[tuple[str, dict[str, Any]]]:
    page, city = data.value("page", level), data.value("city", level)
    common = data.several("page", 3)
    seconds = {"common": 60, "rare": 3_600, "absent": 86_400}[level]
    country = data.value("country", "common")
    # Of these, all but the most frequent country; few; none.
    negation = {
        "common": f'NOT country = "{country}"',
        "rare": "-page:* pageviews = 0",
        "absent": "NOT started_at >= 2000-01-01T00:00:00Z",
    }[level]
    steps = [f'page = "{each}"' for each in (common[0], common[-1], page)]
    yield "index", {"filter": f'city = "{city}" OR page:"{page}"'}
    yield "index and range", {"filter": f'city = "{city}" AND duration > 10s'}
    yield "contains, text", {"filter": f'city = "*{city[1:]}"'}
    yield "contains, pages", {"filter": f'page:"*{page[1:]}*"'}
    yield "range", {"filter": f"duration > {seconds}s"}
    yield "NOT", {"filter": negation}
    yield "visitor", {"filter": f'visitor_id = "{visitor if level != "absent" else level}"'}
    yield "journey of 2", {"journey": [steps[0], steps[2]]}
    yield "journey of 3", {"journey": [steps[0], steps[1], steps[2]]}
    yield "not a journey", {"not_journey": [steps[2]], "filter": f'city = "{city}"'}


def _time(service: Service, stub: SessionServiceStub, case: Case, repeats: int) -> Timing:
    first = []
    for _ in range(repeats):
        started = time.perf_counter()
        _list(service, stub, case.days, case.parameters)
        first.append((time.perf_counter() - started) * 1000)
    rows = pages = 0
    cursor, started = "", time.perf_counter()
    while rows < PAGE and pages < _MOST_PAGES:
        page = _list(service, stub, case.days, case.parameters, cursor)
        rows, pages, cursor = (
            rows + len(page.sessions),
            pages + 1,
            page.next_cursor.string_value,
        )
        if not cursor:
            break
    until_full = (time.perf_counter() - started) * 1000
    return Timing(case, tuple(first), until_full, pages, min(rows, PAGE))


def _list(
    service: Service,
    stub: SessionServiceStub,
    days: int,
    parameters: Mapping[str, Any],
    cursor: str = "",
) -> messages.ListSessionsResponse:
    start, end = service.data.days(days)
    asked = messages.ListSessionsRequest(
        website_id=service.data.huge.website_id,
        start_date=start,
        end_date=end,
        limit=PAGE,
        cursor=cursor,
        **parameters,
    )
    return stub.ListSessions(asked, metadata=service.credentials)


def rows_of(timings: Sequence[Timing]) -> list[list[str]]:
    """The rows of a table: one for each kind of condition and level, over all windows."""
    found: dict[tuple[str, str], list[Timing]] = {}
    for timing in sorted(timings, key=lambda timing: timing.case.kind):
        found.setdefault((timing.case.kind, timing.case.level), []).append(timing)
    return [
        [
            kind,
            level,
            *(
                f"{percentile(each.first, 95):.0f} / {each.until_full:.0f} / {each.pages}"
                for each in sorted(group, key=lambda each: each.case.days)
            ),
            str(max(each.rows for each in group)),
        ]
        for (kind, level), group in found.items()
    ]


HEADER = ["condition", "sessions", *(f"{days} days" for days in _WINDOWS), "rows"]
