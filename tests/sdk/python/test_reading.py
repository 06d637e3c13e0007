"""Sessions and their events, walked over many pages."""

import shlex
import subprocess
from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Any

import pytest
from analytics_sessions import Session, errors

from tests.sdk.conftest import LONG, ROOT, SESSIONS
from tests.sdk.python.clients import AnyClient

DAY: dict[str, Any] = {"start_date": "2026-03-03", "end_date": date(2026, 3, 3)}
VISITORS = [f"visitor-{number:03}" for number in reversed(range(SESSIONS))]
"""In the order of a list: newest first."""
GERMANS = VISITORS[4::5]


@pytest.fixture
def site(sdk_environment: dict[str, str]) -> str:
    return sdk_environment["SESSIONS_WEBSITE_ID"]


def visitors(sessions: Iterable[Session]) -> list[str]:
    return [session.visitor_id for session in sessions]


def test_all_sessions(client: AnyClient, site: str) -> None:
    assert visitors(client.sessions(site, **DAY)) == VISITORS


def test_walk_is_lazy(client: AnyClient, site: str) -> None:
    found = iter(client.sessions(site, **DAY))
    assert visitors(islice(found, 150)) == VISITORS[:150]
    client.close()
    assert visitors(islice(found, 50)) == VISITORS[150:200]
    with pytest.raises(errors.SessionsError, match="closed"):
        next(found)


def test_pages_have_cursors(client: AnyClient, site: str) -> None:
    pages = list(client.sessions(site, **DAY).pages())
    assert [len(page.items) for page in pages] == [100, 100, 50]
    assert [bool(page.next_cursor) for page in pages] == [True, True, False]
    assert pages[-1].next_cursor is None
    assert visitors(item for page in pages for item in page.items) == VISITORS


def test_walk_resumes(client: AnyClient, site: str) -> None:
    first = client.sessions(site, page_size=30, **DAY).page()
    assert visitors(first.items) == VISITORS[:30]
    rest = client.sessions(site, cursor=first.next_cursor, page_size=90, **DAY)
    assert visitors(rest) == VISITORS[30:]
    assert visitors(rest.page().items) == VISITORS[30:120]
    assert visitors(client.sessions(site, cursor=None, **DAY).page().items) == VISITORS[:100]


def test_events_are_timed(client: AnyClient, site: str) -> None:
    [long] = client.sessions(site, **DAY, filter_page="/products/1000")
    first = client.events(site, long.session_id, page_size=7).page()
    assert [event.time_on_page for event in first.items] == [1] * 6 + [0]
    assert not first.items[6].HasField("time_on_page")
    assert first.previous_view_time is None
    second = client.events(site, long.session_id, cursor=first.next_cursor).page()
    assert second.previous_view_time == 1


def test_walk_resumes_with_events(client: AnyClient, site: str) -> None:
    [long] = client.sessions(site, **DAY, filter_page="/products/1000")
    first = client.events(site, long.session_id, page_size=7).page()
    rest = client.events(site, long.session_id, cursor=first.next_cursor)
    urls = [event.url for event in [*first.items, *rest]]
    assert urls == [f"https://shop.example/products/{second}" for second in range(LONG)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter_country": "DE"}, GERMANS),
        ({"filter_country": ["FR", "de"]}, GERMANS),
        ({"filter_country": {"DE", "US"}}, VISITORS),
        ({"filter_country": "DE", "filter_page": "/products/3"}, ["visitor-000"]),
        ({"filter_utm_source": ""}, VISITORS),
        ({"filter_utm_source": "newsletter"}, []),
        ({"timezone": "Pacific/Auckland"}, [name for name in VISITORS if name < "visitor-180"]),
    ],
)
def test_filters_hold_on_all_pages(
    client: AnyClient, site: str, query: dict[str, Any], expected: list[str]
) -> None:
    assert visitors(client.sessions(site, **DAY, **query)) == expected


def test_dates_may_be_left_out(client: AnyClient, site: str) -> None:
    assert not list(client.sessions(site, start_date=None, end_date=None, timezone=None))


def test_session(client: AnyClient, site: str) -> None:
    listed = client.sessions(site, **DAY).page().items[0]
    assert client.session(site, listed.session_id) == listed
    assert listed.pageviews == 2


def test_events_over_pages(client: AnyClient, site: str) -> None:
    [long] = client.sessions(site, **DAY, filter_page="/products/1000")
    expected = [f"https://shop.example/products/{second}" for second in range(LONG)]
    events = list(client.events(site, long.session_id))
    assert [event.url for event in events] == expected
    times = [event.timestamp.ToMicroseconds() for event in events]
    assert times == sorted(times)


def test_walk_survives_restart(
    client: AnyClient, site: str, sdk_environment: dict[str, str]
) -> None:
    found = iter(client.sessions(site, **DAY))
    begun = visitors(islice(found, 100))
    subprocess.run(shlex.split(sdk_environment["SESSIONS_RESTART"]), cwd=ROOT, check=True)
    assert begun + visitors(found) == VISITORS
