import datetime

from analytics_sessions.v1 import behaviour_pb2 as _behaviour_pb2
from analytics_sessions.v1 import options_pb2 as _options_pb2
from analytics_sessions.v1 import summary_pb2 as _summary_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SummarizeRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "goal", "compare", "compare_start_date", "compare_end_date")
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
    COMPARE_FIELD_NUMBER: _ClassVar[int]
    COMPARE_START_DATE_FIELD_NUMBER: _ClassVar[int]
    COMPARE_END_DATE_FIELD_NUMBER: _ClassVar[int]
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
    compare: str
    compare_start_date: str
    compare_end_date: str
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., goal: _Optional[str] = ..., compare: _Optional[str] = ..., compare_start_date: _Optional[str] = ..., compare_end_date: _Optional[str] = ...) -> None: ...

class SummarizeResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "summary", "comparison")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    summary: _summary_pb2.Summary
    comparison: Comparison
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., summary: _Optional[_Union[_summary_pb2.Summary, _Mapping]] = ..., comparison: _Optional[_Union[Comparison, _Mapping]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("start_date", "end_date", "start", "end", "adjusted", "summary")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ADJUSTED_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    adjusted: bool
    summary: _summary_pb2.Summary
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., adjusted: _Optional[bool] = ..., summary: _Optional[_Union[_summary_pb2.Summary, _Mapping]] = ...) -> None: ...

class TimeSeriesRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "goal", "granularity")
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
    goal: str
    granularity: str
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., goal: _Optional[str] = ..., granularity: _Optional[str] = ...) -> None: ...

class TimeSeriesResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "granularity", "buckets")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    GRANULARITY_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    granularity: str
    buckets: _containers.RepeatedCompositeFieldContainer[TimeBucket]
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., granularity: _Optional[str] = ..., buckets: _Optional[_Iterable[_Union[TimeBucket, _Mapping]]] = ...) -> None: ...

class TimeBucket(_message.Message):
    __slots__ = ("start", "end", "is_partial", "is_cut", "summary", "filter", "cell")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    IS_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    is_partial: bool
    is_cut: bool
    summary: _summary_pb2.Summary
    filter: str
    cell: str
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_partial: _Optional[bool] = ..., is_cut: _Optional[bool] = ..., summary: _Optional[_Union[_summary_pb2.Summary, _Mapping]] = ..., filter: _Optional[str] = ..., cell: _Optional[str] = ...) -> None: ...

class BreakdownRequest(_message.Message):
    __slots__ = ("website_id", "start_date", "end_date", "timezone", "limit", "include_bots", "filter_country", "filter_page", "filter_referrer", "filter_browser", "filter_os", "filter_device", "filter_language", "filter_utm_source", "filter_utm_medium", "filter_utm_campaign", "filter_region", "filter_city", "filter_hostname", "filter", "journey", "not_journey", "cell", "goal", "dimension", "order_by", "page_times")
    WEBSITE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
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
    GOAL_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_TIMES_FIELD_NUMBER: _ClassVar[int]
    website_id: str
    start_date: str
    end_date: str
    timezone: str
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
    goal: str
    dimension: _containers.RepeatedScalarFieldContainer[str]
    order_by: str
    page_times: bool
    def __init__(self, website_id: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., limit: _Optional[int] = ..., include_bots: _Optional[bool] = ..., filter_country: _Optional[_Iterable[str]] = ..., filter_page: _Optional[_Iterable[str]] = ..., filter_referrer: _Optional[_Iterable[str]] = ..., filter_browser: _Optional[_Iterable[str]] = ..., filter_os: _Optional[_Iterable[str]] = ..., filter_device: _Optional[_Iterable[str]] = ..., filter_language: _Optional[_Iterable[str]] = ..., filter_utm_source: _Optional[_Iterable[str]] = ..., filter_utm_medium: _Optional[_Iterable[str]] = ..., filter_utm_campaign: _Optional[_Iterable[str]] = ..., filter_region: _Optional[_Iterable[str]] = ..., filter_city: _Optional[_Iterable[str]] = ..., filter_hostname: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., journey: _Optional[_Iterable[str]] = ..., not_journey: _Optional[_Iterable[str]] = ..., cell: _Optional[str] = ..., goal: _Optional[str] = ..., dimension: _Optional[_Iterable[str]] = ..., order_by: _Optional[str] = ..., page_times: _Optional[bool] = ...) -> None: ...

class BreakdownResponse(_message.Message):
    __slots__ = ("start_date", "end_date", "timezone", "as_of", "rows", "other", "total", "distinct_values", "is_additive")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_VALUES_FIELD_NUMBER: _ClassVar[int]
    IS_ADDITIVE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    timezone: str
    as_of: _timestamp_pb2.Timestamp
    rows: _containers.RepeatedCompositeFieldContainer[BreakdownRow]
    other: BreakdownRow
    total: _summary_pb2.Summary
    distinct_values: int
    is_additive: bool
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., timezone: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rows: _Optional[_Iterable[_Union[BreakdownRow, _Mapping]]] = ..., other: _Optional[_Union[BreakdownRow, _Mapping]] = ..., total: _Optional[_Union[_summary_pb2.Summary, _Mapping]] = ..., distinct_values: _Optional[int] = ..., is_additive: _Optional[bool] = ...) -> None: ...

class BreakdownRow(_message.Message):
    __slots__ = ("values", "share", "summary", "filter", "cell", "views", "entries", "exits", "exit_rate", "measured_views", "total_time", "avg_time", "median_time")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    EXIT_RATE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_VIEWS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TIME_FIELD_NUMBER: _ClassVar[int]
    AVG_TIME_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_TIME_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    share: float
    summary: _summary_pb2.Summary
    filter: str
    cell: str
    views: float
    entries: int
    exits: int
    exit_rate: float
    measured_views: float
    total_time: float
    avg_time: float
    median_time: float
    def __init__(self, values: _Optional[_Iterable[str]] = ..., share: _Optional[float] = ..., summary: _Optional[_Union[_summary_pb2.Summary, _Mapping]] = ..., filter: _Optional[str] = ..., cell: _Optional[str] = ..., views: _Optional[float] = ..., entries: _Optional[int] = ..., exits: _Optional[int] = ..., exit_rate: _Optional[float] = ..., measured_views: _Optional[float] = ..., total_time: _Optional[float] = ..., avg_time: _Optional[float] = ..., median_time: _Optional[float] = ...) -> None: ...
