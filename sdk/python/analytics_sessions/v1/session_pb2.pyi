import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("session_id", "visitor_id", "started_at", "ended_at", "duration", "pageviews", "events", "is_bounce", "is_bot", "country", "browser", "os", "device", "region", "city", "language", "hostname", "referrer", "utm_source", "utm_medium", "utm_campaign", "entry_page", "exit_page")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    PAGEVIEWS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    IS_BOUNCE_FIELD_NUMBER: _ClassVar[int]
    IS_BOT_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    BROWSER_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    REFERRER_FIELD_NUMBER: _ClassVar[int]
    UTM_SOURCE_FIELD_NUMBER: _ClassVar[int]
    UTM_MEDIUM_FIELD_NUMBER: _ClassVar[int]
    UTM_CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PAGE_FIELD_NUMBER: _ClassVar[int]
    EXIT_PAGE_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    visitor_id: str
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    duration: int
    pageviews: int
    events: int
    is_bounce: bool
    is_bot: bool
    country: str
    browser: str
    os: str
    device: str
    region: str
    city: str
    language: str
    hostname: str
    referrer: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    entry_page: str
    exit_page: str
    def __init__(self, session_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[int] = ..., pageviews: _Optional[int] = ..., events: _Optional[int] = ..., is_bounce: _Optional[bool] = ..., is_bot: _Optional[bool] = ..., country: _Optional[str] = ..., browser: _Optional[str] = ..., os: _Optional[str] = ..., device: _Optional[str] = ..., region: _Optional[str] = ..., city: _Optional[str] = ..., language: _Optional[str] = ..., hostname: _Optional[str] = ..., referrer: _Optional[str] = ..., utm_source: _Optional[str] = ..., utm_medium: _Optional[str] = ..., utm_campaign: _Optional[str] = ..., entry_page: _Optional[str] = ..., exit_page: _Optional[str] = ...) -> None: ...

class SessionEvent(_message.Message):
    __slots__ = ("event_type", "timestamp", "url", "referrer", "event_name", "event_data", "page", "offset", "time_on_page")
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    REFERRER_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_DATA_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TIME_ON_PAGE_FIELD_NUMBER: _ClassVar[int]
    event_type: str
    timestamp: _timestamp_pb2.Timestamp
    url: str
    referrer: str
    event_name: str
    event_data: _struct_pb2.Struct
    page: str
    offset: float
    time_on_page: float
    def __init__(self, event_type: _Optional[str] = ..., timestamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., url: _Optional[str] = ..., referrer: _Optional[str] = ..., event_name: _Optional[str] = ..., event_data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., page: _Optional[str] = ..., offset: _Optional[float] = ..., time_on_page: _Optional[float] = ...) -> None: ...

class StoredEvent(_message.Message):
    __slots__ = ("session_id", "visitor_id", "event_id", "event_type", "timestamp", "sequence", "is_bot", "url", "referrer", "event_name", "event_data", "hostname", "country", "region", "city", "browser", "os", "device", "language")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_BOT_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    REFERRER_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_DATA_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    BROWSER_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    visitor_id: str
    event_id: str
    event_type: str
    timestamp: _timestamp_pb2.Timestamp
    sequence: int
    is_bot: bool
    url: str
    referrer: str
    event_name: str
    event_data: _struct_pb2.Struct
    hostname: str
    country: str
    region: str
    city: str
    browser: str
    os: str
    device: str
    language: str
    def __init__(self, session_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., event_id: _Optional[str] = ..., event_type: _Optional[str] = ..., timestamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sequence: _Optional[int] = ..., is_bot: _Optional[bool] = ..., url: _Optional[str] = ..., referrer: _Optional[str] = ..., event_name: _Optional[str] = ..., event_data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., hostname: _Optional[str] = ..., country: _Optional[str] = ..., region: _Optional[str] = ..., city: _Optional[str] = ..., browser: _Optional[str] = ..., os: _Optional[str] = ..., device: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...
