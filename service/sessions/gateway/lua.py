"""The Lua filter: what the protos say as Lua tables, then `requests.lua` and `errors.lua`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analytics_sessions.v1 import options_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from sessions.gateway.contract import Contract, Method
from sessions.gateway.edge_errors import MAX_HEADER_BYTES, MAX_HEADERS, error_tables

_HERE = Path(__file__).parent
_VARIABLE = re.compile(r"\{(\w+)\}")
_UNBOUNDED = 2**31 - 1


def lua_source(contract: Contract) -> str:
    """Returns the source of the filter."""
    tables: dict[str, Any] = {
        "MAX_HEADER_BYTES": MAX_HEADER_BYTES,
        "MAX_HEADERS": MAX_HEADERS,
        "ROUTES": list(_rest_routes(contract)),
        **error_tables(contract),
    }
    scripts = [(_HERE / name).read_text() for name in ("requests.lua", "errors.lua")]
    return "\n".join([*(f"local {name} = {_lua(each)}" for name, each in tables.items()), *scripts])


def _rest_routes(contract: Contract) -> Iterator[Mapping[str, Any]]:
    """The verb and path of each call, and its parameters with the number of values of each.

    The variables of a path are in the order in which its pattern captures them.
    """
    for method in contract.methods:
        for rule in method.rest:
            verb: str = rule.WhichOneof("pattern")
            template: str = getattr(rule, verb)
            variables = _VARIABLE.findall(template)
            yield {
                "verb": verb.upper(),
                "path": _pattern(template),
                "variables": variables,
                "parameters": _parameters(method, rule, variables),
                "is_stream": method.is_rest_stream,
            }


def _pattern(template: str) -> str:
    """The Lua pattern of a path; each variable stands for one segment."""
    literals = [re.sub(r"(\W)", r"%\1", literal) for literal in _VARIABLE.split(template)[::2]]
    return f"^{'([^/]+)'.join(literals)}$"


def _parameters(method: Method, rule: HttpRule, variables: Sequence[str]) -> Mapping[str, int]:
    """How many values each parameter of the query may have: fields beside path and body."""
    # The body takes all fields of the request.
    if rule.body == "*":
        return {}
    taken = {*variables, rule.body}
    return {field.name: _most(field) for field in method.request.field if field.name not in taken}


def _most(field: FieldDescriptorProto) -> int:
    if field.label != FieldDescriptorProto.LABEL_REPEATED:
        return 1
    return field.options.Extensions[options_pb2.max_items] or _UNBOUNDED  # type: ignore[index]


def _lua(value: Any) -> str:
    """A Lua expression."""
    match value:
        case dict():
            return (
                f"{{{', '.join(f'[{_lua(key)}] = {_lua(each)}' for key, each in value.items())}}}"
            )
        case list():
            return f"{{{', '.join(map(_lua, value))}}}"
        case bool():
            return str(value).lower()
        case str():
            # Printable ASCII but for quotation marks and backslashes stays as it is.
            return '"' + re.sub(r"[^ !#-\[\]-~]", _escape, value) + '"'
    return str(value)


def _escape(found: re.Match[str]) -> str:
    # Lua reads a backslash and three digits as a byte in decimal.
    return "".join(f"\\{byte:03}" for byte in found[0].encode())
