"""Every way to go wrong, over REST and over gRPC: the right code, the reason, the field, one shape.

The shape itself, and that nothing internal shows in it, is checked in `clients` for every error
that any test here meets.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.cursors import CursorSigner
from sessions.domain.dimensions import FILTERS
from sessions.domain.events import EventInput
from sessions.domain.session_ids import format_session_id
from sessions.settings import Settings

from tests.support.clients import Failure, Grpc, Query, Refused, Rest, Way, rest_failure
from tests.support.stack import Stack

DAYS = {"start_date": "2026-03-03", "end_date": "2026-03-04"}
COUNTRIES = ["US", "US", "DE", "DE"]
UNKNOWN_SESSION = format_session_id(UUID(int=1))

BAD_DATES = [
    *("yesterday", "2026-02-30", "2026-13-01", "20260203", "2026-2-3", "26-02-03", " 2026-02-03"),
    *("2026-02-03T00:00:00Z", "٢٠٢٦-٠٢-٠٣", "0000-00-00", "-2026-02-03"),
    *("1999-12-31", "2101-01-01", "9999-12-31"),
]
BAD_ZONES = [
    *("../../etc/passwd", "/etc/localtime", "localtime", "Factory", "posixrules", "europe/berlin"),
    *("Europe/Atlantis", "Europe", "UTC+1", "+01:00", "UTC ", "CET-1CEST"),
]


@dataclass(frozen=True)
class World:
    """A website with four sessions, one long, another website, and keys of all kinds."""

    website_id: str
    other_id: str
    session_id: str
    other_session_id: str
    key: str
    bound_key: str
    writing_key: str
    expired_key: str
    revoked_key: str


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """What the requests of these tests are about."""

    async def build() -> World:
        async with open_application(stack.database_url, Settings()) as application:
            return await _build(application)

    return asyncio.run(build())


async def _build(application: Application) -> World:
    websites, keys = application.websites, application.api_keys
    one, other = [await websites.get(await websites.create(name)) for name in ("one", "other")]
    for website in (one, other):
        sent = [_view(f"visitor-{n}", n, country) for n, country in enumerate(COUNTRIES)]
        sent += [_view("visitor-0", 0, "US", second) for second in range(1, 4)]
        now = datetime.now(UTC)
        events = application.enricher.enrich_all(
            sent, website_id=website.website_id, received_at=now
        )
        await application.write_events(website, events)
    query = (
        "SELECT session_id FROM sessions WHERE website_key = %(key)s AND visitor_id = 'visitor-0'"
    )
    ids = [
        format_session_id(
            (await application.pools.requests.fetch(query, {"key": website.key}))[0][0]
        )
        for website in (one, other)
    ]
    past = datetime.now(UTC) - timedelta(seconds=1)
    read = [Scope.SESSIONS_READ]
    world = World(
        website_id=one.website_id,
        other_id=other.website_id,
        session_id=ids[0],
        other_session_id=ids[1],
        key=await keys.create("reads", read),
        bound_key=await keys.create("bound", read, website_id=one.website_id),
        writing_key=await keys.create("writes", [Scope.EVENTS_WRITE]),
        expired_key=await keys.create("expired", read, expires_at=past),
        revoked_key=await keys.create(f"revoked, once for {one.website_id}", read),
    )
    [revoked] = [key for key in await keys.list_all() if one.website_id in key.name]
    await keys.revoke(revoked.key_id)
    return world


def _view(visitor_id: str, hour: int, country: str, second: int = 0) -> EventInput:
    moment = datetime(2026, 3, 3, hour, 0, second, tzinfo=UTC)
    return EventInput(
        event_type="pageview",
        timestamp=moment,
        visitor_id=visitor_id,
        url=f"/{second}",
        country=country,
    )


def invalid(failure: Failure, field: str, reason: str = "INVALID_FIELD") -> bool:
    """Whether a failure says that one field is wrong."""
    assert failure.message.startswith(f"{field}: ")
    return (failure.code, failure.reason, failure.fields) == ("INVALID_ARGUMENT", reason, [field])


class TestParameters:
    """A value that is not allowed is refused by the name of its field."""

    @pytest.mark.parametrize("text", BAD_DATES)
    @pytest.mark.parametrize("field", ["start_date", "end_date"])
    def test_bad_date(self, way: Way, world: World, field: str, text: str) -> None:
        assert invalid(way.failure(world.website_id, {field: text}, world.key), field)

    def test_start_after_end(self, way: Way, world: World) -> None:
        query = {"start_date": "2026-03-05", "end_date": "2026-03-04"}
        assert invalid(way.failure(world.website_id, query, world.key), "start_date")

    @pytest.mark.parametrize("zone", BAD_ZONES)
    def test_bad_zone(self, way: Way, world: World, zone: str) -> None:
        assert invalid(way.failure(world.website_id, {"timezone": zone}, world.key), "timezone")

    @pytest.mark.parametrize("limit", [-1, -(2**31)])
    def test_negative_limit(self, way: Way, world: World, limit: int) -> None:
        assert invalid(way.failure(world.website_id, {"limit": limit}, world.key), "limit")

    def test_negative_events_limit(self, way: Way, world: World) -> None:
        ids = (world.website_id, world.session_id)
        failure = way.session_failure(*ids, {"events_limit": -1}, world.key)
        assert invalid(failure, "events_limit")

    @pytest.mark.parametrize("name", FILTERS)
    def test_too_many_values_of_a_filter(self, way: Way, world: World, name: str) -> None:
        query = {f"filter_{name}": [str(number) for number in range(101)]}
        assert invalid(way.failure(world.website_id, query, world.key), f"filter_{name}")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("limit", value) for value in ("abc", "1.5", "ten", "99999999999")),
            *(("include_bots", value) for value in ("maybe", "2", "")),
            *((name, "1") for name in ("nope", "filter_nope", "Limit", "start", "events_limit")),
        ],
    )
    def test_wrong_type_or_unknown(self, rest: Rest, world: World, field: str, value: str) -> None:
        failure = rest.failure(world.website_id, {field: value}, world.key)
        assert invalid(failure, field, "MALFORMED_REQUEST")

    @pytest.mark.parametrize(
        ("field", "value"), [("events_limit", "abc"), ("nope", "1"), ("limit", "1")]
    )
    def test_wrong_type_or_unknown_of_a_session(
        self, rest: Rest, world: World, field: str, value: str
    ) -> None:
        ids = (world.website_id, world.session_id)
        failure = rest.session_failure(*ids, {field: value}, world.key)
        assert invalid(failure, field, "MALFORMED_REQUEST")


class TestRoutes:
    """A path, verb or method that is not there."""

    @pytest.mark.parametrize(
        "path",
        [
            *("/", "/api", "/api/", "/api/websites", "/api/websites/site_a1", "/nope", "/healthz2"),
            *("/api/websites/site_a1/session", "/api/websites/site_a1/sessions/sess_1/events"),
            *("/analytics.sessions.v1.SessionService/Nope", "/stats", "/ready"),
        ],
    )
    def test_unknown_path(self, rest: Rest, world: World, path: str) -> None:
        with pytest.raises(Refused) as caught:
            rest.get(path, {}, world.key)
        failure = caught.value.failure
        assert (failure.code, failure.reason) == ("NOT_FOUND", "ROUTE_NOT_FOUND")

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_wrong_verb(self, stack: Stack, world: World, method: str) -> None:
        path = f"/api/websites/{world.website_id}/sessions"
        failure = rest_failure(stack.request(path, key=world.key, method=method))
        assert (failure.code, failure.reason) == ("NOT_FOUND", "ROUTE_NOT_FOUND")

    @pytest.mark.parametrize(
        "method",
        [
            "/analytics.sessions.v1.SessionService/Nope",
            "/analytics.sessions.v1.NopeService/ListSessions",
            "/analytics.sessions.v2.SessionService/ListSessions",
            "/nope/nope",
        ],
    )
    def test_unknown_method(self, over_grpc: Grpc, world: World, method: str) -> None:
        with pytest.raises(Refused) as caught:
            over_grpc.call(method, b"", world.key)
        failure = caught.value.failure
        assert (failure.code, failure.reason) == ("UNIMPLEMENTED", "ROUTE_NOT_FOUND")

    @pytest.mark.parametrize("method", ["ListSessions", "GetSession"])
    @pytest.mark.parametrize(
        "raw",
        [b"\xff", b"\x0a\xff", b"\x0a\x05ab", b"\x0a\x01\xff", b"\x12\x04\xf0\x28\x8c\x28", b"{}"],
        ids=repr,
    )
    def test_undecodable_request(
        self, over_grpc: Grpc, world: World, method: str, raw: bytes
    ) -> None:
        with pytest.raises(Refused) as caught:
            over_grpc.call(method, raw, world.key)
        assert invalid(caught.value.failure, "request", "MALFORMED_REQUEST")


class TestKeys:
    """The key is looked at before anything else."""

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("missing", "CREDENTIALS_MISSING"),
            ("unknown", "CREDENTIALS_INVALID"),
            ("expired", "KEY_EXPIRED"),
            ("revoked", "KEY_REVOKED"),
        ],
    )
    def test_key_is_not_valid(self, way: Way, world: World, kind: str, reason: str) -> None:
        keys = {"unknown": f"{world.key}x", "expired": world.expired_key}
        key = (keys | {"revoked": world.revoked_key}).get(kind)
        for website_id in (world.website_id, "site_a1", "nonsense"):
            for query in ({}, {"limit": -1}, {"cursor": "nonsense"}):
                failure = way.failure(website_id, query, key)
                assert (failure.code, failure.reason) == ("UNAUTHENTICATED", reason)
            failure = way.session_failure(website_id, "nonsense", {}, key)
            assert (failure.code, failure.reason) == ("UNAUTHENTICATED", reason)

    def test_nobody_learns_the_routes_without_a_key(self, rest: Rest, over_grpc: Grpc) -> None:
        for path in ("/api/websites/site_a1", "/api/nope"):
            with pytest.raises(Refused) as caught:
                rest.get(path, {"nope": 1}, None)
            assert caught.value.failure.code == "UNAUTHENTICATED"
        with pytest.raises(Refused) as caught:
            over_grpc.call("Nope", b"\xff", None)
        assert caught.value.failure.code == "UNAUTHENTICATED"

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token {key}", "{key}", "Bearer{key}"]
    )
    def test_header_is_no_bearer(self, stack: Stack, world: World, header: str) -> None:
        path = f"/api/websites/{world.website_id}/sessions"
        headers = {"Authorization": header.format(key=world.key)}
        reply = stack.request(path, headers=headers)
        failure = rest_failure(reply)
        assert (failure.code, failure.reason) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
        assert reply.headers["www-authenticate"] == "Bearer"

    def test_scope_is_missing(self, way: Way, world: World) -> None:
        for website_id in (world.website_id, "site_a1", "nonsense"):
            failure = way.failure(website_id, {}, world.writing_key)
            assert (failure.code, failure.reason) == ("PERMISSION_DENIED", "SCOPE_MISSING")

    def test_key_is_for_another_website(self, way: Way, world: World) -> None:
        assert way.list_sessions(world.website_id, DAYS, world.bound_key)["sessions"]
        for website_id in (world.other_id, "site_a1", "nonsense", world.website_id.upper()):
            for query in ({}, {"limit": -1}):
                failure = way.failure(website_id, query, world.bound_key)
                expected = ("PERMISSION_DENIED", "WEBSITE_FORBIDDEN")
                assert (failure.code, failure.reason) == expected
            failure = way.session_failure(website_id, world.other_session_id, {}, world.bound_key)
            assert (failure.code, failure.reason) == ("PERMISSION_DENIED", "WEBSITE_FORBIDDEN")


class TestIds:
    """An id of sensible form that nothing has is not found; nonsense is refused."""

    @pytest.mark.parametrize("website_id", ["site_abc123", "site_0000000000", "site_ABC"])
    def test_unknown_website(self, way: Way, world: World, website_id: str) -> None:
        for failure in (
            way.failure(website_id, {}, world.key),
            way.session_failure(website_id, world.session_id, {}, world.key),
        ):
            assert (failure.code, failure.reason) == ("NOT_FOUND", "WEBSITE_NOT_FOUND")
            assert website_id in failure.message

    @pytest.mark.parametrize(
        "website_id",
        ["nonsense", "site_", "site_a-b", "site_ä", "1", "site_a1 ", "site_" + "a" * 99],
    )
    def test_nonsense_website(self, way: Way, world: World, website_id: str) -> None:
        assert invalid(way.failure(website_id, {}, world.key), "website_id")
        failure = way.session_failure(website_id, world.session_id, {}, world.key)
        assert invalid(failure, "website_id")

    @pytest.mark.parametrize(
        "session_id", ["sess_xyz789", UNKNOWN_SESSION, UNKNOWN_SESSION[:-1], "sess_ABC"]
    )
    def test_unknown_session(self, way: Way, world: World, session_id: str) -> None:
        failure = way.session_failure(world.website_id, session_id, {}, world.key)
        assert (failure.code, failure.reason) == ("NOT_FOUND", "SESSION_NOT_FOUND")
        assert session_id in failure.message

    def test_session_of_another_website(self, way: Way, world: World) -> None:
        ids = (world.website_id, world.other_session_id)
        failure = way.session_failure(*ids, {}, world.key)
        assert (failure.code, failure.reason) == ("NOT_FOUND", "SESSION_NOT_FOUND")

    @pytest.mark.parametrize("session_id", ["nonsense", "sess_", "sess_ä", "sess_a b", "1"])
    def test_nonsense_session(self, way: Way, world: World, session_id: str) -> None:
        failure = way.session_failure(world.website_id, session_id, {}, world.key)
        assert invalid(failure, "session_id")


QUERY = {**DAYS, "filter_country": ["US", "DE"], "limit": 1}
"""A list of more than one page."""


@pytest.fixture(scope="module")
def cursor(rest: Rest, world: World) -> str:
    """The cursor of its second page."""
    answer = rest.list_sessions(world.website_id, QUERY, world.key)["next_cursor"]
    assert isinstance(answer, str)
    return answer


@pytest.fixture(scope="module")
def events_cursor(rest: Rest, world: World) -> str:
    """The cursor of the second page of a session's events."""
    ids = (world.website_id, world.session_id)
    answer = rest.get_session(*ids, {"events_limit": 2}, world.key)["next_events_cursor"]
    assert isinstance(answer, str)
    return answer


