"""JSON of sessions and events, as Envoy's transcoder prints their messages.

Lists and streams over REST are text that the worker makes, and other answers are JSON that Envoy
makes: both are one contract. Names are those of the protos, what is absent is left out, and
numbers have the same digits. A property test compares the two.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
import orjson
from analytics_sessions.v1 import session_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sessions.api.messages import stored_event_fields
from sessions.domain.events import StoredEvent

_FIELDS = session_pb2.Session.DESCRIPTOR.fields
_NAMES = [field.name for field in _FIELDS]
_MOMENTS = [field.name for field in _FIELDS if field.message_type]
_ALWAYS = {field.name for field in _FIELDS if not field.has_presence}
_values = attrgetter(*_NAMES)

# Prints an object with these names in an eighth of the time that a dict takes.
_Fields = msgspec.defstruct("_Fields", _NAMES, gc=False)
_encode = msgspec.json.Encoder().encode

# Most messages have 300 bytes, and texts twice as many.
_MOST_TEXTS, _MOST_BYTES = 10_000, 1_000

# Sessions that are read together began one soon after the other.
_MOST_MINUTES = 10_000
_EPOCH = datetime(1970, 1, 1)

# %.15g prints integers below it in full.
_FIFTEEN_DIGITS = 10**15


def json_line(value: Any) -> bytes:
    """A value as one line of JSON, with its end."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def json_text(message: Message) -> str:
    """A message as JSON, indented for people."""
    found = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return orjson.dumps(_value(found), option=orjson.OPT_INDENT_2).decode()


def page_text(sessions: Sequence[bytes], next_cursor: str | None) -> bytes:
    """A page of the list as JSON, of the messages of its sessions."""
    texts = b",".join(
        [
            _remembered(message) if len(message) <= _MOST_BYTES else session_text(message)
            for message in sessions
        ]
    )
    return b'{"sessions":[%b],"next_cursor":%b}' % (texts, orjson.dumps(next_cursor))


def session_text(message: bytes) -> bytes:
    """A session as JSON, of its message."""
    # As Envoy does, for pages that have JSON inside of HTML.
    return _encode(_fields(message)).replace(b"<", b"\\u003c").replace(b">", b"\\u003e")


# What is read again and again is not printed again and again.
_remembered = lru_cache(_MOST_TEXTS)(session_text)


def session_cells(message: bytes) -> list[str]:
    """A session as the cells of a row of CSV, of its message; `''` for what is absent."""
    return [_cell(value) for value in msgspec.structs.astuple(_fields(message))]


def _cell(value: Any) -> str:
    if value is msgspec.UNSET:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fields(message: bytes) -> Any:
    """The fields of a session; UNSET for what is absent."""
    session = session_pb2.Session.FromString(message)
    fields = _Fields(
        *[
            # What is not empty is there: of few fields that has to be asked.
            value if value or name in _ALWAYS or session.HasField(name) else msgspec.UNSET
            for name, value in zip(_NAMES, _values(session), strict=True)
        ]
    )
    for name in _MOMENTS:
        is_there = session.HasField(name)
        setattr(fields, name, _moment(getattr(fields, name)) if is_there else msgspec.UNSET)
    return fields


def event_json(event: StoredEvent) -> dict[str, Any]:
    """A stored event as an object that `orjson` prints."""
    fields = stored_event_fields(event, timestamp_text)
    if event.event_data is not None:
        fields["event_data"] = _value(event.event_data)
    return {name: value for name, value in fields.items() if value is not None}


def _moment(timestamp: Timestamp) -> str:
    """The same as `timestamp_text` of a timestamp's moment, in half the time."""
    minute, second = divmod(timestamp.seconds, 60)
    microseconds = timestamp.nanos // 1_000
    if not microseconds:
        return f"{_minute(minute)}{second:02}Z"
    if microseconds % 1_000:
        return f"{_minute(minute)}{second:02}.{microseconds:06}Z"
    return f"{_minute(minute)}{second:02}.{microseconds // 1_000:03}Z"


@lru_cache(_MOST_MINUTES)
def _minute(number: int) -> str:
    """A minute since 1970, as far as the colon before its seconds."""
    return (_EPOCH + timedelta(minutes=number)).isoformat()[:17]


def timestamp_text(moment: datetime) -> str:
    """A moment in UTC with no digits of a second, three or six."""
    # Six digits, or none; then +00:00.
    text = moment.isoformat()[:-6]
    return f"{text[:-3] if text.endswith('000') and len(text) > 19 else text}Z"


def _value(value: Any) -> Any:
    """A value whose numbers are doubles, or integers below 2^53."""
    match value:
        case dict():
            return {name: _value(each) for name, each in value.items()}
        case list():
            return [_value(each) for each in value]
        case bool():
            return value
        case int() | float():
            return _double(float(value))
    return value


def _double(value: float) -> Any:
    """The first of %.15g and %.17g that is the same double, as C++ prints it."""
    if value.is_integer() and 0 < abs(value) < _FIFTEEN_DIGITS:
        return int(value)
    text = f"{value:.15g}"
    return orjson.Fragment(text if float(text) == value else f"{value:.17g}")
