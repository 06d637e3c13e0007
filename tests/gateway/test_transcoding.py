"""The documented paths: what a worker gets from a REST request, and what the caller reads."""

import gzip
import json
import time
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from analytics_sessions.v1.session_pb2 import Session
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sessions.domain.dimensions import TEXTS

from tests.gateway.harness import KEY, REQUEST_TIMEOUT, Gateway
from tests.gateway.worker import EVENTS, SESSION
from tests.support.exact_json import exact

SESSIONS = "/api/websites/site_1/sessions"
ECHO = "/api/websites/site_echo/sessions"


def echo(edge: Gateway, query: str) -> Any:
    """The request as the worker got it."""
    session = edge.request(f"{ECHO}?{query}").json["sessions"][0]
    return json.loads(session["entry_page"]) | {"website_id": "site_echo"}


def metadata(edge: Gateway, **headers: str) -> Any:
    """The headers as the worker got them."""
    named = KEY | {name.replace("_", "-"): value for name, value in headers.items()}
    return json.loads(edge.request(ECHO, headers=named).json["sessions"][0]["exit_page"])


def test_list_prints_the_null_cursor_and_zeros_and_leaves_unset_fields_out(edge: Gateway) -> None:
    assert edge.request(SESSIONS).json == {"sessions": [SESSION], "next_cursor": None}


_texts = st.text(max_size=8) | st.sampled_from(["", "\u2028", '"\\', "<ü>", "\x00\x7f"])
_moments = st.none() | st.builds(
    Timestamp,
    seconds=st.integers(-62_135_596_800, 253_402_300_799),
    nanos=st.sampled_from([0, 0, 120_000_000, 1_000, 999_999_000]),
)
_messages = st.builds(
    Session,
    session_id=_texts,
    visitor_id=_texts,
    started_at=_moments,
    ended_at=_moments,
    duration=st.integers(-(2**31), 2**31 - 1),
    pageviews=st.integers(0, 2**31 - 1),
    events=st.integers(0, 2**31 - 1),
    is_bounce=st.booleans(),
    is_bot=st.booleans(),
    **dict.fromkeys(TEXTS, st.none() | _texts),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=_messages)
def test_a_list_prints_sessions_as_envoy_does(edge: Gateway, message: Session) -> None:
    """Envoy prints the answer of one call, a worker that of the other."""
    sent = message.SerializeToString().hex()
    site = "/api/websites/site_message/sessions"
    by_worker = exact(edge.request(f"{site}?cursor={sent}").body.decode())["sessions"][0]
    by_envoy = exact(edge.request(f"{site}/sess_1?events_cursor={sent}").body.decode())["session"]
    assert [*by_worker.items()] == [*by_envoy.items()], "the order is a part of it"


def test_get_prints_the_session_its_events_and_the_cursor(edge: Gateway) -> None:
    assert edge.request(f"{SESSIONS}/sess_xyz789").json == {
        "session": SESSION,
        "events": EVENTS,
        "next_events_cursor": "more",
    }


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=10&include_bots=true", {"limit": 10, "include_bots": True}),
        ("filter_page=/a&filter_page=/b", {"filter_page": ["/a", "/b"]}),
        ("filter_utm_source=", {"filter_utm_source": [""]}),
        ("filter_city=New+York&filter_city=a%2Bb", {"filter_city": ["New York", "a+b"]}),
        ("filter_city=Z%C3%BCrich%20%26%20%3D", {"filter_city": ["Zürich & ="]}),
        ("filter_page=100%", {"filter_page": ["100%"]}),
        ("filter_page=a=b", {"filter_page": ["a=b"]}),
        ("timezone=Europe/Berlin", {"timezone": "Europe/Berlin"}),
        ("cursor=" + "c" * 20_000, {"cursor": "c" * 20_000}),
    ],
)
def test_parameters_reach_the_worker(edge: Gateway, query: str, fields: dict[str, Any]) -> None:
    assert echo(edge, query) == {"website_id": "site_echo"} | fields


@pytest.mark.parametrize(
    ("path", "session_id"),
    [
        (f"{SESSIONS}/sess%5Fxyz%20789", "sess_xyz 789"),
        (f"{SESSIONS}/a%2Fb", "a/b"),
        (f"/{SESSIONS}//./sess_1", "sess_1"),
    ],
)
def test_ids_are_unescaped_and_stay_one_segment(edge: Gateway, path: str, session_id: str) -> None:
    assert edge.request(path).json["session"]["session_id"] == session_id


def test_a_rest_caller_sees_no_header_of_grpc_or_envoy(edge: Gateway) -> None:
    assert edge.request(SESSIONS).headers.keys() == {
        "cache-control",
        "content-type",
        "content-length",
        "date",
        "x-request-id",
    }


def test_no_answer_is_kept_by_caches(edge: Gateway) -> None:
    replies = [edge.request(path) for path in (SESSIONS, f"{SESSIONS}?limit=abc", "/healthz")]
    assert [reply.headers["cache-control"] for reply in replies] == ["no-store"] * 3


def test_a_link_to_the_next_page_comes_from_the_worker(edge: Gateway) -> None:
    reply = edge.request("/api/websites/site_port/sessions")
    assert reply.headers["link"] == f'<?cursor={reply.json["next_cursor"]}>; rel="next"'


