"""Nothing that is misspelt is sent, or left out in silence."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from analytics_sessions import Query, errors
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest

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


def test_every_parameter_is_sent(connect: Connect, server: Server) -> None:
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
        ({"cursor": "x"}, TypeError),
        ({"filter_os": None}, TypeError),
        ({"filter_os": [None]}, TypeError),
        ({"filter_os": b"iOS"}, TypeError),
        ({"filter_os": 3}, TypeError),
        ({"filter_os": []}, ValueError),
        ({"start_date": 20260303}, TypeError),
        ({"include_bots": "false"}, TypeError),
        ({"limit": 10}, TypeError),
    ],
)
def test_what_is_wrong_is_refused_at_once(
    connect: Connect, query: dict[str, Any], error: type[Exception]
) -> None:
    client = connect("http://127.0.0.1:1", "key")
    with pytest.raises(error):
        client.sessions("site", **query)


def test_a_moment_is_no_day(client: AnyClient, website: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        next(client.sessions(website, start_date=datetime(2026, 3, 3, tzinfo=UTC)))
    assert caught.value.fields[0].field == "start_date"
