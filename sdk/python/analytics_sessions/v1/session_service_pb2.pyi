from analytics_sessions.v1 import options_pb2 as _options_pb2
from analytics_sessions.v1 import session_pb2 as _session_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListSessionsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "cursor", "limit", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BOTS_FIELD_NUMBER: _ClassVar[int]
    FILTER_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    FILTER_PAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_REFERRER_FIELD_NUMBER: _ClassVar[int]
    FILTER_BROWSER_FIELD_NUMBER: _ClassVar[int]
    FILTER_OS_FIELD_NUMBER: _ClassVar[int]
    FILTER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    FILTER_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_SOURCE_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_MEDIUM_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    FILTER_REGION_FIELD_NUMBER: _ClassVar[int]
    FILTER_CITY_FIELD_NUMBER: _ClassVar[int]
    FILTER_HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    NOT_JOURNEY_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
    cursor: str
    limit: int
    include_bots: bool
    filter_country: _containers.RepeatedScalarFieldContainer[str]
    filter_page: _containers.RepeatedScalarFieldContainer[str]
    filter_referrer: _containers.RepeatedScalarFieldContainer[str]
    filter_browser: _containers.RepeatedScalarFieldContainer[str]
    filter_os: _containers.RepeatedScalarFieldContainer[str]
    filter_device: _containers.RepeatedScalarFieldContainer[str]
    filter_language: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_source: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_medium: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_campaign: _containers.RepeatedScalarFieldContainer[str]
    filter_region: _containers.RepeatedScalarFieldContainer[str]
    filter_city: _containers.RepeatedScalarFieldContainer[str]
    filter_hostname: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    journey: _containers.RepeatedScalarFieldContainer[str]
    not_journey: _containers.RepeatedScalarFieldContainer[str]
    cell: str
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_cursor")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[_session_pb2.Session]
    next_cursor: _struct_pb2.Value
    def __init__(self, sessions: _Optional[_Iterable[_Union[_session_pb2.Session, _Mapping]]] = ..., next_cursor: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class ExportSessionsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "cursor", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "format", "include_events")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BOTS_FIELD_NUMBER: _ClassVar[int]
    FILTER_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    FILTER_PAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_REFERRER_FIELD_NUMBER: _ClassVar[int]
    FILTER_BROWSER_FIELD_NUMBER: _ClassVar[int]
    FILTER_OS_FIELD_NUMBER: _ClassVar[int]
    FILTER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    FILTER_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_SOURCE_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_MEDIUM_FIELD_NUMBER: _ClassVar[int]
    FILTER_UTM_CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    FILTER_REGION_FIELD_NUMBER: _ClassVar[int]
    FILTER_CITY_FIELD_NUMBER: _ClassVar[int]
    FILTER_HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    NOT_JOURNEY_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_EVENTS_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
    cursor: str
    include_bots: bool
    filter_country: _containers.RepeatedScalarFieldContainer[str]
    filter_page: _containers.RepeatedScalarFieldContainer[str]
    filter_referrer: _containers.RepeatedScalarFieldContainer[str]
    filter_browser: _containers.RepeatedScalarFieldContainer[str]
    filter_os: _containers.RepeatedScalarFieldContainer[str]
    filter_device: _containers.RepeatedScalarFieldContainer[str]
    filter_language: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_source: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_medium: _containers.RepeatedScalarFieldContainer[str]
    filter_utm_campaign: _containers.RepeatedScalarFieldContainer[str]
    filter_region: _containers.RepeatedScalarFieldContainer[str]
    filter_city: _containers.RepeatedScalarFieldContainer[str]
    filter_hostname: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    journey: _containers.RepeatedScalarFieldContainer[str]
    not_journey: _containers.RepeatedScalarFieldContainer[str]
    cell: str
    format: str
    include_events: bool
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., cursor: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., format: _Optional[str] = ..., include_events: _Optional[bool] = ...) -> None: ...

class ExportSessionsResponse(_message.Message):
    __slots__ = ("items", "cursor", "sessions", "is_last")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ExportItem]
    cursor: str
    sessions: int
    is_last: bool
    def __init__(self, items: _Optional[_Iterable[_Union[ExportItem, _Mapping]]] = ..., cursor: _Optional[str] = ..., sessions: _Optional[int] = ..., is_last: _Optional[bool] = ...) -> None: ...

class ExportItem(_message.Message):
    __slots__ = ("session", "event")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    event: _session_pb2.StoredEvent
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., event: _Optional[_Union[_session_pb2.StoredEvent, _Mapping]] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("website_id", "session_id", "events_limit", "events_cursor")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_CURSOR_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    session_id: str
    events_limit: int
    events_cursor: str
    def __init__(self, website_id: _Optional[str] = ..., session_id: _Optional[str] = ..., events_limit: _Optional[int] = ..., events_cursor: _Optional[str] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("session", "events", "next_events_cursor", "previous_view_time")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVENTS_CURSOR_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VIEW_TIME_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    events: _containers.RepeatedCompositeFieldContainer[_session_pb2.SessionEvent]
    next_events_cursor: _struct_pb2.Value
    previous_view_time: float
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., events: _Optional[_Iterable[_Union[_session_pb2.SessionEvent, _Mapping]]] = ..., next_events_cursor: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., previous_view_time: _Optional[float] = ...) -> None: ...
