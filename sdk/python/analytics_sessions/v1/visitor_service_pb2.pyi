import datetime

from analytics_sessions.v1 import options_pb2 as _options_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EraseVisitorRequest(_message.Message):
    __slots__ = ("website_id", "visitor_id", "client_ip", "user_agent")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_IP_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    visitor_id: str
    client_ip: str
    user_agent: str
    def __init__(self, website_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., client_ip: _Optional[str] = ..., user_agent: _Optional[str] = ...) -> None: ...

class EraseVisitorResponse(_message.Message):
    __slots__ = ("erased_sessions", "erased_events", "erased_until")
    ERASED_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ERASED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ERASED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    erased_sessions: int
    erased_events: int
    erased_until: _timestamp_pb2.Timestamp
    def __init__(self, erased_sessions: _Optional[int] = ..., erased_events: _Optional[int] = ..., erased_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
