from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Summary(_message.Message):
    __slots__ = ("sessions", "visitors", "pageviews", "events", "bounces", "bounce_rate", "total_duration", "avg_duration", "median_duration", "p90_duration", "pageviews_per_session", "events_per_session", "goal_sessions", "goal_rate")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    VISITORS_FIELD_NUMBER: _ClassVar[int]
    PAGEVIEWS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    BOUNCES_FIELD_NUMBER: _ClassVar[int]
    BOUNCE_RATE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DURATION_FIELD_NUMBER: _ClassVar[int]
    AVG_DURATION_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_DURATION_FIELD_NUMBER: _ClassVar[int]
    P90_DURATION_FIELD_NUMBER: _ClassVar[int]
    PAGEVIEWS_PER_SESSION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_SESSION_FIELD_NUMBER: _ClassVar[int]
    GOAL_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    GOAL_RATE_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    visitors: int
    pageviews: float
    events: float
    bounces: int
    bounce_rate: float
    total_duration: float
    avg_duration: float
    median_duration: float
    p90_duration: float
    pageviews_per_session: float
    events_per_session: float
    goal_sessions: int
    goal_rate: float
    def __init__(self, sessions: _Optional[int] = ..., visitors: _Optional[int] = ..., pageviews: _Optional[float] = ..., events: _Optional[float] = ..., bounces: _Optional[int] = ..., bounce_rate: _Optional[float] = ..., total_duration: _Optional[float] = ..., avg_duration: _Optional[float] = ..., median_duration: _Optional[float] = ..., p90_duration: _Optional[float] = ..., pageviews_per_session: _Optional[float] = ..., events_per_session: _Optional[float] = ..., goal_sessions: _Optional[int] = ..., goal_rate: _Optional[float] = ...) -> None: ...
