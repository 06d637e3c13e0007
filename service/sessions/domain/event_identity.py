"""What makes an event the same event when it comes again: decided here, for every way in.

The identity of an event is its website, visitor, timestamp and `event_id`. See
docs/decisions/0003-event-identity.md.
"""

import secrets
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from operator import attrgetter

import orjson

from sessions.domain.events import Event, EventInput, EventKey

_ORDINALS_REMEMBERED = 131_072  # 20 MB at most
_tie = attrgetter("visitor_id", "occurred_at")


class Ordinals:
    """Counts how often each content came before, in bounded memory.

    The count is exact for a content as long as fewer than `remembered` other
    contents came since its last time; older ones are forgotten and start again at
    0. It depends on nothing but the contents so far: the same input, or one that
    has grown at its end, gives the same ordinals.
    """

    def __init__(self, remembered: int = _ORDINALS_REMEMBERED) -> None:
        self._remembered = remembered
        self._recent: dict[Hashable, int] = {}
        self._older: dict[Hashable, int] = {}

    def next(self, content: Hashable) -> int:
        """How many times this content came before."""
        ordinal = self._recent.get(content)
        if ordinal is None:
            ordinal = self._older.get(content, 0)
        self._recent[content] = ordinal + 1
        # Two generations instead of a list of uses: no bookkeeping on each call
        if len(self._recent) > self._remembered:
            self._older, self._recent = self._recent, {}
        return ordinal


def event_key(
    sent: EventInput, received_at: datetime, ordinals: Ordinals, *, line: bytes = b""
) -> EventKey:
    """When a valid event happened, and which one it is.

    Args:
        sent: the event; without a timestamp it is stamped on receipt, and is not retry-safe.
        received_at: when it came in.
        ordinals: what came before it in the same request or file.
        line: the bytes that it was read from in a file; they identify an event that has no
            `event_id`. In a request, all that was sent does.
    """
    if sent.timestamp is None:
        return received_at.astimezone(UTC), sent.sequence, secrets.token_hex(8)
    occurred_at = sent.timestamp.astimezone(UTC)
    event_id = sent.event_id or _content_id(line or _content(sent, occurred_at), ordinals)
    return occurred_at, sent.sequence, event_id


def _content_id(content: bytes, ordinals: Ordinals) -> str:
    """A hash of the content, and its ordinal where it came before.

    64 bits are enough, for the identity of an event holds the visitor and the
    moment as well. The second of two equal contents ends in `.1`.
    """
    hashed = blake2b(content, digest_size=8).digest()
    ordinal = ordinals.next(hashed)
    return f"{hashed.hex()}.{ordinal}" if ordinal else hashed.hex()


def _content(sent: EventInput, occurred_at: datetime) -> bytes:
    """What was sent, in one canonical form: equal for equal events, whatever derives from them.

    The event must be valid; `occurred_at` is its timestamp in UTC.
    """
    return orjson.dumps(
        [
            occurred_at,
            sent.event_type,
            sent.sequence,
            sent.visitor_id,
            sent.client_ip,
            sent.user_agent,
            sent.url,
            sent.referrer,
            sent.event_name,
            sent.event_data,
            sent.hostname,
            sent.language,
            sent.country,
            sent.region,
            sent.city,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


def number_ties(events: Sequence[Event], counted: Ordinals | None = None) -> None:
    """Keep events of one visitor and timestamp in their order, where none has a sequence.

    They get the sequences 0, 1, 2 and so on. A sequence is no part of an `event_id`, which
    they have already.

    Args:
        events: in the order in which they were sent.
        counted: the ties of the events before, to go on from; they become part of it.
    """
    ties = list(map(_tie, events))
    if counted is None:
        if len(set(ties)) == len(ties):  # nearly always
            return
        counted = Ordinals()
    given = {tie for tie, event in zip(ties, events, strict=True) if event.sequence}
    for tie, event in zip(ties, events, strict=True):
        if tie not in given:
            event.sequence = counted.next(tie)
