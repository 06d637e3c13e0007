"""Nothing that is misspelt is sent, or left out in silence."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from analytics_sessions import Event, Query, errors
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorRequest

from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server

FIELDS = ListSessionsRequest.DESCRIPTOR.fields
WALK = {"website_id", "cursor", "limit"}


def values(field: Any) -> Any:
    """Something for a field of ListSessionsRequest."""
    if field.is_repeated:
        return [field.name, ""]
    return {"include_bots": True, "start_date": date(2026, 3, 3)}.get(field.name, field.name)


def test_every_parameter_is_there() -> None:
    assert set(Query.__annotations__) == {field.name for field in FIELDS} - WALK


def test_query_is_checked_against_the_contract(connect: Connect, server: Server) -> None:
    query = {field.name: values(field) for field in FIELDS if field.name not in WALK}
    assert not list(connect(server.address, "key").sessions("site", **query))
    expected = query | {"start_date": "2026-03-03", "website_id": "site", "limit": 100}
    assert server.calls[0].request == ListSessionsRequest(**expected)


def test_one_value_is_one_value(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    for one in ("US", ["US"], ("US",), {"US"}, iter(["US"])):
        list(client.sessions("site", filter_country=one))
    assert {tuple(call.request.filter_country) for call in server.calls} == {("US",)}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"country": "US"}, TypeError),
        ({"filter_contry": "US"}, TypeError),
        ({"filter_os": None}, TypeError),
        ({"filter_os": [None]}, TypeError),
        ({"filter_os": b"iOS"}, TypeError),
        ({"filter_os": 3}, TypeError),
        ({"filter_os": []}, ValueError),
        ({"filter": 3}, TypeError),
        ({"filter": ["country = US"]}, TypeError),
        ({"journey": None}, TypeError),
        ({"journey": []}, ValueError),
        ({"start_date": 20260303}, TypeError),
        ({"include_bots": "false"}, TypeError),
        ({"limit": 10}, TypeError),
    ],
)
def test_query_is_checked(connect: Connect, query: dict[str, Any], error: type[Exception]) -> None:
    client = connect("http://127.0.0.1:1", "key")
    with pytest.raises(error):
        client.sessions("site", **query)


def test_filter_and_journey(client: AnyClient, sdk_environment: dict[str, str]) -> None:
    website = sdk_environment["SESSIONS_WEBSITE_ID"]
    steps = ["page = /products/0", "page = /products/2"]
    queries: list[tuple[int, Query]] = [
        (49, {"filter": "country = DE AND pageviews < 3"}),
        (1, {"journey": steps, "not_journey": "event:*"}),
        (249, {"not_journey": steps}),
    ]
    for count, query in queries:
        day = Query(start_date="2026-03-03", end_date="2026-03-03")
        assert len(list(client.sessions(website, **(day | query)))) == count
    with pytest.raises(errors.InvalidArgument) as caught:
        client.sessions(website, filter="country == DE").page()
    assert caught.value.fields == (("filter", "at character 10: found '=', expected a value"),)


MIDNIGHT = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "timezone", "sent"),
    [
        (date(2026, 3, 3), None, "2026-03-03"),
        ("2026-03-03", None, "2026-03-03"),
        (MIDNIGHT, None, "2026-03-03"),
        (MIDNIGHT, "Europe/Berlin", "2026-03-04"),
        (MIDNIGHT, ZoneInfo("Europe/Berlin"), "2026-03-04"),
        (MIDNIGHT.astimezone(ZoneInfo("Asia/Tokyo")), None, "2026-03-03"),
        (MIDNIGHT.replace(tzinfo=None), "Asia/Tokyo", "2026-03-03"),
    ],
)
def test_days_and_time_zones(
    connect: Connect, server: Server, day: Any, timezone: Any, sent: str
) -> None:
    query = {"start_date": day, "end_date": day, "timezone": timezone}
    list(connect(server.address, "key").sessions("site", **query))
    request = server.calls[0].request
    assert (request.start_date, request.end_date) == (sent, sent)
    assert request.timezone == str(timezone or "")


def test_erase_visitor(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    client.erase_visitor("site", "anna")
    client.erase_visitor("site", client_ip="192.0.2.1", user_agent="Mozilla/5.0")
    one, other = (call.request for call in server.calls)
    assert one == EraseVisitorRequest(website_id="site", visitor_id="anna")
    assert other == EraseVisitorRequest(
        website_id="site", client_ip="192.0.2.1", user_agent="Mozilla/5.0"
    )
    assert all(100 < call.seconds_left < 125 for call in server.calls)


def test_erase_visitor_for_good(client: AnyClient, website: str) -> None:
    event = Event(event_type="pageview", visitor_id="anna", timestamp=MIDNIGHT, url="/")
    client.record(website, [event])
    assert client.erase_visitor(website, "anna").erased_sessions == 1
    client.record(website, [event])
    assert not list(client.sessions(website, start_date=MIDNIGHT, end_date=MIDNIGHT))


def test_page_size(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    for size in (None, 7):
        client.sessions("site", page_size=size).page()
        client.events("site", "sess", page_size=size).page()
    sessions, events, few_sessions, few_events = (call.request for call in server.calls)
    assert (sessions.limit, few_sessions.limit) == (100, 7)
    assert (events.events_limit, few_events.events_limit) == (0, 7)