class TestCursors:
    """A cursor is good for its own query only, exactly as it was given."""

    def test_altered(self, way: Way, world: World, cursor: str) -> None:
        for altered in alterations(cursor):
            failure = way.failure(world.website_id, {**QUERY, "cursor": altered}, world.key)
            assert invalid(failure, "cursor", "INVALID_CURSOR"), altered

    def test_altered_events_cursor(self, way: Way, world: World, events_cursor: str) -> None:
        ids = (world.website_id, world.session_id)
        for altered in alterations(events_cursor):
            failure = way.session_failure(*ids, {"events_cursor": altered}, world.key)
            assert invalid(failure, "events_cursor", "INVALID_CURSOR"), altered

    def test_foreign(self, way: Way, world: World, cursor: str, events_cursor: str) -> None:
        foreign = CursorSigner({1: b"somebody else's key"}).seal(b"x" * 40, b"")
        for text in (foreign, events_cursor, "eyJpZCI6MTIzNDU2fQ=="):
            failure = way.failure(world.website_id, {**QUERY, "cursor": text}, world.key)
            assert invalid(failure, "cursor", "INVALID_CURSOR")
        for text in (foreign, cursor):
            ids = (world.website_id, world.session_id)
            failure = way.session_failure(*ids, {"events_cursor": text}, world.key)
            assert invalid(failure, "events_cursor", "INVALID_CURSOR")

    @pytest.mark.parametrize(
        "change",
        [
            {"start_date": "2026-03-02"},
            {"start_date": ""},
            {"end_date": "2026-03-05"},
            {"timezone": "UTC"},
            {"timezone": "Europe/Berlin"},
            {"include_bots": True},
            {"filter_country": []},
            {"filter_country": ["US"]},
            {"filter_country": ["US", "DE", "FR"]},
            {"filter_country": ["US", "DE", ""]},
            *({f"filter_{name}": ["x"]} for name in FILTERS),
        ],
        ids=str,
    )
    def test_of_another_query(self, way: Way, world: World, cursor: str, change: Query) -> None:
        changed = {**QUERY, **change, "cursor": cursor}
        failure = way.failure(world.website_id, changed, world.key)
        assert invalid(failure, "cursor", "INVALID_CURSOR")

    def test_of_another_website(self, way: Way, world: World, cursor: str) -> None:
        failure = way.failure(world.other_id, {**QUERY, "cursor": cursor}, world.key)
        assert invalid(failure, "cursor", "INVALID_CURSOR")

    def test_of_another_session(
        self, way: Way, rest: Rest, world: World, events_cursor: str
    ) -> None:
        sessions = rest.list_sessions(world.website_id, DAYS, world.key)["sessions"]
        others = {each["session_id"] for each in sessions} - {world.session_id}
        for website_id, session_id in (
            *((world.website_id, each) for each in others),
            (world.other_id, world.other_session_id),
        ):
            query = {"events_cursor": events_cursor}
            failure = way.session_failure(website_id, session_id, query, world.key)
            assert invalid(failure, "events_cursor", "INVALID_CURSOR")

    @pytest.mark.parametrize(
        "change",
        [
            {"limit": 2},
            {"limit": 100},
            {"limit": 0},
            {"filter_country": ["DE", "US"]},
            {"filter_country": ["US", "DE", "US", "DE"]},
            {"filter_country": ["us", "de"]},
            {"include_bots": False},
        ],
        ids=str,
    )
    def test_of_the_same_query_in_other_words(
        self, way: Way, world: World, cursor: str, change: Query
    ) -> None:
        first = way.list_sessions(world.website_id, {**QUERY, "limit": 100}, world.key)["sessions"]
        changed = {**QUERY, **change, "cursor": cursor}
        rest = way.list_sessions(world.website_id, changed, world.key)["sessions"]
        limit = changed["limit"] or 50
        assert rest == first[1 : 1 + limit]
        assert len(first) == len(COUNTRIES)


def alterations(cursor: str) -> Sequence[str]:
    """The cursor with each character changed, cut short, made longer, spelt differently."""
    flipped = [
        cursor[:n] + ("A" if char != "A" else "B") + cursor[n + 1 :]
        for n, char in enumerate(cursor)
    ]
    # The last character carries bits that stand for nothing.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    flipped += [cursor[:-1] + char for char in alphabet if char != cursor[-1]]
    cut = [cursor[:-1], cursor[:-4], cursor[4:], cursor[:8], "A", "AA", "AAAA"]
    longer = [cursor + "A", cursor + "AAAA", cursor + cursor, cursor * 100]
    spelt = [cursor + "=", cursor + "==", cursor + " ", " " + cursor, cursor + "\n", "é" + cursor]
    return [*flipped, *cut, *longer, *spelt, cursor.swapcase(), "null", "[]", "%00"]
