"""Makes `domain/reasons.py` of the reasons in the protos: the domain imports no protobuf."""

from pathlib import Path
from typing import Any

from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf.descriptor import EnumValueDescriptor

_FILE = Path(__file__).parents[1] / "service/sessions/domain/reasons.py"
_PREFIX = "ERROR_REASON_"
_ERROR: Any = options_pb2.error  # protoc's stubs do not know what an extension holds
_HEAD = '''\
"""Why a call failed, and in which words. Generated from error_reason.proto; do not edit."""

from enum import StrEnum


class Reason(StrEnum):
    """Machine-readable reasons; the names are those of ErrorReason in the protos."""

    message: str

    def __new__(cls, name: str, message: str) -> "Reason":
        """A reason with its message, in which names in braces stand for metadata."""
        reason = str.__new__(cls, name)
        reason._value_, reason.message = name, message
        return reason

'''


def source() -> str:
    """The text of the module."""
    rows = (
        f"    {value.name.removeprefix(_PREFIX)} = ({value.name!r}, {_message(value)!r})"
        for value in ErrorReason.DESCRIPTOR.values[1:]
    )
    return _HEAD + "\n".join(rows) + "\n"


def _message(value: EnumValueDescriptor) -> str:
    message: str = value.GetOptions().Extensions[_ERROR].message
    return message


if __name__ == "__main__":
    _FILE.write_text(source())
