"""What is wrong with an event as it was sent; what can't be stored is refused by name."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import add, attrgetter, le
from typing import Any

import orjson

from sessions.domain import limits, urls
from sessions.domain.client_addresses import canonical_ip, holds_address
from sessions.domain.errors import Violation
from sessions.domain.events import EventInput, InputColumns, RestoredEvent

_INTEGERS = range(-(2**63), 2**64)  # what the JSON library writes
_DEVICES = ("desktop", "mobile", "tablet")
_KEY_SHOWN = 40  # characters of a key in the name of a field

_texts = attrgetter(*(text.field for text in limits.TEXTS))
_SIZES = tuple(text.bytes for text in limits.TEXTS)


def violations(sent: EventInput, received_at: datetime) -> list[Violation]:
    """All that is wrong with one sent event, by field; empty if it can be stored."""
    wrong = _wrong_texts(sent)
    rest = [*_wrong_kind(sent), *_wrong_identity(sent), *_wrong_time(sent, received_at)]
    if wrong:
        named = {each.field for each in wrong}
        wrong += [each for each in rest if each.field not in named]
    else:  # only texts of bounded size are taken apart
        wrong = [*_wrong_parts(sent), *rest]
    if sent.event_data is not None:
        wrong += _wrong_data(sent.event_data)
    return wrong


def violations_of(
    sent: Sequence[EventInput], columns: InputColumns, received_at: datetime
) -> dict[int, list[Violation]]:
    """All that is wrong with many sent events, by their index; `columns` are theirs."""
    if are_valid(columns, received_at):  # nearly always
        return {}
    found = ((index, violations(each, received_at)) for index, each in enumerate(sent))
    return {index: wrong for index, wrong in found if wrong}


def are_valid(columns: InputColumns, received_at: datetime) -> bool:
    """Whether all events can be stored: one look at each column, a third of looking at each event.

    False does not tell that one can't be.
    """
    return (
        all(_fits(getattr(columns, text.field), text.bytes) for text in limits.TEXTS)
        and {*zip(columns.event_type, map(bool, columns.event_name), strict=True)} <= _KINDS
        and _have_identities(columns)
        and _are_in_time(columns, received_at)
        and all(map(urls.host, filter(None, columns.hostname)))
        and all(map(_has_short_utm, columns.url))
        and not any(any(_wrong_data(each)) for each in columns.event_data if each is not None)
    )


_KINDS = {("pageview", False), ("event", True)}


def _fits(texts: Sequence[str], most: int) -> bool:
    """Whether texts can be stored, and none can take more than so many bytes."""
    everything, longest = "".join(texts), max(map(len, texts))
    if "\0" in everything:
        return False
    return longest <= most if everything.isascii() else _fits_encoded(everything, longest, most)


def _fits_encoded(everything: str, longest: int, most: int) -> bool:
    return not _not_storable(everything) and 4 * longest <= most


def _have_identities(columns: InputColumns) -> bool:
    ids = columns.visitor_id
    if any(columns.client_ip):
        names = "".join((*ids, *columns.event_id, *columns.event_name))
        addresses = filter(None, columns.client_ip)
        if "." in names or ":" in names or not all(map(canonical_ip, addresses)):
            return False
        ids = list(map(add, ids, columns.client_ip))
    event_ids = "".join(columns.event_id)
    return (
        all(ids)
        and max(map(len, columns.visitor_id)) <= limits.MAX_VISITOR_ID_CHARACTERS
        and event_ids.isascii()
        and event_ids.isprintable()
        and min(columns.sequence) >= -limits.MAX_SEQUENCE - 1
        and max(columns.sequence) <= limits.MAX_SEQUENCE
    )


def _are_in_time(columns: InputColumns, received_at: datetime) -> bool:
    known = [moment for moment in columns.timestamp if moment is not None]
    if len(known) < len(columns.timestamp):
        moments = zip(columns.timestamp, columns.event_id, strict=True)
        if any(event_id for moment, event_id in moments if moment is None):
            return False
    if any(moment.tzinfo is None for moment in known):
        return False
    latest = received_at + limits.MAX_AHEAD
    return not known or (min(known) >= limits.EARLIEST and max(known) <= latest)


def _has_short_utm(url: str) -> bool:
    utm = urls.split_url(url)[2:]
    return utm == urls.NO_UTM or 4 * max(map(len, utm)) <= limits.MAX_UTM


def restored_violations(stored: RestoredEvent) -> Iterator[Violation]:
    """All that is wrong with what an exported event has beyond one that is sent."""
    for field in ("browser", "os"):
        text = getattr(stored, field)
        if reason := _not_storable(text):
            yield Violation(field, reason)
        elif (size := len(text.encode())) > limits.MAX_FAMILY:
            text = f"is {size:,} bytes long; at most {limits.MAX_FAMILY}"
            yield Violation(field, text, limits.MAX_FAMILY, size)
    if stored.device not in ("", *_DEVICES):
        yield Violation("device", f"must be one of {', '.join(_DEVICES)}")


def visitor_violations(name: EventInput) -> list[Violation]:
    """All that is wrong with what names a visitor, and nothing else, in an event."""
    return _wrong_texts(name) or [*_wrong_parts(name), *_wrong_identity(name)]


def _wrong_texts(sent: EventInput) -> list[Violation]:
    """Texts that are too long, or that PostgreSQL can't store."""
    values = _texts(sent)
    everything = "".join(values)
    plain = everything.isascii() and "\0" not in everything
    if plain and all(map(le, map(len, values), _SIZES)):  # nearly always: a character is a byte
        return []
    found = []
    for value, limit in zip(values, limits.TEXTS, strict=True):
        if reason := _not_storable(value):
            found.append(Violation(limit.field, reason))
        elif (size := len(value.encode())) > limit.bytes:
            text = f"is {size:,} bytes long; at most {limit.bytes:,}"
            found.append(Violation(limit.field, text, limit.bytes, size))
    return found


