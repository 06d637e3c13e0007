"""From an event as it was sent to an event as it is stored: checked and derived in one place.

Every way in (RPC, REST, import) comes through here, so that an event means the
same wherever it comes from. Text is kept as sent; what can't be stored is
refused by name and nothing is repaired or left out silently.
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter, itemgetter, le
from typing import Any, NamedTuple

import orjson

from sessions.domain import identity, limits, urls, user_agents
from sessions.domain.client_addresses import holds_address, may_hold_address
from sessions.domain.dimensions import ATTRIBUTES, NAMES, first_language
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.events import Event, EventKey, SentEvent
from sessions.domain.places import NOWHERE, Place, nowhere

_INTEGERS = range(-(2**63), 2**64)  # what the JSON library writes
_KEY_SHOWN = 40  # characters of a key in the name of a field

_texts = attrgetter(*(text.field for text in limits.TEXTS))
_SIZES = tuple(text.bytes for text in limits.TEXTS)

_DESCRIPTIONS = tuple(each.name for each in ATTRIBUTES if not each.source.startswith("url."))
_descriptions = itemgetter(*_DESCRIPTIONS)
_tie = attrgetter("visitor_id", "occurred_at")


def number_ties(events: Sequence[Event], counted: identity.Ordinals | None = None) -> None:
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
        counted = identity.Ordinals()
    given = {tie for tie, event in zip(ties, events, strict=True) if event.sequence}
    for tie, event in zip(ties, events, strict=True):
        if tie not in given:
            event.sequence = counted.next(tie)


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
        """The event of one sent event that stands alone, as in a file; see `number_ties`.

        Raises InvalidArgument with every violation; the fields are named as in `SentEvent`.
        """
        wrong = violations(sent, received_at)
        if wrong:
            raise InvalidArgument(*wrong)
        return self._event(sent, website_id, _key(sent, received_at, identity.Ordinals()))

    def enrich_all(
        self, sent: Sequence[SentEvent], *, website_id: str, received_at: datetime
    ) -> list[Event]:
        """What `enriching` makes, in one go."""
        steps = self.enriching(sent, website_id=website_id, received_at=received_at)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                events: list[Event] = end.value
                return events

    def enriching(
        self, sent: Sequence[SentEvent], *, website_id: str, received_at: datetime
    ) -> Generator[None, None, list[Event]]:
        """Makes the events of one request, in its order, and yields after each step.

        Raises InvalidArgument with every violation of all of them; the fields
        are named `events[3].event_name`.
        """
        wrong: list[Violation] = []
        for index, each in enumerate(sent):
            found = violations(each, received_at)
            wrong += (replace(one, field=f"events[{index}].{one.field}") for one in found)
            yield
        if wrong:
            raise InvalidArgument(*wrong)
        ordinals = identity.Ordinals()
        events = []
        for each in sent:
            events.append(self._event(each, website_id, _key(each, received_at, ordinals)))
            yield
        number_ties(events)
        return events

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
        address = identity.canonical_ip(sent.client_ip) if sent.client_ip else ""
        facts = self._facts(sent, address)
        event = Event(
            visitor_id=sent.visitor_id
            or identity.visitor_id(self._secret, website_id, address, sent.user_agent),
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
        if address:
            _forget_address(event, address)
        return event

    def _facts(self, sent: SentEvent, address: str) -> Facts:
        url = urls.split_url(sent.url)
        hostname = urls.host(sent.hostname) or url.hostname
        referrer_host = urls.referrer_host(sent.referrer)
        if referrer_host and urls.is_same_site(referrer_host, hostname):
            referrer_host = ""
        return Facts(
            url=url,
            hostname=hostname,
            referrer_host=referrer_host,
            client=user_agents.describe(sent.user_agent),
            location=self._place(sent, address),
            language=sent.language and first_language(sent.language),
        )

    def _place(self, sent: SentEvent, address: str) -> Place:
        """What the sender says; only where that is nothing, the place of the client's address."""
        if sent.country or sent.region or sent.city:
            return Place(sent.country.upper(), sent.region, sent.city)
        return self._locate(address) if address else NOWHERE


