"""GetSession: what an event shows, very long sessions page by page, and ids after a merge."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, permutations
from typing import Any

import pytest
from sessions.composition import Application
from sessions.domain.events import EventInput
from sessions.domain.websites import Website

from tests.support.clients import Grpc, Rest, Way

START = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)
DAYS = {"start_date": "2026-03-03", "end_date": "2026-03-03", "include_bots": True}
MIB = 1 << 20
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def view(seconds: float = 0, **more: Any) -> EventInput:
    moment = START + timedelta(seconds=seconds)
    sent: dict[str, Any] = {
        "event_type": "pageview",
        "timestamp": moment,
        "visitor_id": "anna",
        "url": "/",
    }
    return EventInput(**(sent | more))


def custom(seconds: float = 0, **more: Any) -> EventInput:
    moment = START + timedelta(seconds=seconds)
    sent: dict[str, Any] = {
        "event_type": "event",
        "timestamp": moment,
        "visitor_id": "anna",
        "event_name": "click",
    }
    return EventInput(**(sent | more))


async def record(application: Application, website: Website, sent: Sequence[EventInput]) -> None:
    """Record events by the one way in, in requests of a thousand."""
    for start in range(0, len(sent), 1_000):
        events = application.enricher.enrich_all(
            sent[start : start + 1_000],
            website_id=website.website_id,
            received_at=datetime.now(UTC),
        )
        await application.write_events(website, events)


def only_session(way: Way, website: Website, key: str) -> dict[str, Any]:
    """The one session of a website, as it is listed."""
    [session] = way.list_sessions(website.website_id, DAYS, key)["sessions"]
    assert isinstance(session, dict)
    return session


def read(way: Way, website: Website, key: str, session_id: str = "") -> dict[str, Any]:
    """A session that fits one page; the only one of the website unless named."""
    session_id = session_id or only_session(way, website, key)["session_id"]
    answer = way.get_session(website.website_id, session_id, {}, key)
    assert answer["next_events_cursor"] is None
    assert isinstance(answer, dict)
    return answer


def pages(
    way: Way, website: Website, key: str, session_id: str, events_limit: int = 0
) -> Iterator[list[dict[str, Any]]]:
    """All pages of a session's events."""
    cursor: str | None = ""
    first = None
    while cursor is not None:
        query = {"events_limit": events_limit, "events_cursor": cursor}
        answer = way.get_session(website.website_id, session_id, query, key)
        first = first or answer["session"]
        assert answer["session"] == first
        yield answer["events"]
        assert answer["next_events_cursor"] != cursor, "no way forward"
        cursor = answer["next_events_cursor"]