def _not_storable(text: str) -> str:
    """Why PostgreSQL can't store a text; `''` if it can."""
    if text.isascii() and "\0" not in text:
        return ""
    if "\0" in text:
        return "contains NUL (U+0000), which can't be stored"
    try:
        text.encode()
    # JSON can write one as \ud800.
    except UnicodeEncodeError as error:
        return f"is not valid Unicode: lone surrogate at character {error.start}"
    return ""


def _wrong_parts(sent: EventInput) -> Iterator[Violation]:
    """What is wrong inside of texts that are fine as such."""
    if sent.client_ip and not canonical_ip(sent.client_ip):
        yield Violation("client_ip", "must be an IPv4 or IPv6 address")
    if sent.hostname and not urls.host(sent.hostname):
        yield Violation("hostname", "is not a host name; send one such as shop.example")
    url = urls.split_url(sent.url)
    # Nearly always.
    if url[2:] == urls.NO_UTM:
        return
    for name in ("utm_source", "utm_medium", "utm_campaign"):
        size = len(getattr(url, name).encode())
        if size > limits.MAX_UTM:
            text = f"its {name} is {size:,} bytes long; at most {limits.MAX_UTM:,}"
            yield Violation("url", text, limits.MAX_UTM, size)


def _wrong_kind(sent: EventInput) -> Iterator[Violation]:
    if sent.event_type not in ("pageview", "event"):
        yield Violation("event_type", "must be `pageview` or `event`")
    elif sent.event_type == "event" and not sent.event_name:
        yield Violation("event_name", "is required when event_type is `event`")
    elif sent.event_type == "pageview" and sent.event_name:
        yield Violation("event_name", "is only for event_type `event`; a pageview has no name")


def _wrong_identity(sent: EventInput) -> Iterator[Violation]:
    if not sent.visitor_id and not sent.client_ip:
        yield Violation("visitor_id", "is required, or else client_ip and user_agent")
    # Characters here, while the limits of texts are bytes.
    if len(sent.visitor_id) > limits.MAX_VISITOR_ID_CHARACTERS:
        most = limits.MAX_VISITOR_ID_CHARACTERS
        size = len(sent.visitor_id)
        yield Violation("visitor_id", f"is {size} characters long; at most {most}", most, size)
    names = f"{sent.visitor_id}{sent.event_id}{sent.event_name}"
    if sent.client_ip and ("." in names or ":" in names):  # rarely
        yield from _wrong_names(sent, canonical_ip(sent.client_ip))
    if sent.event_id and not (sent.event_id.isascii() and sent.event_id.isprintable()):
        yield Violation("event_id", "must be printable ASCII characters")
    if not -limits.MAX_SEQUENCE - 1 <= sent.sequence <= limits.MAX_SEQUENCE:
        yield Violation("sequence", f"must be a 32-bit integer, at most {limits.MAX_SEQUENCE:,}")


def _wrong_names(sent: EventInput, address: str) -> Iterator[Violation]:
    """Names that the sender makes and that are stored as they are, made of the client's address."""
    for name in ("visitor_id", "event_id", "event_name"):
        if holds_address(getattr(sent, name), address):
            yield Violation(name, "holds the client's IP address, which must not be stored")


def _wrong_time(sent: EventInput, received_at: datetime) -> Iterator[Violation]:
    moment = sent.timestamp
    if moment is None:
        if sent.event_id:
            yield Violation("event_id", "needs a timestamp: together they identify the event")
    elif moment.utcoffset() is None:
        yield Violation("timestamp", "must have an offset from UTC, such as Z or +02:00")
    elif moment < limits.EARLIEST:
        yield Violation("timestamp", f"must not be before {limits.EARLIEST.date()}")
    elif moment > received_at + limits.MAX_AHEAD:
        minutes = int(limits.MAX_AHEAD.total_seconds() // 60)
        yield Violation("timestamp", f"must not be more than {minutes} minutes ahead of now")


def _wrong_data(data: dict[str, Any]) -> Iterator[Violation]:
    """The first reason why `event_data` can't be stored; its field has the path."""
    if flaw := _flaw(data, 1):
        path, reason = flaw
        yield Violation(f"event_data{path}", reason)
        return
    size = len(orjson.dumps(data))
    if size > limits.MAX_EVENT_DATA:
        text = f"is {size:,} bytes of JSON; at most {limits.MAX_EVENT_DATA:,}"
        yield Violation("event_data", text, limits.MAX_EVENT_DATA, size)


def _flaw(value: Any, depth: int) -> tuple[str, str] | None:
    """Where and why a JSON value, itself `depth` deep, can't be stored; None if it can."""
    if isinstance(value, str):
        reason = _not_storable(value)
        return ("", reason) if reason else None
    if isinstance(value, dict | list):
        return _flaw_inside(value, depth)
    if isinstance(value, float) and not math.isfinite(value):
        return "", "must be a finite number"
    if isinstance(value, int) and value not in _INTEGERS:
        return "", "must be a number within 64 bits, or a double"
    return None


def _flaw_inside(value: dict[str, Any] | list[Any], depth: int) -> tuple[str, str] | None:
    if depth > limits.MAX_EVENT_DATA_DEPTH:
        return "", f"is more than {limits.MAX_EVENT_DATA_DEPTH} levels deep"
    # Elements of an array are named by their index.
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(key, str) and (reason := _not_storable(key)):
            return "", f"has a key that {reason}"
        if flaw := _flaw(item, depth + 1):
            path, reason = flaw
            return f".{str(key)[:_KEY_SHOWN]}{path}", reason
    return None