def _forget_address(event: Event, address: str) -> None:
    """A client's address may stand in `url` and `event_data`, which are the sender's; else nowhere.

    The referrer and others come from the visitor's browser, so that refusing them would let
    one visitor spoil a whole request.
    """
    texts = _descriptions(event.attributes)
    if not may_hold_address("\0".join((event.referrer, *texts)), address):
        return
    if holds_address(event.referrer, address):
        event.referrer = ""
    for name, text in zip(_DESCRIPTIONS, texts, strict=True):
        if holds_address(text, address):
            event.attributes[name] = ""


def _key(sent: SentEvent, received_at: datetime, ordinals: identity.Ordinals) -> EventKey:
    """When a valid event happened, and which one it is."""
    if sent.timestamp is None:
        return received_at.astimezone(UTC), sent.sequence, identity.random_id()
    occurred_at = sent.timestamp.astimezone(UTC)
    event_id = sent.event_id
    if not event_id:
        event_id = identity.content_id(identity.sent_content(sent, occurred_at), ordinals)
    return occurred_at, sent.sequence, event_id


def violations(sent: SentEvent, received_at: datetime) -> list[Violation]:
    """All that is wrong with one sent event, by field; empty if it can be stored."""
    wrong = list(_wrong_texts(sent))
    rest = (*_wrong_kind(sent), *_wrong_identity(sent), *_wrong_time(sent, received_at))
    if wrong:
        named = {each.field for each in wrong}
        wrong += [each for each in rest if each.field not in named]
    else:  # only texts of bounded size are taken apart
        wrong = [*_wrong_parts(sent), *rest]
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
            text = f"is {size:,} bytes long; at most {limit.bytes:,}"
            yield Violation(limit.field, text, limit.bytes, size)


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
    if sent.hostname and not urls.host(sent.hostname):
        yield Violation("hostname", "is not a host name; send one such as shop.example")
    url = urls.split_url(sent.url)
    if url[2:] == urls.NO_UTM:
        return
    for name in ("utm_source", "utm_medium", "utm_campaign"):
        size = len(getattr(url, name).encode())
        if size > limits.MAX_UTM:
            text = f"its {name} is {size:,} bytes long; at most {limits.MAX_UTM:,}"
            yield Violation("url", text, limits.MAX_UTM, size)


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
        size = len(sent.visitor_id)
        yield Violation("visitor_id", f"is {size} characters long; at most {most}", most, size)
    names = f"{sent.visitor_id}{sent.event_id}{sent.event_name}"
    if sent.client_ip and ("." in names or ":" in names):  # rarely
        yield from _wrong_names(sent, identity.canonical_ip(sent.client_ip))
    if sent.event_id and not (sent.event_id.isascii() and sent.event_id.isprintable()):
        yield Violation("event_id", "must be printable ASCII characters")
    if not -limits.MAX_SEQUENCE - 1 <= sent.sequence <= limits.MAX_SEQUENCE:
        yield Violation("sequence", f"must be a 32-bit integer, at most {limits.MAX_SEQUENCE:,}")


def _wrong_names(sent: SentEvent, address: str) -> Iterator[Violation]:
    """Names that the sender makes and that are stored as they are, made of the client's address."""
    for name in ("visitor_id", "event_id", "event_name"):
        if holds_address(getattr(sent, name), address):
            yield Violation(name, "holds the client's IP address, which must not be stored")


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
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(key, str) and (reason := _not_storable(key)):
            return "", f"has a key that {reason}"
        if flaw := _flaw(item, depth + 1):
            place, reason = flaw
            return f".{str(key)[:_KEY_SHOWN]}{place}", reason
    return None
