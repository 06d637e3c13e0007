"""Answers whose sessions are bytes already.

A message inside of another is the same on the wire as the bytes of it
(https://protobuf.dev/programming-guides/proto3/#updating): so a session that is stored as its
message goes into an answer without being decoded.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from analytics_sessions.v1 import event_pb2, session_pb2
from analytics_sessions.v1.session_service_pb2 import (
    ExportItem,
    ExportSessionsResponse,
    ListSessionsResponse,
)
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Value

_PACKAGE = "analytics.sessions.encoded"
_SESSION, _ITEM = (f".{each.DESCRIPTOR.full_name}" for each in (session_pb2.Session, ExportItem))


def _file() -> FileDescriptorProto:
    """The answers with bytes in place of each session."""
    file = FileDescriptorProto(name="sessions/encoded.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.extend([event_pb2.DESCRIPTOR.name, Value.DESCRIPTOR.file.name])
    for answer in (ListSessionsResponse, ExportItem, ExportSessionsResponse):
        message = file.message_type.add()
        answer.DESCRIPTOR.CopyToProto(message)
        for field in message.field:
            if field.type_name == _SESSION:
                field.type = FieldDescriptorProto.TYPE_BYTES
                field.ClearField("type_name")
            elif field.type_name == _ITEM:
                field.type_name = f".{_PACKAGE}.{ExportItem.DESCRIPTOR.name}"
    return file


_pool: Any = Default()
_pool.Add(_file())


def _message(name: str) -> Any:
    return GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_PAGE = _message("ListSessionsResponse")
_EXPORT = _message("ExportSessionsResponse")


def encoded_page(sessions: Sequence[bytes], next_cursor: Value) -> ListSessionsResponse:
    """A page whose sessions are bytes, for whoever only serializes it or looks at its cursor."""
    page: ListSessionsResponse = _PAGE(sessions=sessions, next_cursor=next_cursor)
    return page


def encoded_export(items: Iterable[dict[str, Any]], **fields: Any) -> ExportSessionsResponse:
    """A message of an export whose sessions are bytes, for whoever only serializes it.

    Args:
        items: the fields of each item.
        fields: those of the message.
    """
    response: ExportSessionsResponse = _EXPORT(items=items, **fields)
    return response
