"""What the protos say of every method is complete, and is what the service needs."""

import re
from pathlib import Path
from typing import Any

import pytest
from analytics_sessions.v1 import (
    analysis_service_pb2,
    event_service_pb2,
    session_service_pb2,
    visitor_service_pb2,
)
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from sessions.api.methods import Method
from sessions.api.wire import SMALL_BYTES
from sessions.domain import limits
from sessions.domain.dimensions import FILTERS
from sessions.domain.selection import MAX_FILTER_VALUES, MAX_STEPS

GUIDE = (Path(__file__).parents[2] / "docs/api.md").read_text()
METHODS = {
    method.name: method
    for file in (session_service_pb2, analysis_service_pb2, event_service_pb2, visitor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@pytest.mark.parametrize("descriptor", METHODS.values(), ids=METHODS)
def test_each_method_has_a_policy(descriptor: MethodDescriptor) -> None:
    method = Method.of(descriptor)
    assert 0 < method.max_bytes <= limits.MAX_REQUEST
    assert "website_id" in descriptor.input_type.fields_by_name


@pytest.mark.parametrize("descriptor", METHODS.values(), ids=METHODS)
def test_each_repeated_field_of_a_request_has_a_bound(descriptor: MethodDescriptor) -> None:
    repeated = {field.number for field in descriptor.input_type.fields if field.is_repeated}
    bounds = Method.of(descriptor).bounds
    assert bounds.keys() == repeated
    # Of a small request only the number of values is looked at.
    assert all(not bound.bytes or bound.bytes > SMALL_BYTES for bound in bounds.values())


def test_the_documentation_has_each_call_with_its_path_and_scope() -> None:
    row = r"^\| [^|]+ \| (?:`(.+?)`|[^`]) \| `(\w+)/(\w+)` \| `(.+?)` \|$"
    table = re.findall(row, GUIDE, re.MULTILINE)
    documented = {name: (service, rest, scope) for rest, service, name, scope in table}
    assert documented == {
        name: (method.containing_service.name, rest_of(method), Method.of(method).scope)
        for name, method in METHODS.items()
    }


def rest_of(method: MethodDescriptor) -> str:
    """Verb and path over REST; empty where there is none."""
    option: Any = annotations_pb2.http
    rule = method.GetOptions().Extensions[option]
    verb = rule.WhichOneof("pattern")
    return f"{verb.upper()} {getattr(rule, verb)}" if verb else ""


def test_limits_are_those_of_the_domain() -> None:
    lists = Method.of(METHODS["ListSessions"])
    bounds = [bound.items for bound in lists.bounds.values()]
    assert bounds == [MAX_FILTER_VALUES] * len(FILTERS) + [MAX_STEPS] * 2
    for name in ("RecordEvents", "StreamEvents"):
        method = Method.of(METHODS[name])
        [bound] = method.bounds.values()
        assert (method.max_bytes, bound.items) == (limits.MAX_REQUEST, limits.MAX_EVENTS)


def test_pages_that_have_a_next_one() -> None:
    assert Method.of(METHODS["ListSessions"]).cursors == (("next_cursor", "cursor"),)
    assert Method.of(METHODS["GetSession"]).cursors == (("next_events_cursor", "events_cursor"),)
    assert Method.of(METHODS["RecordEvents"]).cursors == ()