def test_the_request_id_of_the_caller_is_kept_and_answered(edge: Gateway) -> None:
    mine = "018f2b4c-0000-7000-8000-00000000000a"
    assert metadata(edge, x_request_id=mine)["x-request-id"] == mine
    reply = edge.request("/nowhere", headers={"x-request-id": mine})
    assert reply.headers["x-request-id"] == mine


def test_a_request_id_is_made_where_there_is_none(edge: Gateway) -> None:
    first, second = metadata(edge), metadata(edge)
    assert len(first["x-request-id"]) == 36
    assert first["x-request-id"] != second["x-request-id"]


def test_workers_get_the_key_and_no_header_that_could_be_mistaken(edge: Gateway) -> None:
    odd = {
        "x_request_id": "an underscore is no dash",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "grpc-timeout": "nonsense",
        "x-bin": "no base64",
    }
    session = edge.request(ECHO, headers=KEY | odd).json["sessions"][0]
    received = json.loads(session["exit_page"])
    assert received["authorization"] == KEY["authorization"]
    assert received.keys().isdisjoint({*odd, "x-envoy-original-path"})


def test_headers_up_to_the_limit_reach_the_worker(edge: Gateway) -> None:
    assert len(metadata(edge, x_large="a" * 130_000)["x-large"]) == 130_000
    received = metadata(edge, **{f"x_{number}": "a" for number in range(95)})
    assert len([name for name in received if name.startswith("x-")]) > 95


def test_a_hundred_values_of_each_filter_reach_the_worker(edge: Gateway) -> None:
    filters = [name for name in ListSessionsRequest.DESCRIPTOR.fields_by_name if "filter_" in name]
    values = [f"/a path that is not short/{number}" for number in range(100)]
    query = urlencode(dict.fromkeys(filters, values), doseq=True)
    assert len(query) > 60_000
    assert echo(edge, query) == {"website_id": "site_echo"} | dict.fromkeys(filters, values)
    reply = edge.request_http2(f"{ECHO}?{query}")
    assert json.loads(reply.json["sessions"][0]["entry_page"])["filter_city"] == values


def test_over_http_2_headers_that_are_too_large_are_answered_too(edge: Gateway) -> None:
    many = {f"x-{number}": "" for number in range(101)}
    assert edge.request_http2(f"{ECHO}?cursor={'c' * 130_000}").status == 200
    assert edge.request_http2(f"{ECHO}?cursor={'c' * 132_000}").status == 431
    assert edge.request_http2(ECHO, headers=KEY | many).status == 431


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("path", [SESSIONS, "/api/websites/site_large/sessions"])
def test_head_answers_with_the_headers_of_get(edge: Gateway, path: str, encoding: str) -> None:
    size = len(edge.request(path).body)
    for request in (edge.request, edge.request_http2):
        headers = KEY | {"accept-encoding": encoding}
        reply = request(path, method="HEAD", headers=headers)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["content-length"] == str(size)


@pytest.mark.parametrize("verb", ["writes:undo", "writes%3Aundo", "writes%3aundo"])
def test_the_colon_of_a_custom_method_may_be_escaped(edge: Gateway, verb: str) -> None:
    path = f"/api/websites/site_1/{verb}"
    assert edge.request(path, method="POST", body=b"{}").status == 200


def test_an_escaped_colon_in_an_id_stays_there(edge: Gateway) -> None:
    reply = edge.request(f"{SESSIONS}/sess%3A1")
    assert reply.json["session"]["session_id"] == "sess:1"


def test_a_stream_of_answers_comes_as_it_is_made_and_has_no_deadline(edge: Gateway) -> None:
    target = f"http://127.0.0.1:{edge.port}/api/websites/site_1/writes:export?columns=a&columns=b"
    request = urllib.request.Request(target, headers=dict(KEY))
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        first = answer.readline()
        assert time.monotonic() - began < 1
        assert (first, answer.read()) == (b"0\n", b"1\n2\n")
    assert time.monotonic() - began > REQUEST_TIMEOUT + 1
    assert answer.headers["content-type"] == "application/x-ndjson"


def test_http_1_0_and_upgrade_requests_are_answered_as_usual(edge: Gateway) -> None:
    key = f"authorization: {KEY['authorization']}\r\n".encode()
    old = edge.raw(f"GET {SESSIONS} HTTP/1.0\r\n".encode() + key + b"\r\n")
    assert old.json["sessions"] == [SESSION]
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}
    assert edge.request(SESSIONS, headers=KEY | upgrade).json["sessions"] == [SESSION]


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_large_json_is_compressed_for_who_accepts_it(edge: Gateway, encoding: str) -> None:
    large = "/api/websites/site_large/sessions"
    plain = edge.request(large)
    packed = edge.request(large, headers=KEY | {"accept-encoding": encoding})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == encoding
    assert len(packed.body) < len(plain.body) / 10
    if encoding == "gzip":
        assert gzip.decompress(packed.body) == plain.body


def test_small_json_is_not_compressed(edge: Gateway) -> None:
    reply = edge.request(SESSIONS, headers=KEY | {"accept-encoding": "gzip, br"})
    assert reply.json["sessions"] == [SESSION]
