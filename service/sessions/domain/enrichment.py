"""From an event as it was sent to an event as it is stored: checked and derived in one place.

Every way in (RPC, REST, import) comes through here, so that an event means the
same wherever it comes from. Text is kept as sent; what can't be stored is
refused by name and nothing is repaired or left out silently.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import NamedTuple

from sessions.domain import urls, user_agents
from sessions.domain.client_addresses import canonical_ip, holds_address, may_hold_address
from sessions.domain.dimensions import ATTRIBUTES, NAMES, first_language
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.event_identity import Ordinals, event_key, number_ties
from sessions.domain.events import Event, EventInput, EventKey, InputColumns, RestoredEvent
from sessions.domain.locations import UNKNOWN, Location, unlocated
from sessions.domain.validation import restored_violations, violations, violations_of
from sessions.domain.visitors import Visitors

_DESCRIPTIONS = tuple(each.name for each in ATTRIBUTES if not each.source.startswith("url."))
_descriptions = itemgetter(*_DESCRIPTIONS)


class Facts(NamedTuple):
    """All that can be derived from events, one of each for each of them.

    This is where `dimensions.Attribute.source` leads.
    """

    url: Sequence[urls.Url]
    hostname: Sequence[str]
    referrer_host: Sequence[str]
    client: Sequence[user_agents.Client]
    location: Sequence[Location]
    language: Sequence[str]


# Of each attribute which facts tell it, and which part of them, if any.
_SOURCES = [each.source.partition(".")[::2] for each in ATTRIBUTES]
# Events enriched in one go while other calls wait: half a millisecond. One that may take long by
# itself ends its slice.
_SLICE = 64
_LONG_URL = 1_024


class Enricher:
    """Makes events of what was sent.

    Args:
        visitors: turns clients into visitors.
        locate: gives the location of an IP address in its canonical form.
    """

    def __init__(self, visitors: Visitors, locate: Callable[[str], Location] = unlocated) -> None:
        self._visitors = visitors
        self._locate = locate

    def enrich(self, sent: EventInput, *, website_id: str, received_at: datetime) -> Event:
        """The event of one sent event that stands alone.

        Raises:
            InvalidArgument: with every violation; the fields are named as in `EventInput`.
        """
        if wrong := violations(sent, received_at):
            raise InvalidArgument(*wrong)
        key = event_key(sent, received_at, Ordinals())
        [event] = self._events(InputColumns.of([sent]), website_id, [key])
        return event

    def enrich_lines(
        self,
        sent: Sequence[EventInput],
        lines: Sequence[bytes],
        *,
        website_id: str,
        received_at: datetime,
        ordinals: Ordinals,
    ) -> list[Event | InvalidArgument]:
        """For each line of a file its event, or what is wrong with it; see `number_ties`.

        Args:
            sent: the events that were read from the lines, at least one.
            lines: the bytes of each.
            website_id: whose events.
            received_at: when they came in.
            ordinals: what came before them in the same file.
        """
        columns = InputColumns.of(sent)
        wrong = violations_of(sent, columns, received_at)
        if None in columns.timestamp:
            missing = Violation("timestamp", "is required in a file")
            for index in (n for n, each in enumerate(columns.timestamp) if each is None):
                wrong.setdefault(index, []).append(missing)
        valid = [index for index in range(len(sent)) if index not in wrong]
        keys = [event_key(sent[n], received_at, ordinals, line=lines[n]) for n in valid]
        if wrong:
            columns = InputColumns.of([sent[n] for n in valid])
        return _with_refused(self._events(columns, website_id, keys), wrong)

    def enrich_all(
        self, sent: Sequence[EventInput], *, website_id: str, received_at: datetime
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
        self, sent: Sequence[EventInput], *, website_id: str, received_at: datetime
    ) -> Generator[None, None, list[Event]]:
        """Makes the events of one request, in its order, and yields after each step.

        Raises:
            InvalidArgument: with every violation of all of them; the fields are named
                `events[3].event_name`.
        """
        wrong: list[Violation] = []
        slices = list(_slices(sent))
        for start, part in slices:
            for index, found in violations_of(part, InputColumns.of(part), received_at).items():
                prefix = f"events[{start + index}]"
                wrong += (replace(one, field=f"{prefix}.{one.field}") for one in found)
            yield
        if wrong:
            raise InvalidArgument(*wrong)
        # An unknown one takes as long as a slice; from here on it is remembered.
        for user_agent in {each.user_agent for each in sent}:
            user_agents.describe(user_agent)
            yield
        ordinals = Ordinals()
        events: list[Event] = []
        for _, part in slices:
            keys = [event_key(each, received_at, ordinals) for each in part]
            events += self._events(InputColumns.of(part), website_id, keys)
            yield
        number_ties(events)
        return events

    def _events(self, sent: InputColumns, website_id: str, keys: Sequence[EventKey]) -> list[Event]:
        """The events of valid sent events."""
        addresses = [ip and canonical_ip(ip) for ip in sent.client_ip]
        clients = zip(sent.visitor_id, addresses, sent.user_agent, strict=True)
        visitor_ids = [
            visitor_id or self._visitors.client_id(website_id, address, user_agent)
            for visitor_id, address, user_agent in clients
        ]
        events = _stored(sent, visitor_ids, keys, self._facts(sent, addresses))
        for event, address in zip(events, addresses, strict=True):
            if address:
                _forget_address(event, address)
        return events

    def _facts(self, sent: InputColumns, addresses: Sequence[str]) -> Facts:
        split = list(map(urls.split_url, sent.url))
        hostnames = [
            (name and urls.host(name)) or url.hostname
            for name, url in zip(sent.hostname, split, strict=True)
        ]
        locations = zip(sent.country, sent.region, sent.city, addresses, strict=True)
        return Facts(
            url=split,
            hostname=hostnames,
            referrer_host=_other_hosts(sent.referrer, hostnames),
            client=list(map(user_agents.describe, sent.user_agent)),
            location=[self._location(*each) for each in locations],
            language=[text and first_language(text) for text in sent.language],
        )

    def _location(self, country: str, region: str, city: str, address: str) -> Location:
        """What the sender says, or else the location of the client's address."""
        if country or region or city:
            return Location(country.upper(), region, city)
        return self._locate(address) if address else UNKNOWN


