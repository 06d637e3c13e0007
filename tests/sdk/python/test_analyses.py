"""Analyses of the sessions of the running service."""

from datetime import date
from typing import Any

import pytest

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
