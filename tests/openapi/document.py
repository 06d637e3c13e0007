"""The OpenAPI document as tests look at it."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import Draft202012Validator

from openapi.build import DOCUMENT, Json
from tests.support.stack import Reply


@dataclass(frozen=True)
class Operation:
    """One operation, with where it stands."""

    path: str
    verb: str
    json: Json


HEADERS = {
    *("content-disposition", "link", "ratelimit", "ratelimit-policy", "retry-after"),
    *("www-authenticate", "x-request-id", "x-sessions-position"),
}
"""Headers that mean something to callers; the document names each where it may come."""


def media_type(reply: Reply) -> str:
    """What the body of an answer is."""
    return reply.headers["content-type"].partition(";")[0]


class Document:
    """`service/sessions/gateway/openapi.json`; the service adds no field to what it says."""

    def __init__(self) -> None:
        self.json: Json = json.loads(DOCUMENT.read_text())
        self.schemas: Json = self.json["components"]["schemas"]
        self.operations = {each.json["operationId"]: each for each in self._operations()}
        self._strict = deepcopy(self.schemas)
        for schema in self._strict.values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)

    def _operations(self) -> Iterator[Operation]:
        for path, verbs in self.json["paths"].items():
            yield from (Operation(path, verb, operation) for verb, operation in verbs.items())

    def resolved(self, value: Json) -> Json:
        """What a reference leads to, or the value itself."""
        for name in value.get("$ref", "").removeprefix("#/").split("/"):
            value = (self.json if name == "components" else value)[name] if name else value
        return value

    def response(self, operation_id: str, status: int) -> Json:
        """What an operation answers with a status."""
        return self.resolved(self.operations[operation_id].json["responses"][str(status)])

    def problems(self, operation_id: str, reply: Reply) -> list[str]:
        """What of an answer is not as the document says."""
        response = self.response(operation_id, reply.status)
        headers = {name: self.resolved(each) for name, each in response.get("headers", {}).items()}
        missing = [
            name for name in headers if headers[name].get("required") and name not in reply.headers
        ]
        unknown = sorted(HEADERS & reply.headers.keys() - headers.keys())
        kind = media_type(reply)
        if kind not in response["content"]:
            return [*missing, *unknown, kind]
        schema = response["content"][kind]["schema"]
        return missing + unknown + self.errors(schema, reply.json)

    def errors(self, schema: Json, value: Any) -> list[str]:
        """What of a value does not fit a schema of the document."""
        whole = schema | {"components": {"schemas": self._strict}}
        validator = Draft202012Validator(whole, validate_formats=True)
        return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]