def _slices(sent: Sequence[EventInput]) -> Iterator[tuple[int, Sequence[EventInput]]]:
    """Some events at a time, with the index of the first one."""
    start = 0
    for end, each in enumerate(sent, 1):
        is_slow = each.event_data is not None or len(each.url) + len(each.referrer) > _LONG_URL
        if is_slow or end - start == _SLICE or end == len(sent):
            yield start, sent[start:end]
            start = end


def restored(
    stored: Sequence[RestoredEvent], received_at: datetime
) -> list[Event | InvalidArgument]:
    """For each event of an export the event that was stored, or what is wrong with it."""
    inputs = [each.sent for each in stored]
    wrong = violations_of(inputs, InputColumns.of(inputs), received_at)
    for index, each in enumerate(stored):
        if found := [*restored_violations(each)]:
            wrong[index] = [*wrong.get(index, ()), *found]
    valid = [each for index, each in enumerate(stored) if index not in wrong]
    keys = [event_key(each.sent, received_at, Ordinals()) for each in valid]
    columns = InputColumns.of([each.sent for each in valid])
    facts = Facts(
        url=list(map(urls.split_url, columns.url)),
        hostname=columns.hostname,
        referrer_host=_other_hosts(columns.referrer, columns.hostname),
        client=[
            user_agents.Client(each.browser, each.os, each.device, each.is_bot) for each in valid
        ],
        location=list(map(Location, columns.country, columns.region, columns.city)),
        language=columns.language,
    )
    return _with_refused(_stored(columns, columns.visitor_id, keys, facts), wrong)


def _stored(
    sent: InputColumns, visitor_ids: Sequence[str], keys: Sequence[EventKey], facts: Facts
) -> list[Event]:
    """The events as they are stored."""
    if not keys:
        return []
    values = []
    for column, part in _SOURCES:
        told = getattr(facts, column)
        values.append(map(attrgetter(part), told) if part else told)
    attributes = [dict(zip(NAMES, each, strict=True)) for each in zip(*values, strict=True)]
    return list(
        map(
            Event,
            visitor_ids,
            *zip(*keys, strict=True),
            [event_type == "pageview" for event_type in sent.event_type],
            [client.is_bot for client in facts.client],
            sent.event_name,
            sent.event_data,
            sent.url,
            sent.referrer,
            [url.path for url in facts.url],
            attributes,
        )
    )


def _with_refused(
    events: Iterable[Event], wrong: Mapping[int, Sequence[Violation]]
) -> list[Event | InvalidArgument]:
    """Events with the refused ones between them, by their index."""
    found: list[Event | InvalidArgument] = list(events)
    for index in sorted(wrong):
        found.insert(index, InvalidArgument(*wrong[index]))
    return found


def _other_hosts(referrers: Sequence[str], hostnames: Sequence[str]) -> list[str]:
    """The hosts of referrers; `''` where that is the website's own."""
    return [
        referrer and _other_host(referrer, hostname)
        for referrer, hostname in zip(referrers, hostnames, strict=True)
    ]


def _other_host(referrer: str, hostname: str) -> str:
    host = urls.referrer_host(referrer)
    return "" if host and urls.is_same_site(host, hostname) else host


def _forget_address(event: Event, address: str) -> None:
    """A client's address may stand in `url` and `event_data`, which are the sender's; nowhere else.

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
