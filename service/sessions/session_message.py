"""A session as its message: what answers hold, and what is stored ready to be sent.

Storage takes these functions as arguments, and knows no messages.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from analytics_sessions.v1 import session_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from sessions.domain.dimensions import TEXTS
from sessions.domain.paging import Position
from sessions.domain.session import Session
from sessions.domain.session_ids import format_session_id, parse_session_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(session: Session) -> bytes:
    """The bytes of a session's message."""
    message = session_pb2.Session(**session_fields(session))
    # A message is stored: the same session has to give the same bytes.
    return message.SerializeToString(deterministic=True)


def position(message: bytes) -> Position:
    """Where the session with these bytes is."""
    session = session_pb2.Session.FromString(message)
    return Position(moment(session.started_at), parse_session_id(session.session_id))


def moment(timestamp: Timestamp) -> datetime:
    """The moment of a timestamp, to the microsecond.

    Raises:
        OverflowError: no calendar holds it.
    """
    return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1000)


def timestamp_fields(moment: datetime) -> dict[str, int]:
    """The fields of a Timestamp: half the time of making the message itself."""
    elapsed = moment - _EPOCH
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return {"seconds": seconds, "nanos": elapsed.microseconds * 1000}


def session_fields(session: Session) -> dict[str, Any]:
    """The fields of a session's message; None leaves one absent."""
    return {
        "session_id": format_session_id(session.session_id),
        "visitor_id": session.visitor_id,
        "started_at": timestamp_fields(session.started_at),
        "ended_at": timestamp_fields(session.ended_at),
        "duration": session.duration,
        "pageviews": session.pageviews,
        "events": session.events,
        "is_bounce": session.is_bounce,
        "is_bot": session.is_bot,
        **dict(zip(TEXTS, session.texts, strict=True)),
    }
