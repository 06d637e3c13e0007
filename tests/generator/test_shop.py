"""The demo has what makes it worth looking at."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sessions.domain.events import EventInput
from sessions.generator.shop import visits

UNTIL = datetime(2026, 11, 25, 12, tzinfo=UTC)


def start(visit: list[EventInput]) -> datetime:
    assert visit[0].timestamp
    return visit[0].timestamp


def test_it_is_the_same_again() -> None:
    assert list(visits(1, UNTIL)) == list(visits(1, UNTIL)) != list(visits(2, UNTIL))


def test_it_is_worth_looking_at() -> None:
    found = list(visits(1, UNTIL))
    months = Counter(f"{start(visit):%Y-%m}" for visit in found)
    assert months["2025-12"] > 1.5 * months["2026-07"]
    sale = [visit for visit in found if "utm_campaign=spring_sale" in visit[0].url]
    assert {start(visit).month for visit in sale} == {3}
    visitors = Counter(visit[0].visitor_id for visit in found)
    assert 0.2 < sum(count > 1 for count in visitors.values()) / len(visitors) < 0.6
    reached = [
        sum(
            any(f"/{step}" in event.url or event.event_name == step for event in visit)
            for visit in found
        )
        for step in ("products", "add_to_cart", "checkout", "purchase")
    ]
    assert len(found) > reached[0] > 2 * reached[1] > 2 * reached[2] > 2 * reached[3] > 200


def test_every_visit_is_one_session_that_is_over() -> None:
    for visit in visits(1, UNTIL):
        moments = [event.timestamp for event in visit if event.timestamp]
        assert moments == sorted(moments)
        assert moments[-1] < UNTIL
        gaps = [after - before for before, after in pairwise(moments)]
        assert max(gaps, default=timedelta(0)) < timedelta(minutes=30)
