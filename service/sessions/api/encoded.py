"""Answers whose sessions are bytes already.

A message inside of another is the same on the wire as the bytes of it
(https://protobuf.dev/programming-guides/proto3/#updating): so a session that is stored as its
message goes into an answer without being decoded.
"""

from collections.abc import Sequence
from typing import Any

from analytics_sessions.v1 import session_pb2
from analytics_sessions.v1.session_service_pb2 import ListSessionsResponse
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Value

_PACKAGE = "analytics.sessions.encoded"
_SESSION = f".{session_pb2.Session.DESCRIPTOR.full_name}"


def _file() -> FileDescriptorProto:
    """The answer of ListSessions with bytes in place of each session."""
    file = FileDescriptorProto(name="sessions/encoded.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.append("google/protobuf/struct.proto")
    message = file.message_type.add()
    ListSessionsResponse.DESCRIPTOR.CopyToProto(message)
    for field in message.field:
        if field.type_name == _SESSION:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    return file


def _message(name: str) -> Any:
    pool: Any = Default()
    pool.Add(_file())
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_PAGE = _message("ListSessionsResponse")


def encoded_page(sessions: Sequence[bytes], next_cursor: Value) -> ListSessionsResponse:
    """A page whose sessions are bytes, for whoever only serializes it or looks at its cursor."""
    page: ListSessionsResponse = _PAGE(sessions=sessions, next_cursor=next_cursor)
    return page
