"""What is asked and answered: queries, pages, and events in batches."""

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from analytics_sessions.errors import SessionsError
from analytics_sessions.v1.analysis_service_pb2 import (
    BreakdownRequest,
    BreakdownRow,
    SummarizeRequest,
    TimeBucket,
    TimeSeriesRequest,
)
from analytics_sessions.v1.behaviour_pb2 import (
    CohortPeriod,
    CohortsRequest,
    DrillDown,
    FlowNode,
    FlowsRequest,
    FunnelRequest,
    Pattern,
    PatternsRequest,
    Transition,
    TransitionsRequest,
)
from analytics_sessions.v1.event_pb2 import Event as EventMessage
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest, StreamEventsRequest
from analytics_sessions.v1.session_service_pb2 import (
    ExportItem,
    ExportSessionsRequest,
    ExportSessionsResponse,
    GetSessionRequest,
    ListSessionsRequest,
)
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorRequest

_BATCH_EVENTS, _BATCH_BYTES = 1_000, 3 * 2**20
_UNDER_WAY = 2  # batches of a stream: one is stored while the next one is read and sent

T = TypeVar("T")
Values = str | Iterable[str]


class Query(TypedDict, total=False):
    """What `sessions` takes by name, with the meaning and the defaults of ListSessionsRequest.

    An aware datetime stands for its day in `timezone`, or in UTC.
    """

    start_date: date | str | None
    end_date: date | str | None
    timezone: ZoneInfo | str | None
    include_bots: bool
    filter_country: Values
    filter_page: Values
    filter_referrer: Values
    filter_browser: Values
    filter_os: Values
    filter_device: Values
    filter_language: Values
    filter_utm_source: Values
    filter_utm_medium: Values
    filter_utm_campaign: Values
    filter_region: Values
    filter_city: Values
    filter_hostname: Values
    filter: str | None
    journey: Values
    not_journey: Values
    cell: str | None


class SummaryQuery(Query, total=False):
    """What `summarize` takes by name, with the meaning and the defaults of SummarizeRequest."""

    goal: str | None
    compare: Literal["previous_period", "previous_year", "custom"] | None
    compare_start_date: date | str | None
    compare_end_date: date | str | None


class SeriesQuery(Query, total=False):
    """What `time_series` takes by name, as TimeSeriesRequest has it."""

    goal: str | None
    granularity: Literal["hour", "day", "week", "month"] | None


class BreakdownQuery(Query, total=False):
    """What `breakdown` takes by name, as BreakdownRequest has it."""

    goal: str | None
    order_by: str
    page_times: bool


Row = TimeBucket | BreakdownRow | DrillDown | FlowNode | Transition | CohortPeriod | Pattern


class FunnelQuery(Query, total=False):
    """What `funnel` takes by name, with the meaning and the defaults of FunnelRequest."""

    unit: Literal["session", "visitor"] | None
    order: Literal["ordered", "strict"] | None
    window: int | None
    dimension: str | None
    limit: int | None


class FlowsQuery(Query, total=False):
    """What `flows` takes by name, with the meaning and the defaults of FlowsRequest."""

    depth: int | None
    width: int | None
    anchor: str | None
    direction: Literal["next", "previous"] | None
    items: Literal["pages", "events", "both"] | None
    collapse_repeats: bool | None


class TransitionsQuery(Query, total=False):
    """What `transitions` takes by name, with the meaning and the defaults of TransitionsRequest."""

    limit: int | None


class CohortsQuery(Query, total=False):
    """What `cohorts` takes by name, with the meaning and the defaults of CohortsRequest."""

    granularity: Literal["day", "week", "month"] | None


class PatternsQuery(Query, total=False):
    """What `patterns` takes by name, with the meaning and the defaults of PatternsRequest."""

    goal: str | None
    length: int | None
    min_sessions: int | None
    items: Literal["pages", "events", "both"] | None
    collapse_repeats: bool | None
    limit: int | None


class Event(TypedDict, total=False):
    """An event to record; `event_type` and who it was are required, see the README.

    What is None counts as left out.
    """

    event_id: str | None
    event_type: str
    timestamp: datetime | Timestamp | None
    sequence: int | None
    visitor_id: str | None
    client_ip: str | None
    user_agent: str | None
    url: str | None
    referrer: str | None
    event_name: str | None
    event_data: Mapping[str, Any] | None
    hostname: str | None
    language: str | None
    country: str | None
    region: str | None
    city: str | None


