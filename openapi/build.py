"""Makes `service/sessions/gateway/openapi.json`; `make generate-openapi` runs it.

Out of `build/openapi/`: what the generator made of the protos, and an image of the protos with
the comments that the generator leaves out.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from sessions.domain.filter_fields import OPERATORS, SESSION_FIELDS, STEP_FIELDS, Kind

from openapi import overlays

_HERE = Path(__file__).parent
_ROOT = _HERE.parent
_MADE = _ROOT / "build/openapi"
DOCUMENT = _ROOT / "service/sessions/gateway/openapi.json"
EXAMPLES = _HERE / "examples.yaml"

_PACKAGE = "analytics.sessions.v1"
_ERROR: Any = options_pb2.error  # protoc's stubs do not know what an extension holds
_EXPRESSIONS = {
    "filter": SESSION_FIELDS,
    **dict.fromkeys(("journey", "not_journey", "goal", "steps", "anchor"), STEP_FIELDS),
}
"""Parameters that take expressions, and the fields that these compare."""
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Json = dict[str, Any]


def build() -> Json:
    """Returns the document."""
    document: Json = _unwrapped(_unindented(_loaded(_MADE / "openapi.yaml")))
    image = FileDescriptorSet.FromString((_MADE / "protos.binpb").read_bytes())
    files = [file for file in image.file if file.package == _PACKAGE]
    _complete(document, files)
    for name in (_HERE / "overlay.yaml", EXAMPLES):
        overlays.apply(document, _loaded(name))
    return document


def _loaded(path: Path) -> Json:
    """YAML as JSON has it: no dates, and nothing that is in two places at once."""
    loaded: Json = json.loads(json.dumps(yaml.safe_load(path.read_text())))
    return loaded


def _unindented(value: Any) -> Any:
    """Without the space that the generator puts before all lines of a comment but the first."""
    if isinstance(value, dict):
        return {name: _unindented(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_unindented(inner) for inner in value]
    return value.replace("\n ", "\n") if isinstance(value, str) else value


def _unwrapped(value: Any) -> Any:
    """Without `allOf`, into which the generator puts references that have a description."""
    if isinstance(value, list):
        return [_unwrapped(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    others = {name: _unwrapped(inner) for name, inner in value.items()}
    match others.pop("allOf", None):
        case [{"$ref": _} as reference]:
            return reference | others
    return {name: _unwrapped(inner) for name, inner in value.items()}


def _complete(document: Json, files: list[FileDescriptorProto]) -> None:
    """Add what comments say of parameters as a whole, of answers, and of error reasons."""
    comments = {name: text for file in files for name, text in _comments(file)}
    messages = {
        f"{service.name}_{method.name}": (method.input_type, method.output_type)
        for file in files
        for service in file.service
        for method in service.method
    }
    for operation in _operations(document):
        request, response = (name.split(".")[-1] for name in messages[operation["operationId"]])
        _, _, rules = comments[request].partition("\n\n")
        if rules and "requestBody" not in operation:
            operation["description"] += f"\n\n{rules}"
        operation["responses"]["200"]["description"] = comments[response]
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in _EXPRESSIONS:
                parameter["x-fields"] = _fields(_EXPRESSIONS[parameter["name"]])
    document["components"]["schemas"]["ErrorReason"] = _reasons(comments)


def _fields(fields: Mapping[str, Kind]) -> list[Json]:
    """What user interfaces complete expressions with."""
    return [
        {"name": name, "kind": kind.value, "operators": list(OPERATORS[kind])}
        for name, kind in fields.items()
    ]


def _operations(document: Json) -> Iterator[Json]:
    for path in document["paths"].values():
        yield from (path[method] for method in _METHODS if method in path)


def _reasons(comments: dict[str, str]) -> Json:
    lines = []
    for value in ErrorReason.DESCRIPTOR.values[1:]:
        error = value.GetOptions().Extensions[_ERROR]
        text = " ".join(comments[f"ErrorReason.{value.name}"].split())
        lines.append(f"- `{value.name}`: {text} {error.code}, HTTP {error.http_status}.")
    names = ErrorReason.keys()[1:]
    return {"type": "string", "enum": names, "description": "\n".join(lines)}


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """The comments of messages (`Session`) and of values (`ErrorReason.ERROR_REASON_…`)."""
    for location in file.source_code_info.location:
        text = "\n".join(line.strip() for line in location.leading_comments.strip().splitlines())
        match list(location.path):
            case [FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, number]:
                yield file.message_type[number].name, text
            case [FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, number, 2, value]:
                enum = file.enum_type[number]
                yield f"{enum.name}.{enum.value[value].name}", text


if __name__ == "__main__":
    DOCUMENT.write_text(json.dumps(build(), ensure_ascii=False, indent=2) + "\n")
