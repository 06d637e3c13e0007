"""From an event as it was sent to an event as it is stored: checked and derived in one place.

Every way in (RPC, REST, import) comes through here, so that an event means the
same wherever it comes from. Text is kept as sent; what can't be stored is
refused by name and nothing is repaired or left out silently.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import NamedTuple

from sessions.domain import urls, user_agents
from sessions.domain.client_addresses import canonical_ip, holds_address, may_hold_address
from sessions.domain.dimensions import ATTRIBUTES, NAMES, first_language
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.event_identity import Ordinals, event_key, number_ties
from sessions.domain.events import Event, EventInput, EventKey, RestoredEvent
from sessions.domain.locations import UNKNOWN, Location, unlocated
from sessions.domain.validation import restored_violations, violations
from sessions.domain.visitors import Visitors

_DESCRIPTIONS = tuple(each.name for each in ATTRIBUTES if not each.source.startswith("url."))
_descriptions = itemgetter(*_DESCRIPTIONS)


class Facts(NamedTuple):
    """All that can be derived from one event: where `dimensions.Attribute.source` leads."""

    url: urls.Url
    hostname: str
    referrer_host: str
    client: user_agents.Client
    location: Location
    language: str


_attributes = attrgetter(*(each.source for each in ATTRIBUTES))


class Enricher:
    """Makes events of what was sent.

    Args:
        visitors: turns clients into visitors.
        locate: gives the location of an IP address in its canonical form.
    """

    def __init__(self, visitors: Visitors, locate: Callable[[str], Location] = unlocated) -> None:
        self._visitors = visitors
        self._locate = locate

    def enrich(
        self,
        sent: EventInput,
        *,
        website_id: str,
        received_at: datetime,
        ordinals: Ordinals | None = None,
        line: bytes = b"",
    ) -> Event:
        """The event of one sent event that stands alone, as in a file; see `number_ties`.

        Args:
            sent: the event.
            website_id: whose event.
            received_at: when it came in.
            ordinals: what came before it in the same file.
            line: the bytes that it was read from in a file.

        Raises:
            InvalidArgument: with every violation; the fields are named as in `EventInput`.
        """
        wrong = violations(sent, received_at)
        if line and sent.timestamp is None:
            wrong.append(Violation("timestamp", "is required in a file"))
        if wrong:
            raise InvalidArgument(*wrong)
        key = event_key(sent, received_at, ordinals or Ordinals(), line=line)
        return self._event(sent, website_id, key)

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
        for index, each in enumerate(sent):
            found = violations(each, received_at)
            wrong += (replace(one, field=f"events[{index}].{one.field}") for one in found)
            yield
        if wrong:
            raise InvalidArgument(*wrong)
        ordinals = Ordinals()
        events = []
        for each in sent:
            key = event_key(each, received_at, ordinals)
            events.append(self._event(each, website_id, key))
            yield
        number_ties(events)
        return events

    def _event(self, sent: EventInput, website_id: str, key: EventKey) -> Event:
        """The event of a valid sent event."""
        address = canonical_ip(sent.client_ip) if sent.client_ip else ""
        visitor_id = sent.visitor_id or self._visitors.client_id(
            website_id, address, sent.user_agent
        )
        event = _stored(sent, visitor_id, key, self._facts(sent, address))
        if address:
            _forget_address(event, address)
        return event

    def _facts(self, sent: EventInput, address: str) -> Facts:
        url = urls.split_url(sent.url)
        hostname = urls.host(sent.hostname) or url.hostname
        return Facts(
            url=url,
            hostname=hostname,
            referrer_host=_other_host(sent.referrer, hostname),
            client=user_agents.describe(sent.user_agent),
            location=self._location(sent, address),
            language=sent.language and first_language(sent.language),
        )

    def _location(self, sent: EventInput, address: str) -> Location:
        """What the sender says, or else the location of the client's address."""
        if sent.country or sent.region or sent.city:
            return Location(sent.country.upper(), sent.region, sent.city)
        return self._locate(address) if address else UNKNOWN


def restored(stored: RestoredEvent, received_at: datetime) -> Event:
    """The event that was stored when this one was exported.

    Raises:
        InvalidArgument: with every violation.
    """
    sent = stored.sent
    if wrong := [*violations(sent, received_at), *restored_violations(stored)]:
        raise InvalidArgument(*wrong)
    facts = Facts(
        url=urls.split_url(sent.url),
        hostname=sent.hostname,
        referrer_host=_other_host(sent.referrer, sent.hostname),
        client=user_agents.Client(stored.browser, stored.os, stored.device, stored.is_bot),
        location=Location(sent.country, sent.region, sent.city),
        language=sent.language,
    )
    key = event_key(sent, received_at, Ordinals())
    return _stored(sent, sent.visitor_id, key, facts)


def _stored(sent: EventInput, visitor_id: str, key: EventKey, facts: Facts) -> Event:
    """The event as it is stored."""
    occurred_at, sequence, event_id = key
    return Event(
        visitor_id=visitor_id,
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


def _other_host(referrer: str, hostname: str) -> str:
    """The host of a referrer; `''` where that is the website's own."""
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
