from analytics_sessions.v1 import event_pb2 as _event_pb2
from analytics_sessions.v1 import options_pb2 as _options_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordEventsRequest(_message.Message):
    __slots__ = ("website_id", "events")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, website_id: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class RecordEventsResponse(_message.Message):
    __slots__ = ("new_events", "known_events")
    NEW_EVENTS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_EVENTS_FIELD_NUMBER: _ClassVar[int]
    new_events: int
    known_events: int
    def __init__(self, new_events: _Optional[int] = ..., known_events: _Optional[int] = ...) -> None: ...

class StreamEventsRequest(_message.Message):
    __slots__ = ("batch", "website_id", "events")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    batch: int
    website_id: str
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, batch: _Optional[int] = ..., website_id: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class StreamEventsResponse(_message.Message):
    __slots__ = ("batch", "new_events", "known_events")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    NEW_EVENTS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_EVENTS_FIELD_NUMBER: _ClassVar[int]
    batch: int
    new_events: int
    known_events: int
    def __init__(self, batch: _Optional[int] = ..., new_events: _Optional[int] = ..., known_events: _Optional[int] = ...) -> None: ...