class Recorded(NamedTuple):
    """How many events are recorded; those that were there before count too."""

    accepted: int


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list, and where the next page begins; None on the last one.

    A page of events also has the `time_on_page` of the last view before it, where it tells it.
    """

    items: Sequence[T]
    next_cursor: str | None
    previous_view_time: float | None = None


class Listing(NamedTuple):
    """A request whose answer comes in pages, and the names of the fields for that."""

    method: str
    request: Any
    cursor: str
    items: str
    next_cursor: str

    def page_at(self, cursor: str | None) -> Any:
        """The request for the page that begins there; None is the first page."""
        request = type(self.request)()
        request.CopyFrom(self.request)
        setattr(request, self.cursor, cursor or "")
        return request

    def page_of(self, answer: Any) -> Page[Any]:
        """The page in an answer."""
        following = getattr(answer, self.next_cursor).string_value
        timed = self.items == "events" and answer.HasField("previous_view_time")
        time = answer.previous_view_time if timed else None
        return Page(getattr(answer, self.items), following or None, time)


def list_sessions(website_id: str, page_size: int | None, query: Query) -> Listing:
    """The sessions of a website; TypeError or ValueError where the query is wrong."""
    request = ListSessionsRequest(
        website_id=website_id, limit=page_size or 100, **_fields("sessions", query, Query)
    )
    return Listing("ListSessions", request, "cursor", "sessions", "next_cursor")


class Export:
    """How far an export has come, over one stream after another.

    Args:
        request: what a new stream is asked for; it goes on where the one before it broke off.
    """

    def __init__(self, request: ExportSessionsRequest) -> None:
        self.request = request
        # Of one that begins at a cursor, the first answer tells how many sessions were before.
        self._sessions = None if request.cursor else 0

    def page_of(self, answer: ExportSessionsResponse) -> Page[ExportItem]:
        """The page in an answer; raises DATA_LOSS where answers before it are missing."""
        before = answer.sessions - sum(item.HasField("session") for item in answer.items)
        if self._sessions not in (None, before):
            text = f"the export lacks sessions: there are {self._sessions}, not {before}"
            raise SessionsError(StatusCode.DATA_LOSS, text)
        self._sessions = answer.sessions
        self.request.cursor = answer.cursor
        return Page(answer.items, answer.cursor or None)


def export_sessions(
    website_id: str, cursor: str | None, include_events: bool, query: Query
) -> ExportSessionsRequest:
    """The sessions to export; TypeError or ValueError where the query is wrong."""
    fields = _fields("export_sessions", query, Query)
    return ExportSessionsRequest(
        website_id=website_id, cursor=cursor, include_events=include_events, **fields
    )


def list_events(website_id: str, session_id: str, page_size: int | None) -> Listing:
    """The events of a session."""
    request = GetSessionRequest(
        website_id=website_id, session_id=session_id, events_limit=page_size
    )
    return Listing("GetSession", request, "events_cursor", "events", "next_events_cursor")


def get_session(website_id: str, session_id: str) -> GetSessionRequest:
    """A session without its events, but one."""
    return GetSessionRequest(website_id=website_id, session_id=session_id, events_limit=1)


def erase_visitor(
    website_id: str, visitor_id: str | None, client_ip: str | None, user_agent: str | None
) -> EraseVisitorRequest:
    """A visitor to erase, named as in its events."""
    return EraseVisitorRequest(
        website_id=website_id, visitor_id=visitor_id, client_ip=client_ip, user_agent=user_agent
    )


def summarize(website_id: str, query: SummaryQuery) -> SummarizeRequest:
    """The sessions to summarize; TypeError or ValueError where the query is wrong."""
    return SummarizeRequest(website_id=website_id, **_fields("summarize", query, SummaryQuery))


def time_series(website_id: str, query: SeriesQuery) -> TimeSeriesRequest:
    """As `summarize`, over time."""
    return TimeSeriesRequest(website_id=website_id, **_fields("time_series", query, SeriesQuery))


def breakdown(
    website_id: str, dimensions: Values, limit: int | None, query: BreakdownQuery
) -> BreakdownRequest:
    """As `summarize`, by value."""
    names = [dimensions] if isinstance(dimensions, str) else list(dimensions)
    fields = _fields("breakdown", query, BreakdownQuery)
    return BreakdownRequest(website_id=website_id, dimension=names, limit=limit, **fields)


def drill_down(query: Mapping[str, Any], row: Row) -> Query:
    """The query of the sessions of a row, of the query that the row is of."""
    names = ("filter", "journey", "not_journey", "cell")
    sent = {name: value for name in names if (value := getattr(row, name, None))}
    if not sent:
        text = "this row carries no filter and no cell, so its sessions cannot be listed"
        raise ValueError(text)
    kept: Any = {name: value for name, value in query.items() if name in Query.__annotations__}
    return Query(**kept | sent)


def funnel(website_id: str, steps: Iterable[str], query: FunnelQuery) -> FunnelRequest:
    """The funnel to count; TypeError or ValueError where the query is wrong."""
    fields = _fields("funnel", query, FunnelQuery)
    return FunnelRequest(website_id=website_id, steps=_values("steps", steps), **fields)


def flows(website_id: str, query: FlowsQuery) -> FlowsRequest:
    """The sessions to follow; TypeError or ValueError where the query is wrong."""
    return FlowsRequest(website_id=website_id, **_fields("flows", query, FlowsQuery))


def transitions(website_id: str, page: str, query: TransitionsQuery) -> TransitionsRequest:
    """The page to look at; TypeError or ValueError where the query is wrong."""
    fields = _fields("transitions", query, TransitionsQuery)
    return TransitionsRequest(website_id=website_id, page=page, **fields)


def cohorts(website_id: str, query: CohortsQuery) -> CohortsRequest:
    """The visitors to count; TypeError or ValueError where the query is wrong."""
    return CohortsRequest(website_id=website_id, **_fields("cohorts", query, CohortsQuery))


def patterns(website_id: str, query: PatternsQuery) -> PatternsRequest:
    """The patterns to find; TypeError or ValueError where the query is wrong."""
    return PatternsRequest(website_id=website_id, **_fields("patterns", query, PatternsQuery))


def _fields(call: str, query: Mapping[str, Any], known: Any) -> dict[str, Any]:
    """The fields of a request for a query."""
    _refuse_unknown(f"{call}() takes no argument", query, known)
    lists = {name for name, kind in known.__annotations__.items() if kind == Values}
    return {
        name: _values(name, value) if name in lists else _field(name, value, query)
        for name, value in query.items()
    }


def _refuse_unknown(message: str, given: Mapping[str, Any], known: Any) -> None:
    if unknown := given.keys() - known.__annotations__.keys():
        raise TypeError(f"{message} {', '.join(sorted(unknown))}")


def _field(name: str, value: Any, query: Mapping[str, Any]) -> Any:
    if name.endswith("_date"):
        return _day(value, query.get("timezone"))
    if name == "timezone" and isinstance(value, ZoneInfo):
        return value.key
    return value


def _values(name: str, value: Any) -> list[Any]:
    if value is None:
        raise TypeError(f"{name}: None is no value; leave it out, or send '' for sessions without")
    if values := [value] if isinstance(value, str) else list(value):
        return values
    raise ValueError(f"{name}: has no values, which would match all sessions; leave it out")


def _day(value: Any, timezone: ZoneInfo | str | None) -> Any:
    if isinstance(value, datetime):
        zone = ZoneInfo(timezone) if isinstance(timezone, str) else timezone or UTC
        return (value.astimezone(zone) if value.tzinfo else value).date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def event_message(event: Event | EventMessage, name: str = "event") -> EventMessage:
    """The message of an event, with an id and a timestamp, so that it can be sent again.

    Raises:
        TypeError: A field does not exist, or has a value of another type.
        ValueError: `timestamp` has no time zone, or `event_data` has what JSON has not.
    """
    sent = EventMessage(event_id=uuid4().hex)
    if isinstance(event, EventMessage):
        sent.MergeFrom(event)
    else:
        _refuse_unknown(f"{name} has no field", event, Event)
        _fill(sent, event, name)
    if not sent.HasField("timestamp"):
        sent.timestamp.GetCurrentTime()
    return sent


def _fill(sent: EventMessage, event: Event, name: str) -> None:
    value: Any
    for field, value in event.items():
        try:
            if field == "event_data":
                sent.event_data.update(value or {})
            elif field == "timestamp":
                _stamp(sent.timestamp, value)
            elif value is not None and value != "":
                setattr(sent, field, value)
        except ValueError as error:
            raise ValueError(f"{name}.{field}: {error}") from error
        except (TypeError, AttributeError) as error:
            raise TypeError(f"{name}.{field}: {value!r} has a wrong type") from error


def _stamp(timestamp: Timestamp, value: Any) -> None:
    if isinstance(value, Timestamp):
        timestamp.CopyFrom(value)
    elif isinstance(value, datetime) and value.tzinfo:
        timestamp.FromDatetime(value)
    elif isinstance(value, datetime):
        raise ValueError(f"{value!r} has no time zone; give it one, such as tzinfo=UTC")
    elif value is not None:
        raise TypeError


class _Batch:
    """Events until they are as many as one request can hold."""

    def __init__(self) -> None:
        self._events: list[EventMessage] = []
        self._bytes = self._seen = 0

    def add(self, event: Event | EventMessage) -> list[EventMessage]:
        """The batch before, where the event does not fit into it any more; else nothing."""
        message, full = event_message(event, f"events[{self._seen}]"), []
        size = message.ByteSize() + 8  # with its frame
        is_full = len(self._events) == _BATCH_EVENTS or self._bytes + size > _BATCH_BYTES
        if self._events and is_full:
            full, self._events, self._bytes = self._events, [], 0
        self._events.append(message)
        self._bytes, self._seen = self._bytes + size, self._seen + 1
        return full

    def rest(self) -> list[EventMessage]:
        """What is left when there are no more events."""
        return self._events


Events = Iterable[Event | EventMessage]
AsyncEvents = Events | AsyncIterable[Event | EventMessage]


def batches(events: Events) -> Iterator[list[EventMessage]]:
    """The events in as few requests as they fit into."""
    batch = _Batch()
    for event in events:
        if full := batch.add(event):
            yield full
    if rest := batch.rest():
        yield rest


async def async_batches(events: AsyncEvents) -> AsyncIterator[list[EventMessage]]:
    """As `batches`, of events that may come asynchronously."""
    batch = _Batch()
    async for event in _async_each(events):
        if full := batch.add(event):
            yield full
    if rest := batch.rest():
        yield rest


class SourceFailed(Exception):
    """The events themselves could not be read: no failure of the stream, whatever its type."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def guarded_batches(events: Events) -> Iterator[list[EventMessage]]:
    """As `batches`; what the events raise is told apart from failures of the stream."""
    try:
        yield from batches(events)
    except Exception as error:
        raise SourceFailed(error) from error