def untimed(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events but for the time on their page, which the next page of events can tell."""
    return [{n: value for n, value in each.items() if n != "time_on_page"} for each in events]


class TestEvents:
    """An event shows what was recorded, and no field that does not apply."""

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            (
                view(url="/a?b=c#d"),
                {"event_type": "pageview", "url": "/a?b=c#d", "page": "/a"},
            ),
            (view(url=""), {"event_type": "pageview"}),
            (
                view(referrer="https://Example.com/x y?ü"),
                {
                    "event_type": "pageview",
                    "url": "/",
                    "referrer": "https://Example.com/x y?ü",
                    "page": "/",
                },
            ),
            (custom(), {"event_type": "event", "event_name": "click"}),
            (
                custom(url="HTTPS://Shop.example/%2e%2E/ä", event_name=" kauft ein 🛒 "),
                {
                    "event_type": "event",
                    "event_name": " kauft ein 🛒 ",
                    "url": "HTTPS://Shop.example/%2e%2E/ä",
                },
            ),
            (
                view(event_data={"plan": "pro"}),
                {"event_type": "pageview", "url": "/", "event_data": {"plan": "pro"}, "page": "/"},
            ),
            (
                custom(event_data={}),
                {"event_type": "event", "event_name": "click", "event_data": {}},
            ),
            (
                view(
                    country="DE", user_agent=BOT, language="de", hostname="x.example", event_id="1"
                ),
                {"event_type": "pageview", "url": "/", "page": "/"},
            ),
        ],
    )
    async def test_fields_that_apply(
        self,
        application: Application,
        website: Website,
        way: Way,
        key: str,
        sent: EventInput,
        shown: dict[str, Any],
    ) -> None:
        await record(application, website, [sent])
        answer = read(way, website, key)
        assert answer["events"] == [{"timestamp": "2026-03-03T10:15:00Z", "offset": 0} | shown]
        assert set(answer) == {"session", "events", "next_events_cursor"}

    async def test_event_data_comes_back_as_it_was(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        deep: Any = "bottom"
        for level in range(15):
            deep = {"down": deep} if level % 2 else [deep]
        data = {
            "text": 'quote " backslash \\ slash / tab \t line \n ünï 日本 🛒 \u2028 \x01 \x7f',
            "": "empty key",
            "ключ 🔑": {"a.b": 1, "a/b": 2, "$a": 3, "@type": "not ours", "null": None},
            "numbers": [0, 1, -1, 0.1, 1e-7, 1.5e300, -2.5, 2**53, 123456789.123],
            "empty": [{}, [], "", None, True, False],
            "deep": deep,
            "null": None,
            "zebra": 1,
            "apple": 2,
        }
        await record(application, website, [custom(event_data=data)])
        [event] = read(way, website, key)["events"]
        assert event["event_data"] == data

    async def test_numbers_are_doubles(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        sent = {
            "big": 2**53 + 1,
            "huge": 2**64 - 1,
            "low": -(2**63),
            "tiny": 5e-324,
            "max": 1.7e308,
        }
        await record(application, website, [custom(event_data=sent)])
        [event] = read(way, website, key)["events"]
        assert event["event_data"] == {name: float(number) for name, number in sent.items()}

    async def test_moments_are_kept_to_the_microsecond(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        micros = [0, 1, 10, 999, 1_000, 500_000, 999_999]
        await record(application, website, [view(micro / 1e6) for micro in reversed(micros)])
        answer = read(way, website, key)
        moments = [event["timestamp"] for event in answer["events"]]
        assert [moment.removeprefix("2026-03-03T10:15:00") for moment in moments] == [
            *("Z", ".000001Z", ".000010Z", ".000999Z", ".001Z", ".500Z", ".999999Z")
        ]
        assert answer["session"]["started_at"] == "2026-03-03T10:15:00Z"
        assert answer["session"]["ended_at"] == "2026-03-03T10:15:00.999999Z"
        assert answer["session"]["duration"] == 0

    async def test_the_order_of_events_is_time_then_sequence_then_id(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        in_order = [
            view(0, sequence=5, event_id="z", url="/1"),
            view(1, sequence=-1, event_id="z", url="/2"),
            view(1, sequence=0, event_id="B", url="/3"),
            view(1, sequence=0, event_id="a", url="/4"),
            view(1, sequence=2, event_id="A", url="/5"),
            view(2, sequence=0, event_id="a", url="/6"),
        ]
        await record(application, website, in_order[::-1])
        answer = read(way, website, key)
        assert [event["url"] for event in answer["events"]] == [event.url for event in in_order]
        # A page that ends between equal timestamps goes on at the right place.
        session_id = answer["session"]["session_id"]
        for size in (1, 2, 3):
            found = list(pages(way, website, key, session_id, size))
            assert untimed(chain(*found)) == untimed(answer["events"])

    async def test_a_view_that_ends_on_the_next_page_of_events(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        sent = [view(0), custom(10), view(30.5, url="/a"), custom(40), custom(41.25)]
        await record(application, website, sent)
        answer = read(way, website, key)
        assert [e["offset"] for e in answer["events"]] == [0, 10, 30.5, 40, 41.25]
        assert [e.get("time_on_page") for e in answer["events"]] == [30.5, None, 10.75, None, None]
        ids = (website.website_id, answer["session"]["session_id"])
        query: dict[str, Any] = {"events_limit": 1}
        found = []
        for _ in sent:
            page = way.get_session(*ids, query, key)
            query["events_cursor"] = page["next_events_cursor"]
            found.append((page["events"][0].get("time_on_page"), page.get("previous_view_time")))
        assert found == [(None, each) for each in (None, None, 30.5, None, 10.75)]

    async def test_a_bot_can_be_read_by_its_id(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        await record(application, website, [view(user_agent=BOT)])
        website_id = website.website_id
        query = DAYS | {"include_bots": False}
        assert not way.list_sessions(website_id, query, key)["sessions"]
        answer = read(way, website, key)
        assert answer["session"]["is_bot"] is True

    async def test_the_session_is_the_one_of_the_list(
        self, application: Application, website: Website, way: Way, key: str
    ) -> None:
        sent = [view(0, country="de", city="Köln", url="/a?utm_source=x"), custom(90.5)]
        await record(application, website, sent)
        listed = only_session(way, website, key)
        assert read(way, website, key)["session"] == listed
        assert listed["duration"] == 90
        assert (listed["pageviews"], listed["events"], listed["is_bounce"]) == (1, 1, False)


class TestLongSessions:
    """Nothing is lost or doubled, however long a session is and wherever its pages end."""

    COUNT = 6_001

    @pytest.fixture
    async def session_id(
        self, application: Application, website: Website, rest: Rest, key: str
    ) -> str:
        """A session of a few thousand small events."""
        sent = [view(n / 10, url=f"/{n}") for n in range(self.COUNT)]
        await record(application, website, sent)
        found = only_session(rest, website, key)
        assert found["pageviews"] == self.COUNT
        return str(found["session_id"])

    async def test_pages_of_events(
        self, website: Website, session_id: str, rest: Rest, over_grpc: Grpc, key: str
    ) -> None:
        def walk(way: Way, size: int) -> list[int]:
            found = list(pages(way, website, key, session_id, size))
            assert [event["url"] for page in found for event in page] == [
                f"/{n}" for n in range(self.COUNT)
            ]
            return [len(page) for page in found]

        assert walk(rest, 0) == [1_000] * 6 + [1]
        assert walk(over_grpc, 0) == [1_000] * 6 + [1]
        assert walk(rest, 2_000) == [2_000] * 3 + [1]
        assert walk(rest, 6_001) == [5_000, 1_001]
        assert walk(over_grpc, 999_999) == [5_000, 1_001]
        # A page that is exactly full and the last one says so.
        assert walk(rest, 353) == [353] * 17

    @pytest.mark.parametrize(
        "large",
        [
            pytest.param(lambda n: {"url": f"/{n:05}" + "x" * 8_000}, id="urls"),
            pytest.param(
                lambda n: {"referrer": "https://a.example/" + "y" * 8_000}, id="referrers"
            ),
            pytest.param(
                # Compressed on disk to nearly nothing.
                lambda n: {"event_data": {"text": chr(97 + n % 26) * 30_000}},
                id="repetitive data",
            ),
            pytest.param(
                lambda n: {"event_data": {f"{n}-{k}": k * 0.123456789 for k in range(1_000)}},
                id="numeric data",
            ),
            pytest.param(lambda n: {"url": "/ü" + "日" * 2_500}, id="beyond ASCII"),
        ],
    )
    async def test_a_page_is_about_one_mebibyte(
        self,
        application: Application,
        website: Website,
        rest: Rest,
        over_grpc: Grpc,
        key: str,
        large: Callable[[int], dict[str, Any]],
    ) -> None:
        sent = [view(n, **({"url": f"/{n}"} | large(n))) for n in range(300)]
        for start in range(0, len(sent), 100):
            await record(application, website, sent[start : start + 100])
        session_id = only_session(rest, website, key)["session_id"]
        for way in (rest, over_grpc):
            found = list(pages(way, website, key, session_id, 5_000))
            events = [event for page in found for event in page]
            assert [event["url"] for event in events] == [each.url for each in sent]
            assert [event.get("event_data") for event in events] == [
                each.event_data for each in sent
            ]
            sizes = [len(json.dumps(page, ensure_ascii=False).encode()) for page in found]
            assert max(sizes) < 1.5 * MIB, sizes
            assert all(size > 0.5 * MIB for size in sizes[:-1]), sizes

    async def test_a_page_goes_on_after_the_last_event_seen(
        self, application: Application, website: Website, rest: Rest, key: str
    ) -> None:
        await record(application, website, [view(n * 10, url=f"/{n}") for n in range(10)])
        session_id = only_session(rest, website, key)["session_id"]
        ids = (website.website_id, session_id)
        first = rest.get_session(*ids, {"events_limit": 4}, key)
        assert [event["url"] for event in first["events"]] == ["/0", "/1", "/2", "/3"]
        await record(application, website, [view(5, url="/early"), view(55, url="/late")])
        query = {"events_cursor": first["next_events_cursor"]}
        answer = rest.get_session(*ids, query, key)
        urls = [event["url"] for event in answer["events"]]
        assert urls == ["/4", "/5", "/late", "/6", "/7", "/8", "/9"]
        assert answer["session"]["pageviews"] == 12


class TestMerges:
    """When late events join sessions, the id made first stays and every other one answers too."""

    @pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
    async def test_every_id_answers_with_the_survivor(
        self, application: Application, website: Website, way: Way, key: str, order: tuple[int, ...]
    ) -> None:
        ids: dict[int, str] = {}
        for place in order:  # 0, 40 and 80 minutes: three sessions
            await record(application, website, [view(place * 2_400, url=f"/{place}")])
            listed = way.list_sessions(website.website_id, DAYS, key)
            new = {each["session_id"] for each in listed["sessions"]} - set(ids.values())
            [ids[place]] = new
        for bridge in (20, 60):
            await record(application, website, [view(bridge * 60, url=f"/{bridge}")])
        survivor = ids[order[0]]
        session = only_session(way, website, key)
        assert (session["session_id"], session["pageviews"]) == (survivor, 5)
        for session_id in ids.values():
            answer = read(way, website, key, session_id)
            assert answer["session"] == session
            assert [e["url"] for e in answer["events"]] == ["/0", "/20", "/1", "/60", "/2"]
            found = list(pages(way, website, key, session_id, 2))
            assert untimed(chain(*found)) == untimed(answer["events"])
        assert len(set(ids.values())) == 3

    async def test_a_page_begun_before_a_merge_goes_on_after_it(
        self, application: Application, website: Website, rest: Rest, key: str
    ) -> None:
        await record(application, website, [view(n, url=f"/{n}") for n in range(2_000, 2_004)])
        session_id = only_session(rest, website, key)["session_id"]
        ids, query = (website.website_id, session_id), {"events_limit": 2}
        before = rest.get_session(*ids, query, key)
        # An older visit and a bridge to it: this id, made first, now stands for both.
        await record(application, website, [view(0, url="/0"), view(1_000, url="/1000")])
        query = {"events_cursor": before["next_events_cursor"]}
        after = rest.get_session(*ids, query, key)
        assert [event["url"] for event in after["events"]] == ["/2002", "/2003"]
        assert after["session"]["started_at"] == "2026-03-03T10:15:00Z"
        assert after["session"]["session_id"] == session_id
