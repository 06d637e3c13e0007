"""Over REST every error has one shape, whether a worker, Envoy or its transcoder answers."""

from typing import Any

import pytest

from tests.gateway.harness import KEY, Gateway, Reply

SESSIONS = "/api/websites/site_1/sessions"
WRITES = "/api/websites/site_1/writes"


def assert_error(
    reply: Reply,
    http: int,
    code: int,
    reason: str,
    message: str,
    *more: dict[str, Any],
    **metadata: str,
) -> None:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": f"ERROR_REASON_{reason}",
        "domain": "analytics.sessions.v1",
        "metadata": metadata,
    }
    assert reply.status == http
    assert reply.json == {"code": code, "message": message, "details": [info, *more]}


def bad_request(field: str, description: str) -> dict[str, Any]:
    violation = {"field": field, "description": description, "reason": ""}
    return {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [violation],
    }


def assert_bad_field(reply: Reply, field: str, description: str) -> None:
    message = f"{field}: {description}"
    detail = bad_request(field, description)
    told = {"field": field, "description": description}
    assert_error(reply, 400, 3, "MALFORMED_REQUEST", message, detail, **told)


def test_an_error_of_a_worker_shows_the_shape_that_envoy_copies(edge: Gateway) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"}
    violation = bad_request("limit", "is negative")
    reply = edge.request("/api/websites/site_error/sessions")
    assert_error(reply, 400, 3, "INVALID_FIELD", 'limit: "é" is negative', violation, retry)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/docs"),
        ("GET", "/docs/nothing"),
        ("GET", "/nowhere?limit=1"),
        ("GET", "/api/websites/site_1/sessions/a/b"),
        ("GET", "/api/websites//sessions"),
        ("GET", "/API/websites/site_1/sessions"),
        ("POST", SESSIONS),
        ("DELETE", SESSIONS),
        ("OPTIONS", SESSIONS),
        ("GET", f"{SESSIONS}/"),
        ("GET", f"{SESSIONS}/sess_1/"),
        ("POST", f"{WRITES}/"),
        ("GET", "/api/websites/site_1/visitors:list"),
        ("POST", "/analytics.sessions.v1.SessionService/ListSessions"),
    ],
)
def test_no_such_path_or_verb(edge: Gateway, method: str, path: str) -> None:
    reply = edge.request(path, method=method)
    message = "there is nothing at this path with this verb"
    assert_error(reply, 404, 5, "ROUTE_NOT_FOUND", message)


def test_an_error_for_head_has_headers_only(edge: Gateway) -> None:
    for path, status in (("/nowhere", 404), (WRITES, 404), (f"{SESSIONS}?limit=abc", 400)):
        reply = edge.request(path, method="HEAD")
        assert (reply.status, reply.body) == (status, b"")
        assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "field", "description"),
    [
        ("limit=abc", "limit", '"abc" is not a whole number'),
        ("limit=", "limit", '"" is not a whole number'),
        ("limit=1.5", "limit", '"1.5" is not a whole number'),
        ("limit=99999999999", "limit", '"99999999999" is out of range'),
        ("limit=-99999999999", "limit", '"-99999999999" is out of range'),
        ("limit=" + "x" * 200, "limit", "the value is not a whole number"),
        ("limit=%22%5C%0A%00%C3%A9", "limit", '""\\\n\0é" is not a whole number'),
        ("limit=%25d%40field%40", "limit", '"%d@field@" is not a whole number'),
        ("limit=1&limit=2", "limit", "is given twice"),
        ("limit", "limit", "has no value, write limit="),
        ("include_bots=maybe", "include_bots", '"maybe" is not true or false'),
        ("nope=1", "nope", "there is no such parameter"),
        ("n%22o=1", "n%22o", "there is no such parameter"),
        ("start_date.year=1", "start_date.year", "there is no such parameter"),
        ("website_id=site_2", "website_id", "there is no such parameter"),
        ("websiteId=site_2", "websiteId", "there is no such parameter"),
        ("filterCountry=US", "filterCountry", "there is no such parameter; write filter_country"),
        ("filters=US", "filters", "there is no such parameter"),
        ("filterx=a&filterx=b", "filterx", "there is no such parameter"),
        ("filter_city=%FF", "filter_city", "is not valid UTF-8"),
        ("filter_city=%ED%A0%80", "filter_city", "is not valid UTF-8"),
        ("filter_city=%C0%AF", "filter_city", "is not valid UTF-8"),
        ("filter_city=ok&filter_city=%E2%82", "filter_city", "is not valid UTF-8"),
    ],
)
def test_a_bad_parameter_is_named(edge: Gateway, query: str, field: str, description: str) -> None:
    assert_bad_field(edge.request(f"{SESSIONS}?{query}"), field, description)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/websites/a%FF/sessions", "website_id"),
        ("/api/websites/site_1/sessions/a%FF", "session_id"),
    ],
)
def test_an_id_that_is_not_utf8_is_named(edge: Gateway, path: str, field: str) -> None:
    assert_bad_field(edge.request(path), field, "is not valid UTF-8")


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        ('{"items":[{},{"url":5}]}', "items[1].url", "5 is not text"),
        ('{"items":[{"url":{}}]}', "items[0].url", "an object does not belong here"),
        ('{"items":[{"url":["a"]}]}', "items[0]", "has a list where none belongs"),
        ('{"items":[{"sequence":"x"}]}', "items[0].sequence", '"x" is not a whole number'),
        ('{"items":[{"data":5}]}', "items[0].data", "5 is not an object"),
        (
            '{"items":[{"timestamp":"2026-02-30T00:00:00Z"}]}',
            "items[0].timestamp",
            "the value is not a time like 2026-03-03T10:15:00Z",
        ),
        ('{"items":["a"]}', "items[0]", '"a" is not an object'),
    ],
)
def test_a_bad_field_of_a_body_is_named(
    edge: Gateway, body: str, field: str, description: str
) -> None:
    reply = edge.request(WRITES, method="POST", body=body.encode())
    assert_bad_field(reply, field, description)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"items":[', "the body is not valid JSON"),
        (b'{"items":[{"url":"\xff"}]}', "the body is not valid JSON"),
        (b'{"items":[{"data":{"a":NaN}}]}', "the body is not valid JSON"),
        (b"[]", "the body is not a JSON object"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "the body is nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_object(edge: Gateway, body: bytes, message: str) -> None:
    reply = edge.request(WRITES, method="POST", body=body)
    assert_bad_field(reply, "request", message)


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[{"url":"' + b"a" * 4_194_304 + b'"}]}',
        # Small as JSON, but above the workers' limit as a message.
        b'{"items":[{"data":{"a":[' + b"1," * 600_000 + b"1]}}]}",
    ],
)
def test_a_body_that_is_too_large(edge: Gateway, body: bytes) -> None:
    reply = edge.request(WRITES, method="POST", body=body)
    message = "the request is larger than 4194304 bytes"
    assert_error(reply, 413, 8, "REQUEST_TOO_LARGE", message, limit="4194304")


