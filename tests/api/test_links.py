"""Links to the next page: the parameters of the request with another cursor."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from analytics_sessions.v1 import session_service_pb2
from analytics_sessions.v1.session_service_pb2 import (
    GetSessionRequest,
    GetSessionResponse,
    ListSessionsRequest,
    ListSessionsResponse,
)
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from sessions.api.call import Call
from sessions.api.links import link_next_page
from sessions.api.methods import Method

METHODS = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"].methods_by_name
NEXT = Value(string_value="AAEAnext")
LAST = Value(null_value=NULL_VALUE)


class Context:
    """As much of a call as links look at."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


REST = ("x-path-website-id", "site_abc123defg")


def link(method: str, request: Any, response: Any, *metadata: tuple[str, str]) -> str | None:
    """The link of an answer."""
    context: Any = Context(*metadata)
    call = Call(Method.of(METHODS[method]), context)
    link_next_page(call, request, response)
    return call.headers.get("link")


def test_a_link_has_the_parameters_that_the_request_had() -> None:
    request = ListSessionsRequest(
        website_id="site_abc123defg",
        start_date="2026-03-01",
        timezone="Europe/Berlin",
        cursor="AAEAold",
        limit=10,
        include_bots=True,
        filter_city=["New York", "Zürich", ""],
        filter_page=['/a?b=c&d"<>;,'],
    )
    found = link("ListSessions", request, ListSessionsResponse(next_cursor=NEXT), REST)
    assert found
    assert found.isascii()
    assert not set(found[2:-13]) & set(' "<>')
    query = found.removeprefix("<?").removesuffix('>; rel="next"')
    assert parse_qsl(query, keep_blank_values=True) == [
        ("start_date", "2026-03-01"),
        ("timezone", "Europe/Berlin"),
        ("limit", "10"),
        ("include_bots", "true"),
        ("filter_page", '/a?b=c&d"<>;,'),
        ("filter_city", "New York"),
        ("filter_city", "Zürich"),
        ("filter_city", ""),
        ("cursor", "AAEAnext"),
    ]


def test_events_have_links_too() -> None:
    request = GetSessionRequest(website_id="site_a", session_id="sess_b", events_limit=5)
    response = GetSessionResponse(next_events_cursor=NEXT)
    found = link("GetSession", request, response, REST)
    assert found == '<?events_limit=5&events_cursor=AAEAnext>; rel="next"'


@pytest.mark.parametrize(
    "response", [ListSessionsResponse(next_cursor=LAST), ListSessionsResponse()]
)
def test_the_last_page_has_no_link(response: ListSessionsResponse) -> None:
    assert link("ListSessions", ListSessionsRequest(), response, REST) is None


def test_grpc_callers_get_no_link() -> None:
    response = ListSessionsResponse(next_cursor=NEXT)
    assert link("ListSessions", ListSessionsRequest(), response) is None


def test_a_link_that_is_too_long_for_proxies_is_left_out() -> None:
    response = ListSessionsResponse(next_cursor=NEXT)
    for length, is_there in ((900, True), (2_100, False)):
        request = ListSessionsRequest(filter_page=["x" * length])
        assert bool(link("ListSessions", request, response, REST)) == is_there
