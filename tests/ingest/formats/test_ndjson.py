"""One event a line as JSON."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.events import EventInput
from sessions.ingest.entries import Entry, Refused
from sessions.ingest.formats.ndjson import Ndjson, parse, parse_any
from sessions.ingest.lines import Line

NOON = "2026-03-03T12:00:00Z"


def refused(content: bytes) -> str:
    outcome = parse(content)
    assert isinstance(outcome, Refused)
    return outcome.reason


def test_every_field_of_an_event() -> None:
    fields = {
        "event_type": "event",
        "timestamp": "2026-03-03T12:00:00.123456+01:00",
        "event_id": "e1",
        "sequence": 3,
        "visitor_id": "v",
        "client_ip": "192.0.2.1",
        "user_agent": "ua",
        "url": "/",
        "referrer": "r",
        "event_name": "signup",
        "event_data": {"plan": "pro", "seats": 1.5},
        "hostname": "h",
        "language": "de",
        "country": "CH",
        "region": "ZH",
        "city": "Zürich",
    }
    assert parse(orjson.dumps(fields)) == EventInput(
        **{**fields, "timestamp": datetime(2026, 3, 3, 11, 0, 0, 123456, tzinfo=UTC)}  # type: ignore[arg-type]
    )


def test_a_line_becomes_an_entry_with_its_number_and_bytes() -> None:
    content = f'{{"timestamp": "{NOON}"}}'.encode()
    sent = EventInput(timestamp=datetime(2026, 3, 3, 12, tzinfo=UTC))
    assert list(Ndjson().entries([Line(7, content)])) == [Entry(7, content, sent)]


def test_null_counts_as_not_sent_and_the_last_of_repeated_keys_wins() -> None:
    outcome = parse(f'{{"timestamp":"{NOON}","url":null,"city":"a","city":"b"}}'.encode())
    assert outcome == EventInput(timestamp=datetime(2026, 3, 3, 12, tzinfo=UTC), city="b")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b'{"url": "\xff"}', "not JSON: str is not valid UTF-8"),
        (b'{"url": "\\ud800"}', "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": 1e999}', "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused(content: bytes, reason: str) -> None:
    assert refused(content).startswith(reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": 5}, "url: must be text"),
        ({"url": ["/"]}, "url: must be text"),
        ({"event_type": True}, "event_type: must be text"),
        ({"sequence": "5"}, "sequence: must be an integer"),
        ({"sequence": 5.0}, "sequence: must be an integer"),
        ({"sequence": True}, "sequence: must be an integer"),
        ({"event_data": "{}"}, "event_data: must be an object"),
        ({"event_data": []}, "event_data: must be an object"),
        ({"timestamp": 1772539200}, "timestamp: must be text"),
        ({"timestamp": "2026-03-03"}, "timestamp: must be a time as in RFC 3339"),
        ({"timestamp": None}, "timestamp: is required in a file"),
        ({"refferer": "x"}, "'refferer': there is no such field; did you mean referrer?"),
        ({"path": "/"}, "'path': there is no such field"),
        ({"eventType": "x"}, "'eventType': there is no such field; did you mean event_type?"),
        ({"\n" * 99: 1}, "'" + "\\n" * 64 + "': there is no such field"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, object], reason: str) -> None:
    assert refused(orjson.dumps({"timestamp": NOON, **fields})).startswith(reason)


def test_all_that_is_wrong_is_said() -> None:
    assert refused(b'{"url": 5, "city": 6}') == (
        "url: must be text; city: must be text; timestamp: is required in a file"
    )


_texts = st.sampled_from(
    ['""', '"a"', '"\\u00e9"', '"é"', '"\\ud800"', '"\\ud83d\\ude00"', '"\x01"']
)
_times = st.sampled_from(
    [
        *(NOON, NOON.lower(), "2026-03-03T12:00:60Z", "2026-03-03T12:00:00.1234567+01:00"),
        *("2026-03-03 12:00:00Z", "2026-03-03T12:00:00", "2026-03-03T12:00:00+0100", "now", ""),
    ]
)
_numbers = st.sampled_from(["0", "-1", "1.0", "1e2", "9223372036854775808", "1e400", "01", "true"])
_others = st.sampled_from(["null", "{}", '{"a": 1e400}', "[]", "1", "tru", ""])
_members = st.one_of(
    st.tuples(st.sampled_from(["url", "city", "event_id", "ur\\u006c", "page"]), _texts | _others),
    st.tuples(st.just("timestamp"), _times.map('"{}"'.format) | _others),
    st.tuples(st.just("sequence"), _numbers | _others),
    st.tuples(st.just("event_data"), _others),
)


@given(
    members=st.lists(_members, max_size=4),
    brackets=st.sampled_from([("{", "}"), ("{", ""), (" { ", " } "), ("[", "]"), ("{", "}x")]),
)
def test_the_quick_way_tells_what_the_careful_one_does(
    members: list[tuple[str, str]], brackets: tuple[str, str]
) -> None:
    text = ",".join(f'"{name}":{value}' for name, value in [("timestamp", f'"{NOON}"'), *members])
    content = text.join(brackets).encode()
    assert parse(content) == parse_any(content)
    assert parse(content + b"\xff") == parse_any(content + b"\xff")
