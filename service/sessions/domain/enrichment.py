"""From an event as it was sent to an event as it is stored: checked and derived in one place.

Every way in (RPC, REST, import) comes through here, so that an event means the
same wherever it comes from. Text is kept as sent; what can't be stored is
refused by name and nothing is repaired or left out silently.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter, le
from typing import Any, NamedTuple

import orjson

from sessions.domain import identity, limits, urls, user_agents
from sessions.domain.dimensions import ATTRIBUTES, NAMES
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.events import Event, EventKey, SentEvent
from sessions.domain.places import NOWHERE, Place, nowhere

_INTEGERS = range(-(2**63), 2**64)  # what the JSON library writes
_KEY_SHOWN = 40  # characters of a key in the name of a field

_texts = attrgetter(*(text.field for text in limits.TEXTS))
_SIZES = tuple(text.bytes for text in limits.TEXTS)


class Facts(NamedTuple):
    """All that can be derived from one event: where `dimensions.Attribute.source` leads."""

    url: urls.Url
    hostname: str
    referrer_host: str
    client: user_agents.Client
    location: Place
    language: str


_attributes = attrgetter(*(each.source for each in ATTRIBUTES))


class Enricher:
    """Makes events; holds the secret that turns clients into visitors.

    Args:
        visitor_secret: key of the hashes.
        locate: gives the place of an IP address in its canonical form.
    """

    def __init__(self, visitor_secret: bytes, locate: Callable[[str], Place] = nowhere) -> None:
        self._secret = visitor_secret
        self._locate = locate

    def enrich(self, sent: SentEvent, *, website_id: str, received_at: datetime) -> Event:
        """The event of one sent event that stands alone, as in a file.

        Raises InvalidArgument with every violation; the fields are named as in `SentEvent`.
        """
        wrong = violations(sent, received_at)
        if wrong:
            raise InvalidArgument(*wrong)
        return self._event(sent, website_id, _key(sent, received_at, identity.Ordinals(), 0))

    def enrich_all(
        self, sent: Sequence[SentEvent], *, website_id: str, received_at: datetime
    ) -> list[Event]:
        """The events of one request, in its order.

        Raises InvalidArgument with every violation of all of them; the fields
        are named `events[3].event_name`.
        """
        wrong = [
            Violation(f"events[{index}].{violation.field}", violation.description)
            for index, each in enumerate(sent)
            for violation in violations(each, received_at)
        ]
        if wrong:
            raise InvalidArgument(*wrong)
        ordinals = identity.Ordinals()
        return [
            self._event(each, website_id, _key(each, received_at, ordinals, index))
            for index, each in enumerate(sent)
        ]

    def visitor_id(self, website_id: str, client_ip: str, user_agent: str) -> str:
        """The id of the visitor behind a client; `''` if `client_ip` is no IP address."""
        address = identity.canonical_ip(client_ip)
        if not address:
            return ""
        return identity.visitor_id(self._secret, website_id, address, user_agent)

    def identify(self, website_id: str, *, visitor_id: str, client_ip: str, user_agent: str) -> str:
        """The id of a visitor that is named in one of the two ways in which events name it.

        Raises InvalidArgument with every violation: it is named in both ways or in
        none, or as no event can name it.
        """
        named = SentEvent(visitor_id=visitor_id, client_ip=client_ip, user_agent=user_agent)
        wrong = list(_wrong_texts(named)) or [*_wrong_parts(named), *_wrong_identity(named)]
        if visitor_id and (client_ip or user_agent):
            text = "name the visitor by this, or else by client_ip and user_agent"
            wrong.append(Violation("visitor_id", text))
        if wrong:
            raise InvalidArgument(*wrong)
        return visitor_id or self.visitor_id(website_id, client_ip, user_agent)

    def _event(self, sent: SentEvent, website_id: str, key: EventKey) -> Event:
        """The event of a valid sent event."""
        occurred_at, sequence, event_id = key
        facts = self._facts(sent)
        return Event(
            visitor_id=sent.visitor_id
            or self.visitor_id(website_id, sent.client_ip, sent.user_agent),
            occurred_at=occurred_at,
            sequence=sequence,
            event_id=event_id,
            is_pageview=sent.event_type == "pageview",
            is_bot=facts.client.is_bot,
            event_name=sent.event_name,
            event_data=sent.event_data,
            url=sent.url,
            referrer=sent.referrer,
            path=facts.url.path,
            attributes=dict(zip(NAMES, _attributes(facts), strict=True)),
        )

    def _facts(self, sent: SentEvent) -> Facts:
        url = urls.split_url(sent.url)
        hostname = urls.host(sent.hostname) or url.hostname
        referrer_host = urls.referrer_host(sent.referrer)
        return Facts(
            url=url,
            hostname=hostname,
            referrer_host="" if referrer_host == hostname else referrer_host,
            client=user_agents.describe(sent.user_agent),
            location=self._place(sent),
            language=sent.language,
        )

    def _place(self, sent: SentEvent) -> Place:
        """What the sender says; only where that is nothing, the place of the client's address."""
        said = Place(sent.country.upper(), sent.region, sent.city)
        if said != NOWHERE or not sent.client_ip:
            return said
        return self._locate(identity.canonical_ip(sent.client_ip))