async def async_guarded_batches(events: AsyncEvents) -> AsyncIterator[list[EventMessage]]:
    """As `guarded_batches`, of events that may come asynchronously."""
    try:
        async for batch in async_batches(events):
            yield batch
    except Exception as error:
        raise SourceFailed(error) from error


async def _async_each(items: Any) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def record_events(website_id: str, batch: list[EventMessage]) -> RecordEventsRequest:
    """A batch to record."""
    return RecordEventsRequest(website_id=website_id, events=batch)


class Unanswered:
    """The batches of a stream that are under way; a stream that follows begins with them."""

    def __init__(self, website_id: str) -> None:
        self.accepted = 0
        self._website_id = website_id
        self._batches: deque[StreamEventsRequest] = deque()
        self._number = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be sent before an answer comes."""
        return len(self._batches) < _UNDER_WAY

    def add(self, batch: list[EventMessage]) -> StreamEventsRequest:
        """The request for a batch, which is kept until it is answered."""
        request = StreamEventsRequest(batch=self._number, website_id=self._website_id, events=batch)
        self._number += 1
        self._batches.append(request)
        return request

    def again(self) -> list[StreamEventsRequest]:
        """What a new stream begins with."""
        return list(self._batches)

    def answered(self) -> Recorded:
        """Count the oldest as recorded."""
        self.accepted += len(self._batches.popleft().events)
        return Recorded(self.accepted)
