"""The document says what the service does: every answer is provoked, and its examples are real."""

import json
from collections.abc import Iterator
from typing import Any

import jsonpath
import pytest
import yaml
from analytics_sessions.v1.error_reason_pb2 import ErrorReason

from openapi.build import EXAMPLES
from tests.openapi.document import Document
from tests.openapi.examples import overlay
from tests.openapi.recording import (
    ALL_PARAMETERS,
    BEHAVIOUR_PARAMETERS,
    BREAKDOWN_PARAMETERS,
    SELECTION_PARAMETERS,
    SUMMARIZE_PARAMETERS,
    TIME_SERIES_PARAMETERS,
    Exchange,
)

NOT_PROVOKED = {("VisitorService_EraseVisitor", 504)}
"""An erasure has 120 seconds before it is given up."""


def test_answers_are_as_documented(document: Document, exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        assert document.problems(exchange.call.operation, exchange.reply) == [], exchange


def test_bodies_that_are_accepted_are_as_documented(
    document: Document, exchanges: list[Exchange]
) -> None:
    sent = [each for each in exchanges if each.call.body and each.reply.status == 200]
    for exchange in sent:
        operation = document.operations[exchange.call.operation].json
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert document.errors(schema, exchange.call.body) == [], exchange
    assert len(sent) > 4


def test_every_documented_answer_is_provoked(document: Document, exchanges: list[Exchange]) -> None:
    documented = {
        (name, int(status))
        for name, operation in document.operations.items()
        for status in operation.json["responses"]
    }
    provoked = {(each.call.operation, each.reply.status) for each in exchanges}
    assert provoked == documented - NOT_PROVOKED
    print(f"{len(exchanges)} answers, {len(provoked)} of {len(documented)} documented kinds")


def test_every_error_reason_is_provoked(exchanges: list[Exchange]) -> None:
    errors = [each.reply.json for each in exchanges if each.reply.status != 200]
    reasons = set(ErrorReason.keys()[1:]) - {"ERROR_REASON_KEY_NOT_FOUND"}
    assert {error["details"][0]["reason"] for error in errors} == reasons


def test_examples_are_what_the_service_answers(
    document: Document, exchanges: list[Exchange]
) -> None:
    assert yaml.safe_load(EXAMPLES.read_text()) == overlay(document, exchanges)


def test_examples_show_every_field(document: Document) -> None:
    fields = {
        f"{name}.{field}"
        for name, schema in document.schemas.items()
        for field in schema.get("properties", ())
    }
    for operation in document.operations.values():
        contents = [operation.json.get("requestBody", {})]
        contents += map(document.resolved, operation.json["responses"].values())
        for content in filter(None, contents):
            for media in content["content"].values():
                for example in media["examples"].values():
                    fields -= set(_shown(document, media["schema"], example["value"]))
    assert fields == set()


def _shown(document: Document, schema: Any, value: Any) -> Iterator[str]:
    """The fields of schemas that a value has."""
    if "contentSchema" in schema:
        for line in value.splitlines():
            yield from _shown(document, schema["contentSchema"], json.loads(line))
        return
    if isinstance(value, list):
        for element in value:
            yield from _shown(document, schema.get("items", {}), element)
        return
    for kind in schema.get("oneOf", [schema]):
        name = kind.get("$ref", "").rpartition("/")[2]
        properties = document.resolved(kind).get("properties", {})
        if isinstance(value, dict) and not (schema.get("oneOf") and document.errors(kind, value)):
            for field in properties.keys() & value.keys():
                yield f"{name}.{field}"
                yield from _shown(document, properties[field], value[field])


@pytest.mark.parametrize(
    ("operation", "sent"),
    [
        ("SessionService_ListSessions", ALL_PARAMETERS),
        ("AnalysisService_Summarize", SUMMARIZE_PARAMETERS),
        ("AnalysisService_TimeSeries", TIME_SERIES_PARAMETERS),
        ("AnalysisService_Breakdown", BREAKDOWN_PARAMETERS),
        *(
            (f"AnalysisService_{name}", SELECTION_PARAMETERS | own)
            for name, own in BEHAVIOUR_PARAMETERS.items()
        ),
    ],
)
def test_examples_of_parameters_are_answered(
    document: Document, operation: str, sent: dict[str, Any]
) -> None:
    parameters = document.operations[operation].json["parameters"]
    query = [each for each in parameters if each["in"] == "query" and "example" in each]
    assert {each["name"]: _as_sent(each["example"]) for each in query} == sent


def _as_sent(value: Any) -> Any:
    if isinstance(value, list):
        return value if len(value) > 1 else value[0]
    return str(value).lower() if isinstance(value, bool | int) else value


def test_examples_are_where_they_belong(document: Document) -> None:
    for action in yaml.safe_load(EXAMPLES.read_text())["actions"]:
        content: Any
        [content] = jsonpath.findall(action["target"], document.json)
        assert content["examples"] == action["update"]["examples"]
