"""Domain values as the fields of protobuf messages, and requests as domain values.

Fields go to the constructor of the outer message, which makes the inner ones: that is the
quickest of the ways that were measured.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from analytics_sessions.v1 import event_pb2
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from sessions.domain.dimensions import CLIENT, FILTERS
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.events import EventInput, StoredEvent
from sessions.domain.limits import MAX_EVENT_DATA, MAX_EVENT_DATA_DEPTH
from sessions.domain.selection import SelectionQuery
from sessions.domain.session_ids import format_session_id
from sessions.domain.timeline import TimedEvent
from sessions.session_message import moment, timestamp_fields

_FILTERS = {f"filter_{name}": name for name in FILTERS}


def selection_query(request: Any) -> SelectionQuery:
    """Which sessions a request is about: any request with the fields of ListSessionsRequest."""
    return SelectionQuery(
        website_id=request.website_id,
        start_date=request.start_date,
        end_date=request.end_date,
        timezone=request.timezone,
        include_bots=request.include_bots,
        filters={
            name: value
            for field, value in request.ListFields()
            if (name := _FILTERS.get(field.name))
        },
        filter=request.filter,
        journey=request.journey,
        not_journey=request.not_journey,
        cell=request.cell,
    )


def event_fields(timed: TimedEvent) -> dict[str, Any]:
    """The fields of an event's message that apply to it; None leaves one absent."""
    event = timed.event
    return {
        "event_type": "pageview" if event.is_pageview else "event",
        "timestamp": timestamp_fields(event.occurred_at),
        "url": event.url or None,
        "referrer": event.referrer or None,
        "event_name": event.event_name or None,
        "event_data": event.event_data,
        "page": timed.page or None,
        "offset": timed.offset,
        "time_on_page": timed.time_on_page,
    }


def stored_event_fields(
    event: StoredEvent, timestamp: Callable[[datetime], Any] = timestamp_fields
) -> dict[str, Any]:
    """The fields of a stored event's message that apply to it; None leaves one absent.

    Args:
        event: the event.
        timestamp: makes the value of a moment.
    """
    return {
        "session_id": format_session_id(event.session_id),
        "visitor_id": event.visitor_id,
        "event_id": event.event_id,
        "event_type": "pageview" if event.is_pageview else "event",
        "timestamp": timestamp(event.occurred_at),
        "sequence": event.sequence,
        "is_bot": event.is_bot,
        "url": event.url or None,
        "referrer": event.referrer or None,
        "event_name": event.event_name or None,
        "event_data": event.event_data,
        **{name: text or None for name, text in zip(CLIENT, event.client, strict=True)},
    }


def sent_event(indexed: tuple[int, event_pb2.Event]) -> EventInput:
    """An event as a caller sent it, from the event and its index in the request.

    Raises:
        InvalidArgument: its `event_data` has more values than its limit has room for.
    """
    index, message = indexed
    return EventInput(
        event_type=message.event_type,
        timestamp=_moment(message.timestamp) if message.HasField("timestamp") else None,
        event_id=message.event_id,
        sequence=message.sequence,
        visitor_id=message.visitor_id,
        client_ip=message.client_ip,
        user_agent=message.user_agent,
        url=message.url,
        referrer=message.referrer,
        event_name=message.event_name,
        event_data=_event_data(index, message) if message.HasField("event_data") else None,
        hostname=message.hostname,
        language=message.language,
        country=message.country,
        region=message.region,
        city=message.city,
    )


def cursor_value(cursor: str | None) -> Value:
    """A cursor as JSON shows it: a string, or null."""
    return Value(null_value=NULL_VALUE) if cursor is None else Value(string_value=cursor)


def _moment(timestamp: Timestamp) -> datetime:
    """To the microsecond; what no calendar holds becomes its nearest end, which is refused."""
    try:
        return moment(timestamp)
    except OverflowError:
        return (datetime.max if timestamp.seconds > 0 else datetime.min).replace(tzinfo=UTC)


def _event_data(index: int, message: event_pb2.Event) -> dict[str, Any]:
    try:
        return _Plain().object(message.event_data, 1)
    except _TooLarge:
        text = f"is more than {MAX_EVENT_DATA:,} bytes of JSON"
        field = f"events[{index}].event_data"
        raise InvalidArgument(Violation(field, text, limit=MAX_EVENT_DATA)) from None


class _TooLarge(Exception):
    """There is more than the limit for `event_data` has room for."""


class _Plain:
    """Makes JSON values of Python's own types, and no more of them than can be stored.

    A value is two bytes of JSON or more, and as little on the wire: a caller could have a worker
    make millions. Nor is anything made of what lies deeper than allowed, which is refused later.
    """

    def __init__(self) -> None:
        self._left = MAX_EVENT_DATA // 2

    def object(self, struct: Struct, depth: int) -> dict[str, Any]:
        """An object that lies `depth` deep."""
        if depth > MAX_EVENT_DATA_DEPTH:
            return {}
        self._take(len(struct.fields))
        return {name: self._value(value, depth) for name, value in struct.fields.items()}

    def _list(self, values: ListValue, depth: int) -> list[Any]:
        if depth > MAX_EVENT_DATA_DEPTH:
            return []
        self._take(len(values.values))
        return [self._value(value, depth) for value in values.values]

    def _value(self, value: Value, depth: int) -> Any:
        match value.WhichOneof("kind"):
            case "struct_value":
                return self.object(value.struct_value, depth + 1)
            case "list_value":
                return self._list(value.list_value, depth + 1)
            case "null_value" | None:
                return None
            case kind:
                return getattr(value, kind)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _TooLarge
