"""The walk over a serialized request: what it counts, and that it agrees with protobuf."""

from time import perf_counter

import pytest
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from sessions.api import wire
from sessions.api.wire import Bound

EVENTS = RecordEventsRequest.DESCRIPTOR.fields_by_name["events"].number
BOUNDS = {EVENTS: Bound(items=3, bytes=200)}

events = st.builds(
    Event, url=st.text(max_size=40), sequence=st.integers(-5, 2**31 - 1), city=st.text(max_size=5)
)
requests = st.builds(RecordEventsRequest, website_id=st.text(), events=st.lists(events, max_size=3))


@given(requests)
def test_the_fields_put_together_are_the_message(request: RecordEventsRequest) -> None:
    raw = request.SerializeToString()
    fields = wire.split(raw, BOUNDS)
    assert b"".join(raw[start:end] for _, start, end, _ in fields) == raw
    assert sum(number == EVENTS for number, *_ in fields) == len(request.events)


@given(st.binary(max_size=60))
def test_what_it_takes_for_a_message_has_no_other_end_for_protobuf(raw: bytes) -> None:
    """Nothing hides behind bytes at which the two differ: protobuf decodes what this has seen."""
    try:
        fields = wire.split(raw, {EVENTS: Bound(1_000)})
        decoded = RecordEventsRequest.FromString(raw)
    except DecodeError:
        return
    # A field with another wire type than its own is an unknown one for protobuf.
    assert len(decoded.events) <= sum(number == EVENTS for number, *_ in fields)


def test_one_value_too_many() -> None:
    raw = RecordEventsRequest(website_id="a", events=[Event()] * 4).SerializeToString()
    with pytest.raises(wire.OutOfBounds) as caught:
        wire.split(raw, BOUNDS)
    assert (caught.value.number, caught.value.limit, caught.value.value) == (EVENTS, 3, None)


def test_a_value_that_is_too_large() -> None:
    large = Event(url="x" * 300)
    raw = RecordEventsRequest(events=[Event(), large]).SerializeToString()
    with pytest.raises(wire.OutOfBounds) as caught:
        wire.split(raw, BOUNDS)
    assert (caught.value.index, caught.value.limit) == (1, 200)
    assert caught.value.value == large.SerializeToString()
    assert wire.largest(caught.value.value) == (Event.URL_FIELD_NUMBER, 300)
    assert wire.largest(b"\x0b") == (0, 0)


def test_fields_without_a_bound_are_counted_together() -> None:
    for raw in (b"\x0a\x00" * 1_001, b"\xba\x3e\x00" * 1_001, b"\xb8\x3e\x00\xbd\x3e...." * 600):
        with pytest.raises(wire.OutOfBounds) as caught:
            wire.split(raw, BOUNDS)
        assert caught.value.number == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x08",
        b"\x08\x80",
        b"\x09....",
        b"\x0b\x0c",
        b"\x08" + b"\xff" * 99,
    ],
    ids=["no length", "short", "no number", "no end", "short double", "a group", "endless"],
)
def test_what_is_no_message(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        wire.split(raw, BOUNDS)


@pytest.mark.parametrize(
    "unit", [b"\x12\x00", b"\x0a\x00", b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x00"]
)
def test_megabytes_are_refused_in_milliseconds(unit: bytes) -> None:
    raw = unit * (4 * 1024 * 1024 // len(unit))
    started = perf_counter()
    with pytest.raises(wire.OutOfBounds):
        wire.split(raw, {EVENTS: Bound(1_000)})
    assert perf_counter() - started < 0.2