def _key(
    sent: SentEvent, received_at: datetime, ordinals: identity.Ordinals, position: int
) -> EventKey:
    """When a valid event happened, and which one it is; `position` is that in its request."""
    if sent.timestamp is None:
        # Stamped with one moment, the events of a request keep the order they have in it
        return received_at.astimezone(UTC), sent.sequence or position, identity.random_id()
    occurred_at = sent.timestamp.astimezone(UTC)
    event_id = sent.event_id
    if not event_id:
        event_id = identity.content_id(identity.sent_content(sent, occurred_at), ordinals)
    return occurred_at, sent.sequence, event_id


def violations(sent: SentEvent, received_at: datetime) -> list[Violation]:
    """All that is wrong with one sent event, by field; empty if it can be stored."""
    wrong = list(_wrong_texts(sent))
    named = {each.field for each in wrong}
    # only texts of bounded size are taken apart
    more = _wrong_parts(sent) if not wrong else iter(())
    rest = chain(more, _wrong_kind(sent), _wrong_identity(sent), _wrong_time(sent, received_at))
    wrong += [each for each in rest if each.field not in named]
    if sent.event_data is not None:
        wrong += _wrong_data(sent.event_data)
    return wrong


def _wrong_texts(sent: SentEvent) -> Iterator[Violation]:
    """Texts that are too long, or that PostgreSQL can't store."""
    values = _texts(sent)
    everything = "".join(values)
    plain = everything.isascii() and "\0" not in everything
    if plain and all(map(le, map(len, values), _SIZES)):  # nearly always: a character is a byte
        return
    for value, limit in zip(values, limits.TEXTS, strict=True):
        if reason := _not_storable(value):
            yield Violation(limit.field, reason)
        elif (size := len(value.encode())) > limit.bytes:
            yield Violation(limit.field, f"is {size:,} bytes long; at most {limit.bytes:,}")


def _not_storable(text: str) -> str:
    """Why PostgreSQL can't store a text; `''` if it can."""
    if text.isascii() and "\0" not in text:
        return ""
    if "\0" in text:
        return "contains NUL (U+0000), which can't be stored"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"is not valid Unicode: lone surrogate at character {error.start}"
    return ""


def _wrong_parts(sent: SentEvent) -> Iterator[Violation]:
    """What is wrong inside of texts that are fine as such."""
    if sent.client_ip and not identity.canonical_ip(sent.client_ip):
        yield Violation("client_ip", "must be an IPv4 or IPv6 address")
    url = urls.split_url(sent.url)
    if url[2:] == urls.NO_UTM:
        return
    for name in ("utm_source", "utm_medium", "utm_campaign"):
        size = len(getattr(url, name).encode())
        if size > limits.MAX_UTM:
            yield Violation("url", f"its {name} is {size:,} bytes long; at most {limits.MAX_UTM:,}")


def _wrong_kind(sent: SentEvent) -> Iterator[Violation]:
    if sent.event_type not in ("pageview", "event"):
        yield Violation("event_type", "must be `pageview` or `event`")
    elif sent.event_type == "event" and not sent.event_name:
        yield Violation("event_name", "is required when event_type is `event`")
    elif sent.event_type == "pageview" and sent.event_name:
        yield Violation("event_name", "is only for event_type `event`; a pageview has no name")


def _wrong_identity(sent: SentEvent) -> Iterator[Violation]:
    if not sent.visitor_id and not sent.client_ip:
        yield Violation("visitor_id", "is required, or else client_ip and user_agent")
    if len(sent.visitor_id) > limits.MAX_VISITOR_ID_CHARACTERS:
        most = limits.MAX_VISITOR_ID_CHARACTERS
        yield Violation("visitor_id", f"is {len(sent.visitor_id)} characters long; at most {most}")
    if sent.event_id and not (sent.event_id.isascii() and sent.event_id.isprintable()):
        yield Violation("event_id", "must be printable ASCII characters")
    if not -limits.MAX_SEQUENCE - 1 <= sent.sequence <= limits.MAX_SEQUENCE:
        yield Violation("sequence", f"must be a 32-bit integer, at most {limits.MAX_SEQUENCE:,}")


def _wrong_time(sent: SentEvent, received_at: datetime) -> Iterator[Violation]:
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
    """The first reason why `event_data` can't be stored; its field names the place."""
    if flaw := _flaw(data, 1):
        place, reason = flaw
        yield Violation(f"event_data{place}", reason)
        return
    size = len(orjson.dumps(data))
    if size > limits.MAX_EVENT_DATA:
        yield Violation(
            "event_data", f"is {size:,} bytes of JSON; at most {limits.MAX_EVENT_DATA:,}"
        )


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
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(key, str) and (reason := _not_storable(key)):
            return "", f"has a key that {reason}"
        if flaw := _flaw(item, depth + 1):
            place, reason = flaw
            return f".{str(key)[:_KEY_SHOWN]}{place}", reason
    return None
