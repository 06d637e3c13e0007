"""What the document says, against the protos and the packages it speaks of."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from analytics_sessions.v1 import (
    analysis_service_pb2,
    behaviour_pb2,
    event_pb2,
    event_service_pb2,
    session_pb2,
    session_service_pb2,
    summary_pb2,
    visitor_service_pb2,
)
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf.message import Message

from openapi.build import Json
from tests.openapi.document import Document

ROOT = Path(__file__).parents[2]
READS = [
    method
    for file in (session_service_pb2, analysis_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
"""The methods whose requests are parameters."""
MESSAGES: tuple[type[Message], ...] = (
    analysis_service_pb2.Comparison,
    analysis_service_pb2.SummarizeResponse,
    analysis_service_pb2.TimeSeriesResponse,
    analysis_service_pb2.TimeBucket,
    analysis_service_pb2.BreakdownResponse,
    analysis_service_pb2.BreakdownRow,
    *(
        getattr(behaviour_pb2, name)
        for name in behaviour_pb2.DESCRIPTOR.message_types_by_name
        if not name.endswith("Request")
    ),
    summary_pb2.Summary,
    event_pb2.Event,
    event_service_pb2.RecordEventsRequest,
    event_service_pb2.RecordEventsResponse,
    session_pb2.Session,
    session_pb2.SessionEvent,
    session_service_pb2.ListSessionsResponse,
    session_service_pb2.GetSessionResponse,
    visitor_service_pb2.EraseVisitorRequest,
    visitor_service_pb2.EraseVisitorResponse,
)


def test_the_version_is_that_of_the_package(document: Document) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = document.json["info"]
    assert document.json["openapi"].startswith("3.1.")
    assert info["version"] == project["version"]
    assert info["license"]["identifier"] == project["license"]


def test_fields_have_the_names_that_are_served(document: Document) -> None:
    """The website is in the path, so it is no field of a body."""
    for message in MESSAGES:
        fields = set(message.DESCRIPTOR.fields_by_name) - {"website_id"}
        assert set(document.schemas[message.DESCRIPTOR.name]["properties"]) == fields


def test_parameters_have_the_names_that_are_served(document: Document) -> None:
    for method in READS:
        operation = document.operations[f"{method.containing_service.name}_{method.name}"]
        parameters = [each["name"] for each in operation.json["parameters"]]
        assert parameters == list(method.input_type.fields_by_name)


def test_reasons_are_those_of_the_protos(document: Document) -> None:
    reasons = document.schemas["ErrorReason"]
    assert reasons["enum"] == ErrorReason.keys()[1:]
    assert reasons["description"].count("\n- ") == len(reasons["enum"]) - 1


def test_everything_is_described(document: Document) -> None:
    missing = [place for place, element in _elements(document) if not element.get("description")]
    assert missing == []


def test_parameters_have_examples(document: Document) -> None:
    """But for cursors and cells: one fits its own query only."""
    places = [(place, each) for place, each in _elements(document) if "in" in each]
    without = {parameter["name"] for _, parameter in places if "example" not in parameter}
    assert without == {"cursor", "events_cursor", "cell"}
    in_paths = 2  # of RecordEvents and EraseVisitor, whose other fields are in the body
    assert len(places) == in_paths + sum(len(method.input_type.fields) for method in READS)


def _elements(document: Document) -> Iterator[tuple[str, Json]]:
    for name, schema in document.schemas.items():
        yield name, schema
        for field, each in schema.get("properties", {}).items():
            yield f"{name}.{field}", document.resolved(each) if "$ref" in each else each
    for name, operation in document.operations.items():
        yield name, operation.json
        for parameter in operation.json.get("parameters", ()):
            yield f"{name}.{parameter['name']}", parameter
        for status, response in operation.json["responses"].items():
            yield f"{name}.{status}", document.resolved(response)
    for tag in document.json["tags"]:
        yield tag["name"], tag