def test_a_body_of_exactly_4_mib_is_taken(edge: Gateway) -> None:
    frame = b'{"items":[{"url":""}]}'
    body = frame.replace(b'""', b'"' + b"a" * (4_194_304 - len(frame)) + b'"')
    assert edge.request(WRITES, method="POST", body=body).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-large": "a" * 140_000},
        {"x-large": "a" * 1_100_000},
        {f"x-{number}": "" for number in range(101)},
        {f"x-{number}": "" for number in range(1_100)},
    ],
)
def test_headers_that_are_too_large(edge: Gateway, headers: dict[str, str]) -> None:
    assert_headers_too_large(edge.request(SESSIONS, headers=headers))


def test_a_path_that_is_too_large(edge: Gateway) -> None:
    assert_headers_too_large(edge.request(f"{SESSIONS}?cursor={'a' * 140_000}"))


def assert_headers_too_large(reply: Reply) -> None:
    message = "the headers are larger than 131072 bytes or more than 100"
    told = {"max_bytes": "131072", "max_count": "100"}
    assert_error(reply, 431, 8, "HEADERS_TOO_LARGE", message, **told)


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n",
    ],
)
def test_bytes_that_are_not_http(edge: Gateway, request_: bytes) -> None:
    assert_bad_field(edge.raw(request_), "request", "can't be read")


def test_when_to_try_again_is_told_in_a_header_too(edge: Gateway) -> None:
    reply = edge.request("/api/websites/site_unavailable/sessions")
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert reply.json["details"][1]["retry_delay"] == "1.500s"
    for path in ("/api/websites/site_error/sessions", f"{SESSIONS}?limit=abc", SESSIONS):
        assert "retry-after" not in edge.request(path).headers


def test_only_a_request_that_could_be_read_has_an_id(edge: Gateway) -> None:
    long = b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\nx: %s\r\n\r\n" % (b"x" * 1_100_000)
    for request, status in ((long, 431), (b"NONSENSE\r\n\r\n", 400)):
        reply = edge.raw(request)
        assert (reply.status, "x-request-id" in reply.headers) == (status, False)
    for path in (SESSIONS, f"{SESSIONS}?limit=abc", "/nowhere", "/docs", "/healthz"):
        assert edge.request(path).headers["x-request-id"]


def test_a_worker_that_takes_too_long(edge: Gateway) -> None:
    reply = edge.request("/api/websites/site_slow/sessions")
    assert_error(reply, 504, 4, "DEADLINE_EXCEEDED", "deadline exceeded")


@pytest.mark.parametrize("path", [f"{SESSIONS}?limit=abc", f"{SESSIONS}?limit", "/api/nowhere"])
def test_without_a_key_nobody_learns_what_else_is_wrong(edge: Gateway, path: str) -> None:
    reply = edge.request(path, headers={})
    message = 'send "Authorization: Bearer <key>"'
    assert_error(reply, 401, 16, "CREDENTIALS_MISSING", message)
    assert reply.headers["www-authenticate"] == "Bearer"


def test_a_readable_request_without_a_key_is_left_to_the_worker(edge: Gateway) -> None:
    assert edge.request(SESSIONS, headers={}).status == 200


def test_envoys_own_headers_are_not_taken_from_callers(edge: Gateway) -> None:
    spoofed = KEY | {"x-edge-status": "503", "x-envoy-original-path": "/nowhere"}
    assert edge.request(SESSIONS, headers=spoofed).status == 200
