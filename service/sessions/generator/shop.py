"""The demo: a small shop over thirteen months, told visit by visit.

There are seasons and sales, campaigns that run for days, a way from the product to the purchase
on which most people turn back, and visitors who return. The same seed and moment give the same.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sessions import session_message
from sessions.domain.enrichment import Enricher
from sessions.domain.events import EventInput
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.generator.catalogue.clients import user_agents
from sessions.generator.catalogue.locations import locations
from sessions.generator.traffic import DAY, WEEK
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

DAYS = 400
VISITS_A_DAY = 12
"""On a day that is like all others."""

HOST = "https://shop.example"

# January to December.
_SEASONS = (0.8, 0.85, 0.95, 1.05, 1.0, 0.85, 0.75, 0.8, 1.0, 1.1, 1.35, 1.5)
_RETURNS = 0.35


class _Campaign(NamedTuple):
    """Visits on top of all others while it runs: from (month, day) on, for some days."""

    name: str
    source: str
    medium: str
    referrer: str
    month: int
    day: int
    days: int
    visits_a_day: float
    landing: str


_CAMPAIGNS = (
    _Campaign("spring_sale", "google", "cpc", "https://www.google.com/", 3, 10, 14, 12, "/sale"),
    _Campaign("spring_sale", "newsletter", "email", "", 3, 12, 2, 20, "/sale"),
    _Campaign(
        "summer",
        "instagram",
        "paid_social",
        "https://l.instagram.com/",
        7,
        1,
        21,
        8,
        "/products/lamp",
    ),
    _Campaign(
        "back_to_work",
        "linkedin",
        "social",
        "https://www.linkedin.com/",
        9,
        1,
        10,
        7,
        "/products/desk",
    ),
    _Campaign("black_friday", "google", "cpc", "https://www.google.com/", 11, 20, 11, 30, "/sale"),
    _Campaign("black_friday", "newsletter", "email", "", 11, 26, 3, 35, "/sale"),
    _Campaign(
        "gifts",
        "facebook",
        "paid_social",
        "https://www.facebook.com/",
        12,
        5,
        16,
        14,
        "/products/lamp",
    ),
)

# How people come who follow no campaign: referrer, query, and where they arrive.
_SOURCES: Sequence[tuple[float, tuple[str, str, str]]] = (
    (34, ("", "", "/")),
    (22, ("https://www.google.com/", "", "/")),
    (14, ("https://www.google.com/", "", "/blog/choosing-a-desk")),
    (9, ("https://www.google.com/", "", "/products/chair")),
    (6, ("https://www.bing.com/", "", "/")),
    (6, ("", "utm_source=newsletter&utm_medium=email&utm_campaign=weekly", "/blog/home-office")),
    (5, ("https://www.reddit.com/", "", "/blog/choosing-a-desk")),
    (4, ("https://partner.example/", "utm_source=partner&utm_medium=referral", "/products")),
)

_PRODUCTS = ("/products/desk", "/products/chair", "/products/lamp", "/products/shelf")
_LEAVE, _BUY, _ADD = "leave", "buy", "add"
_PRODUCT_STEPS = ((_ADD, 0.2), ("/products", 0.22), ("/reviews", 0.12), (_LEAVE, 0.46))
_STEPS: Mapping[str, Sequence[tuple[str, float]]] = {
    "/": (("/products", 0.38), ("/sale", 0.08), ("/blog/home-office", 0.08), (_LEAVE, 0.46)),
    "/sale": ((_PRODUCTS[0], 0.22), (_PRODUCTS[2], 0.28), ("/products", 0.15), (_LEAVE, 0.35)),
    "/products": (
        *(
            (product, share)
            for product, share in zip(_PRODUCTS, (0.3, 0.18, 0.16, 0.08), strict=True)
        ),
        (_LEAVE, 0.28),
    ),
    **dict.fromkeys(_PRODUCTS, _PRODUCT_STEPS),
    "/reviews": ((_PRODUCTS[0], 0.35), ("/products", 0.2), (_LEAVE, 0.45)),
    "/blog/choosing-a-desk": ((_PRODUCTS[0], 0.22), ("/blog/home-office", 0.13), (_LEAVE, 0.65)),
    "/blog/home-office": (("/products", 0.2), ("/blog/choosing-a-desk", 0.1), (_LEAVE, 0.7)),
    "/cart": (("/checkout", 0.52), ("/products", 0.13), (_LEAVE, 0.35)),
    "/checkout": ((_BUY, 0.68), ("/cart", 0.07), (_LEAVE, 0.25)),
    "/thanks": ((_LEAVE, 0.85), ("/", 0.15)),
}
"""Where people go on from a page."""


@dataclass(frozen=True, slots=True)
class _Person:
    """A visitor, who is the same whenever it comes."""

    visitor_id: str
    client: str
    location: Mapping[str, Any]


async def record_shop(database_url: str, website: Website, seed: int, until: datetime) -> None:
    """Record the visits up to a moment, as if they had been sent; all of them or none.

    Raises:
        Unavailable: the database can't be reached.
    """
    visitors = Visitors(b"")  # the demo's visitors have ids, so that nothing is hashed
    enricher = Enricher(visitors)
    events = [
        enricher.enrich(event, website_id=website.website_id, received_at=until)
        for visit in visits(seed, until)
        for event in visit
    ]
    async with Database(database_url, pool_size=1) as database:
        record = EventWriter(database, Partitions(database), visitors, session_message.encode)
        await record(website, events)


def visits(seed: int, until: datetime) -> Iterator[list[EventInput]]:
    """The events of each visit, all of them before a moment."""
    story = _Story(random.Random(seed))  # noqa: S311 - the same every time, not a secret
    today = until.astimezone(UTC).date()
    for day in (today - timedelta(days=ago) for ago in range(DAYS, -1, -1)):
        for visit in story.day(day):
            if visit[-1].timestamp and visit[-1].timestamp < until:
                yield visit
    yield story.latest(until - timedelta(minutes=5))


class _Story:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._people: list[_Person] = []
        self._clients = list(zip(*user_agents(), strict=True))
        self._locations = list(zip(*locations(), strict=True))

    def day(self, day: date) -> Iterator[list[EventInput]]:
        """The visits of a day."""
        usual = VISITS_A_DAY * _SEASONS[day.month - 1] * WEEK[day.weekday()]
        for _ in range(self._count(usual)):
            referrer, query, landing = self._pick(_SOURCES)
            yield self._visit(day, referrer, query, landing)
        for each in _CAMPAIGNS:
            if 0 <= (day - date(day.year, each.month, each.day)).days < each.days:
                query = (
                    f"utm_source={each.source}&utm_medium={each.medium}&utm_campaign={each.name}"
                )
                for _ in range(self._count(each.visits_a_day)):
                    yield self._visit(day, each.referrer, query, each.landing)

    def latest(self, moment: datetime) -> list[EventInput]:
        """A visit of one page: the demo ends with somebody, however quiet the day was."""
        return [self._event(self._person(), moment, "/")]

    def _count(self, mean: float) -> int:
        return max(0, round(self._chance.gauss(mean, math.sqrt(mean))))

    def _pick(self, weighted: Sequence[tuple[float, Any]]) -> Any:
        weights, values = zip(*weighted, strict=True)
        return self._chance.choices(values, weights)[0]

    def _visit(self, day: date, referrer: str, query: str, landing: str) -> list[EventInput]:
        person = self._person()
        [hour] = self._chance.choices(range(24), DAY)
        seconds = self._chance.uniform(0, 3600)
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(
            seconds=seconds
        )
        events = [self._event(person, moment, landing, referrer=referrer, query=query)]
        page = landing
        while (step := self._next(page)) != _LEAVE:
            moment += timedelta(seconds=min(self._chance.lognormvariate(3.3, 1), 1_200))
            if step == _ADD:
                data = {"product": page.rpartition("/")[2]}
                events.append(self._event(person, moment, page, name="add_to_cart", data=data))
                moment += timedelta(seconds=self._chance.uniform(1, 5))
                step = "/cart"
            elif step == _BUY:
                events.append(self._event(person, moment, page, name="purchase"))
                step = "/thanks"
            events.append(self._event(person, moment, step))
            page = step
        return events

    def _next(self, page: str) -> str:
        steps, shares = zip(*_STEPS[page], strict=True)
        found: str = self._chance.choices(steps, shares)[0]
        return found

    def _person(self) -> _Person:
        """Somebody who was here before, mostly of late, or somebody new."""
        if self._people and self._chance.random() < _RETURNS:
            back = min(int(self._chance.expovariate(1 / 150)), len(self._people) - 1)
            return self._people[-1 - back]
        (weights, clients), (shares, places) = self._clients, self._locations
        person = _Person(
            f"{self._chance.getrandbits(64):016x}",
            self._chance.choices(clients, weights)[0],
            self._chance.choices(places, shares)[0],
        )
        self._people.append(person)
        return person

    def _event(
        self,
        person: _Person,
        moment: datetime,
        page: str,
        *,
        referrer: str = "",
        query: str = "",
        name: str = "",
        data: dict[str, Any] | None = None,
    ) -> EventInput:
        return EventInput(
            event_type="event" if name else "pageview",
            event_id=f"{self._chance.getrandbits(64):016x}",
            timestamp=moment,
            visitor_id=person.visitor_id,
            user_agent=person.client,
            url=f"{HOST}{page}{'?' if query else ''}{query}",
            referrer=referrer,
            event_name=name,
            event_data=data,
            **person.location,
        )
