"""Cursors: keys of pages that only we can make, and that fit one query only.

A cursor is URL-safe text over `key id | payload | MAC`. The MAC also covers the
query, which itself is not in the cursor: what was altered, made elsewhere or
taken from another query does not verify.
"""

import binascii
import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sessions.domain.errors import InvalidArgument, Reason, Violation
from sessions.domain.events import EventKey
from sessions.domain.hours import microseconds, moment
from sessions.domain.paging import Position
from sessions.domain.selection import Range

_KEY_ID = struct.Struct(">H")
_MAC_BYTES = 16
# Both bounds and started_at in microseconds since 1970, and the id of the session.
_LIST = struct.Struct(">qqq16s")
# occurred_at and the moment of the open view in microseconds since 1970 (0: there is none), and the
# sequence; the event id follows as text.
_EVENTS = struct.Struct(">qqi")
# As _LIST, and how many sessions were sent; the key of an event can follow.
_EXPORT = struct.Struct(">qqq16si")


class CursorSigner:
    """Seals and opens cursors with a set of keys that can be rotated.

    Args:
        keys: secrets by key id (1 to 65535); the first one seals, all of them open.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = dict(keys)
        self._current = next(iter(self._keys))

    def seal(self, payload: bytes, query: bytes) -> str:
        """The cursor that holds `payload` and fits `query`."""
        body = _KEY_ID.pack(self._current) + payload
        return urlsafe_b64encode(body + self._mac(self._current, body, query)).decode().rstrip("=")

    def open(self, cursor: str, query: bytes, field: str) -> bytes:
        """The payload of a cursor.

        Raises:
            InvalidArgument: it is not one that `seal` made for this query; names `field`.
        """
        sealed = _decode(cursor)
        body, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
        if len(body) >= _KEY_ID.size:
            (key_id,) = _KEY_ID.unpack_from(body)
            # In constant time: how long a refusal takes must not help anybody to forge a MAC.
            if hmac.compare_digest(mac, self._mac(key_id, body, query)):
                return body[_KEY_ID.size :]
        text = "not a cursor of this query; send the same parameters as before, or no cursor"
        raise InvalidArgument(Violation(field, text), reason=Reason.INVALID_CURSOR)

    def _mac(self, key_id: int, body: bytes, query: bytes) -> bytes:
        # An unknown key id gives an empty MAC, which equals no cursor's.
        if key_id not in self._keys:
            return b""
        # With its length in front, no other body and query give the same message.
        message = _KEY_ID.pack(len(body)) + body + query
        return hmac.digest(self._keys[key_id], message, hashlib.sha256)[:_MAC_BYTES]


def _decode(cursor: str) -> bytes:
    """The bytes of URL-safe base64 text, `b""` where it is none or not the usual spelling."""
    try:
        decoded = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        return b""
    # Base64 can have unused bits at its end, so that several texts decode to the same bytes.
    canonical = urlsafe_b64encode(decoded).decode().rstrip("=")
    return decoded if canonical == cursor else b""


class PageKey(NamedTuple):
    """Where a page of a list begins: after a position, in the days that the first page meant."""

    range: Range
    after: Position

    def pack(self) -> bytes:
        """The key as bytes, times to the microsecond."""
        since, until = map(microseconds, self.range)
        at = microseconds(self.after.started_at)
        return _LIST.pack(since, until, at, self.after.session_id.bytes)

    @classmethod
    def unpack(cls, payload: bytes) -> "PageKey":
        """The key that `pack` made."""
        since, until, at, session_id = _LIST.unpack(payload)
        after = Position(moment(at), UUID(bytes=session_id))
        return cls(Range(moment(since), moment(until)), after)


class ExportKey(NamedTuple):
    """Where an export goes on: after a session, in the days that the first request meant.

    Attributes:
        range: those days.
        after: the last session that was sent, or a position without a session.
        sessions: how many were sent.
        after_event: of that session, the last event that was sent; None where it is complete.
    """

    range: Range
    after: Position
    sessions: int
    after_event: EventKey | None = None

    def pack(self) -> bytes:
        """The key as bytes, times to the microsecond."""
        since, until = map(microseconds, self.range)
        at, session_id = microseconds(self.after.started_at), self.after.session_id.bytes
        packed = _EXPORT.pack(since, until, at, session_id, self.sessions)
        event = EventPageKey(self.after_event, None).pack() if self.after_event else b""
        return packed + event

    @classmethod
    def unpack(cls, payload: bytes) -> "ExportKey":
        """The key that `pack` made."""
        since, until, at, session_id, sessions = _EXPORT.unpack_from(payload)
        after = Position(moment(at), UUID(bytes=session_id))
        rest = payload[_EXPORT.size :]
        event = EventPageKey.unpack(rest).after if rest else None
        return cls(Range(moment(since), moment(until)), after, sessions, event)


class EventPageKey(NamedTuple):
    """Where a page of events begins: after an event, with the last view before it still open."""

    after: EventKey
    open_view: datetime | None

    def pack(self) -> bytes:
        """The key as bytes, times to the microsecond."""
        occurred_at, sequence, event_id = self.after
        view = microseconds(self.open_view) if self.open_view else 0
        return _EVENTS.pack(microseconds(occurred_at), view, sequence) + event_id.encode()

    @classmethod
    def unpack(cls, payload: bytes) -> "EventPageKey":
        """The key that `pack` made."""
        at, view, sequence = _EVENTS.unpack_from(payload)
        after = moment(at), sequence, payload[_EVENTS.size :].decode()
        return cls(after, moment(view) if view else None)
