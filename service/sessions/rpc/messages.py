"""Domain values as protobuf messages, and requests as domain values."""

from datetime import UTC, datetime
from operator import attrgetter

from analytics.sessions.v1 import session_pb2, session_service_pb2
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from sessions.domain.queries import FILTERS, SessionQuery
from sessions.domain.session import Session, SessionEvent
from sessions.domain.session_ids import format_session_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OPTIONAL = (
    *("country", "browser", "os", "device", "region", "city", "language", "hostname"),
    *("referrer", "utm_source", "utm_medium", "utm_campaign", "entry_page", "exit_page"),
)
_optional_of = attrgetter(*_OPTIONAL)


def session_query(request: session_service_pb2.ListSessionsRequest) -> SessionQuery:
    """The query that a request asks."""
    return SessionQuery(
        start_date=request.start_date,
        end_date=request.end_date,
        timezone=request.timezone,
        limit=request.limit,
        include_bots=request.include_bots,
        filters={name: getattr(request, f"filter_{name}") for name in FILTERS},
    )


def session_message(session: Session) -> session_pb2.Session:
    """A session; texts that are unknown stay absent."""
    known = zip(_OPTIONAL, _optional_of(session), strict=True)
    return session_pb2.Session(
        session_id=format_session_id(session.session_id),
        visitor_id=session.visitor_id,
        started_at=_timestamp(session.started_at),
        ended_at=_timestamp(session.ended_at),
        duration=session.duration,
        pageviews=session.pageviews,
        events=session.events,
        is_bounce=session.is_bounce,
        is_bot=session.is_bot,
        **{name: text for name, text in known if text},
    )


def event_message(event: SessionEvent) -> session_pb2.SessionEvent:
    """An event with the fields that apply to it."""
    message = session_pb2.SessionEvent(
        event_type="pageview" if event.is_pageview else "event",
        timestamp=_timestamp(event.occurred_at),
        url=event.url or None,
        referrer=event.referrer or None,
        event_name=event.event_name or None,
    )
    if event.event_data is not None:
        message.event_data.CopyFrom(ParseDict(event.event_data, Struct()))
    return message


def cursor_value(cursor: str | None) -> Value:
    """A cursor as JSON shows it: a string, or null."""
    return Value(null_value=NULL_VALUE) if cursor is None else Value(string_value=cursor)


def _timestamp(moment: datetime) -> Timestamp:
    elapsed = moment - _EPOCH
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return Timestamp(seconds=seconds, nanos=elapsed.microseconds * 1000)
