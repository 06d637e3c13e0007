import datetime

from analytics_sessions.v1 import options_pb2 as _options_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DrillDown(_message.Message):
    __slots__ = ("filter", "journey", "not_journey", "cell")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    NOT_JOURNEY_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    filter: str
    journey: _containers.RepeatedScalarFieldContainer[str]
    not_journey: _containers.RepeatedScalarFieldContainer[str]
    cell: str
    def __init__(self, filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("page", "event")
    PAGE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    page: str
    event: str
    def __init__(self, page: _Optional[str] = ..., event: _Optional[str] = ...) -> None: ...

class FunnelRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "steps", "unit", "order", "window", "dimension", "limit")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    STEPS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    steps: _containers.RepeatedScalarFieldContainer[str]
    unit: str
    order: str
    window: int
    dimension: str
    limit: int
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., steps: _Optional[_Iterable[str]] = ..., unit: _Optional[str] = ..., order: _Optional[str] = ..., window: _Optional[int] = ..., dimension: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class FunnelResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "steps", "rows", "other", "is_complete")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    IS_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    steps: _containers.RepeatedCompositeFieldContainer[FunnelStep]
    rows: _containers.RepeatedCompositeFieldContainer[FunnelRow]
    other: _containers.RepeatedCompositeFieldContainer[FunnelStep]
    is_complete: bool
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[FunnelStep, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[FunnelRow, _Mapping]]] = ..., other: _Optional[_Iterable[_Union[FunnelStep, _Mapping]]] = ..., is_complete: _Optional[bool] = ...) -> None: ...

class FunnelRow(_message.Message):
    __slots__ = ("value", "steps")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    value: str
    steps: _containers.RepeatedCompositeFieldContainer[FunnelStep]
    def __init__(self, value: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[FunnelStep, _Mapping]]] = ...) -> None: ...

class FunnelStep(_message.Message):
    __slots__ = ("step", "reached", "dropped", "conversion_from_start", "conversion_from_previous", "conversion_low", "conversion_high", "median_seconds_from_previous", "p90_seconds_from_previous", "reached_sessions", "dropped_sessions")
    STEP_FIELD_NUMBER: _ClassVar[int]
    REACHED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FROM_START_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FROM_PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_LOW_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_HIGH_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_SECONDS_FROM_PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    P90_SECONDS_FROM_PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    REACHED_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    step: str
    reached: int
    dropped: int
    conversion_from_start: float
    conversion_from_previous: float
    conversion_low: float
    conversion_high: float
    median_seconds_from_previous: float
    p90_seconds_from_previous: float
    reached_sessions: DrillDown
    dropped_sessions: DrillDown
    def __init__(self, step: _Optional[str] = ..., reached: _Optional[int] = ..., dropped: _Optional[int] = ..., conversion_from_start: _Optional[float] = ..., conversion_from_previous: _Optional[float] = ..., conversion_low: _Optional[float] = ..., conversion_high: _Optional[float] = ..., median_seconds_from_previous: _Optional[float] = ..., p90_seconds_from_previous: _Optional[float] = ..., reached_sessions: _Optional[_Union[DrillDown, _Mapping]] = ..., dropped_sessions: _Optional[_Union[DrillDown, _Mapping]] = ...) -> None: ...

class FlowsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "depth", "width", "anchor", "direction", "items", "collapse_repeats")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    COLLAPSE_REPEATS_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    depth: int
    width: int
    anchor: str
    direction: str
    items: str
    collapse_repeats: bool
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., depth: _Optional[int] = ..., width: _Optional[int] = ..., anchor: _Optional[str] = ..., direction: _Optional[str] = ..., items: _Optional[str] = ..., collapse_repeats: _Optional[bool] = ...) -> None: ...

class FlowsResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "nodes")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    nodes: _containers.RepeatedCompositeFieldContainer[FlowNode]
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., nodes: _Optional[_Iterable[_Union[FlowNode, _Mapping]]] = ...) -> None: ...

class FlowNode(_message.Message):
    __slots__ = ("node_id", "parent_id", "depth", "item", "sessions", "ended", "truncated", "other", "cell")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    node_id: int
    parent_id: int
    depth: int
    item: Item
    sessions: int
    ended: int
    truncated: int
    other: int
    cell: str
    def __init__(self, node_id: _Optional[int] = ..., parent_id: _Optional[int] = ..., depth: _Optional[int] = ..., item: _Optional[_Union[Item, _Mapping]] = ..., sessions: _Optional[int] = ..., ended: _Optional[int] = ..., truncated: _Optional[int] = ..., other: _Optional[int] = ..., cell: _Optional[str] = ...) -> None: ...

class TransitionsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "page", "limit")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    page: str
    limit: int
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., page: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TransitionsResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "sessions", "views", "entries", "from_other", "reloads", "exits", "to_other", "previous", "next", "view_sessions", "entry_sessions", "exit_sessions", "reload_sessions")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    FROM_OTHER_FIELD_NUMBER: _ClassVar[int]
    RELOADS_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    TO_OTHER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    VIEW_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    EXIT_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    RELOAD_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    sessions: int
    views: float
    entries: float
    from_other: float
    reloads: float
    exits: float
    to_other: float
    previous: _containers.RepeatedCompositeFieldContainer[Transition]
    next: _containers.RepeatedCompositeFieldContainer[Transition]
    view_sessions: DrillDown
    entry_sessions: DrillDown
    exit_sessions: DrillDown
    reload_sessions: DrillDown
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sessions: _Optional[int] = ..., views: _Optional[float] = ..., entries: _Optional[float] = ..., from_other: _Optional[float] = ..., reloads: _Optional[float] = ..., exits: _Optional[float] = ..., to_other: _Optional[float] = ..., previous: _Optional[_Iterable[_Union[Transition, _Mapping]]] = ..., next: _Optional[_Iterable[_Union[Transition, _Mapping]]] = ..., view_sessions: _Optional[_Union[DrillDown, _Mapping]] = ..., entry_sessions: _Optional[_Union[DrillDown, _Mapping]] = ..., exit_sessions: _Optional[_Union[DrillDown, _Mapping]] = ..., reload_sessions: _Optional[_Union[DrillDown, _Mapping]] = ...) -> None: ...

class Transition(_message.Message):
    __slots__ = ("page", "views", "sessions", "cell")
    PAGE_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    page: str
    views: float
    sessions: int
    cell: str
    def __init__(self, page: _Optional[str] = ..., views: _Optional[float] = ..., sessions: _Optional[int] = ..., cell: _Optional[str] = ...) -> None: ...

class CohortsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "granularity")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    GRANULARITY_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    granularity: str
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., granularity: _Optional[str] = ...) -> None: ...

class CohortsResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "granularity", "cohorts")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    GRANULARITY_FIELD_NUMBER: _ClassVar[int]
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    granularity: str
    cohorts: _containers.RepeatedCompositeFieldContainer[Cohort]
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., granularity: _Optional[str] = ..., cohorts: _Optional[_Iterable[_Union[Cohort, _Mapping]]] = ...) -> None: ...

class Cohort(_message.Message):
    __slots__ = ("start", "end", "is_cut", "visitors", "periods")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_FIELD_NUMBER: _ClassVar[int]
    VISITORS_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    is_cut: bool
    visitors: int
    periods: _containers.RepeatedCompositeFieldContainer[CohortPeriod]
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_cut: _Optional[bool] = ..., visitors: _Optional[int] = ..., periods: _Optional[_Iterable[_Union[CohortPeriod, _Mapping]]] = ...) -> None: ...

class CohortPeriod(_message.Message):
    __slots__ = ("start", "end", "is_partial", "returned", "rate", "cell")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    IS_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    is_partial: bool
    returned: int
    rate: float
    cell: str
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_partial: _Optional[bool] = ..., returned: _Optional[int] = ..., rate: _Optional[float] = ..., cell: _Optional[str] = ...) -> None: ...

class PatternsRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "goal", "length", "min_sessions", "items", "collapse_repeats", "limit")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    GOAL_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    MIN_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    COLLAPSE_REPEATS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    goal: str
    length: int
    min_sessions: int
    items: str
    collapse_repeats: bool
    limit: int
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., goal: _Optional[str] = ..., length: _Optional[int] = ..., min_sessions: _Optional[int] = ..., items: _Optional[str] = ..., collapse_repeats: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class PatternsResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "sessions", "goal_sessions", "is_exact", "patterns")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    GOAL_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    IS_EXACT_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    sessions: int
    goal_sessions: int
    is_exact: bool
    patterns: _containers.RepeatedCompositeFieldContainer[Pattern]
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sessions: _Optional[int] = ..., goal_sessions: _Optional[int] = ..., is_exact: _Optional[bool] = ..., patterns: _Optional[_Iterable[_Union[Pattern, _Mapping]]] = ...) -> None: ...

class Pattern(_message.Message):
    __slots__ = ("items", "sessions", "share", "lift", "with_goal", "without_goal", "cell")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    LIFT_FIELD_NUMBER: _ClassVar[int]
    WITH_GOAL_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_GOAL_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Item]
    sessions: int
    share: float
    lift: float
    with_goal: PatternFigures
    without_goal: PatternFigures
    cell: str
    def __init__(self, items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., sessions: _Optional[int] = ..., share: _Optional[float] = ..., lift: _Optional[float] = ..., with_goal: _Optional[_Union[PatternFigures, _Mapping]] = ..., without_goal: _Optional[_Union[PatternFigures, _Mapping]] = ..., cell: _Optional[str] = ...) -> None: ...

class PatternFigures(_message.Message):
    __slots__ = ("sessions", "share", "lift")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    LIFT_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    share: float
    lift: float
    def __init__(self, sessions: _Optional[int] = ..., share: _Optional[float] = ..., lift: _Optional[float] = ...) -> None: ...
