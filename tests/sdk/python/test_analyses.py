"""Analyses of the sessions of the running service."""

from datetime import date
from typing import Any

import pytest
from analytics_sessions import BreakdownRow

from tests.sdk.conftest import LONG, SESSIONS
from tests.sdk.python.clients import AnyClient

DAY: dict[str, Any] = {"start_date": "2026-03-03", "end_date": date(2026, 3, 3)}


@pytest.fixture
def site(sdk_environment: dict[str, str]) -> str:
    return sdk_environment["SESSIONS_WEBSITE_ID"]


def test_summarize(client: AnyClient, site: str) -> None:
    found = client.summarize(site, **DAY)
    summary = found.summary
    assert (summary.sessions, summary.visitors, summary.bounces) == (SESSIONS, SESSIONS, 0)
    assert summary.pageviews == (SESSIONS - 1) * 2 + LONG
    assert (summary.HasField("bounce_rate"), summary.bounce_rate) == (True, 0)
    assert (summary.median_duration, summary.p90_duration) == (1, 1)
    assert not found.HasField("comparison")
    nobody = client.summarize(site, **DAY, filter_country="FR").summary
    assert (nobody.sessions, nobody.HasField("bounce_rate")) == (0, False)


def test_summarize_compares(client: AnyClient, site: str) -> None:
    found = client.summarize(
        site,
        start_date="2026-03-04",
        end_date="2026-03-04",
        compare="custom",
        compare_start_date=date(2026, 3, 1),
        compare_end_date="2026-03-03",
    )
    assert (found.summary.sessions, found.comparison.summary.sessions) == (0, SESSIONS)
    assert (found.comparison.start_date, found.comparison.end_date) == ("2026-03-01", "2026-03-03")


def test_summarize_is_checked(client: AnyClient, site: str) -> None:
    with pytest.raises(TypeError, match=r"summarize\(\) takes no argument colour"):
        client.summarize(site, colour="red")  # type: ignore[call-arg]


def test_time_series(client: AnyClient, site: str) -> None:
    found = client.time_series(site, **DAY, granularity="hour", goal='page = "/products/9"')
    assert [bucket.summary.sessions for bucket in found.buckets][8:13] == [60, 60, 60, 60, 10]
    assert len(found.buckets) == 24
    assert sum(bucket.summary.goal_sessions for bucket in found.buckets) == 1


def test_breakdown(client: AnyClient, site: str) -> None:
    found = client.breakdown(site, "country", limit=1, **DAY)
    assert [(*row.values, row.summary.sessions) for row in found.rows] == [("US", 200)]
    assert (found.other.summary.sessions, found.total.sessions) == (50, SESSIONS)
    pages = client.breakdown(site, ["page", "country"], limit=2, page_times=True, **DAY)
    assert [tuple(row.values) for row in pages.rows] == [
        ("/products/0", "US"),
        ("/products/1", "US"),
    ]
    assert [row.views for row in pages.rows] == [200, 200]
    assert [row.measured_views for row in pages.rows] == [200, 0]
    assert not pages.rows[1].HasField("avg_time")


def test_drill_down(client: AnyClient, site: str) -> None:
    query: dict[str, Any] = {**DAY, "filter_page": "/products/1", "filter": "pageviews < 100"}
    for row in client.breakdown(site, ["country"], **query).rows:
        found = list(client.sessions_of(site, row, query))
        assert len(found) == row.summary.sessions > 0
        assert {session.country for session in found} == set(row.values)
    for bucket in client.time_series(site, **query, granularity="hour").buckets[7:9]:
        assert len(list(client.sessions_of(site, bucket, query))) == bucket.summary.sessions
    other = client.breakdown(site, "page", limit=1, **DAY).other
    assert len(list(client.sessions_of(site, other, DAY))) == other.summary.sessions > 0
    with pytest.raises(ValueError, match="carries no filter"):
        client.sessions_of(site, BreakdownRow(), DAY)


def test_funnel(client: AnyClient, site: str) -> None:
    steps = ['page = "/products/0"', 'page = "/products/1"']
    found = client.funnel(site, steps, dimension="country", limit=1, **DAY)
    assert [step.reached for step in found.steps] == [SESSIONS, SESSIONS]
    assert [(row.value, row.steps[1].reached) for row in found.rows] == [("US", 200)]
    assert (found.other[1].reached, found.steps[1].median_seconds_from_previous) == (50, 1)
    assert not found.HasField("is_complete")
    assert client.funnel(site, steps, unit="visitor", window=60, **DAY).is_complete


def test_flows(client: AnyClient, site: str) -> None:
    found = client.flows(site, **DAY, depth=2, width=1, items="both")
    assert [(n.item.page, n.sessions, n.ended, n.truncated) for n in found.nodes] == [
        ("", SESSIONS, 0, 0),
        ("/products/0", SESSIONS, 0, 0),
        ("/products/1", SESSIONS, SESSIONS - 1, 1),
    ]


def test_transitions(client: AnyClient, site: str) -> None:
    found = client.transitions(site, "/products/1", **DAY)
    assert (found.views, found.entries, found.exits) == (SESSIONS, 0, SESSIONS - 1)
    assert [(row.page, row.views) for row in found.next] == [("/products/2", 1)]


def test_cohorts(client: AnyClient, site: str) -> None:
    [cohort] = client.cohorts(site, **DAY, granularity="day").cohorts
    assert (cohort.visitors, [period.returned for period in cohort.periods]) == (250, [250])


def test_patterns(client: AnyClient, site: str) -> None:
    found = client.patterns(site, **DAY, length=2, goal='page = "/products/2"')
    [pattern] = found.patterns
    assert [item.page for item in pattern.items] == ["/products/0", "/products/1"]
    assert (pattern.sessions, pattern.with_goal.sessions, found.is_exact) == (SESSIONS, 1, True)


def test_drill_down_into_behaviour(client: AnyClient, site: str) -> None:
    query: dict[str, Any] = {**DAY, "filter_country": "DE"}
    steps = ['page = "/products/1"', 'page = "/products/2"']
    first, second = client.funnel(site, steps, **query).steps
    assert len(list(client.sessions_of(site, first.reached_sessions, query))) == first.reached
    assert len(list(client.sessions_of(site, second.dropped_sessions, query))) == second.dropped
    strict = client.funnel(site, steps, order="strict", **query).steps[0]
    assert strict.reached_sessions.cell
    assert len(list(client.sessions_of(site, strict.reached_sessions, query))) == strict.reached
    for node in client.flows(site, **query).nodes:
        assert len(list(client.sessions_of(site, node, query))) == node.sessions
