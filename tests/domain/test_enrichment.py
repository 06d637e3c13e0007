"""An event coming in: what is derived, and what is refused with which words."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace
from sessions.domain import limits
from sessions.domain.enrichment import Enricher
from sessions.domain.errors import InvalidArgument, Reason
from sessions.domain.event_identity import Ordinals, number_ties
from sessions.domain.events import Event, EventInput
from sessions.domain.locations import Location
from sessions.domain.visitors import Visitors

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SITE = "site_0123456789"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
PAGEVIEW = EventInput(event_type="pageview", timestamp=NOW, visitor_id="v", url="/")
CUSTOM = EventInput(event_type="event", timestamp=NOW, visitor_id="v", event_name="signup")

visitors = Visitors(b"secret")
enricher = Enricher(visitors)


def enrich(sent: EventInput) -> Event:
    return enricher.enrich(sent, website_id=SITE, received_at=NOW)


def enrich_all(*sent: EventInput) -> list[Event]:
    return enricher.enrich_all(sent, website_id=SITE, received_at=NOW)


def refused(sent: EventInput) -> dict[str, str]:
    """Field → description of everything wrong with an event."""
    with pytest.raises(InvalidArgument) as raised:
        enrich(sent)
    assert raised.value.reason is Reason.INVALID_FIELD
    return {each.field: each.description for each in raised.value.violations}


def test_everything_that_can_be_derived_is() -> None:
    event = enrich(
        EventInput(
            event_type="pageview",
            timestamp=datetime(2026, 3, 3, 10, 15, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
            event_id="e1",
            sequence=7,
            client_ip="192.0.2.1",
            user_agent=PHONE,
            url="https://Example.com/caf%C3%A9?utm_source=news&utm_medium=e+mail&utm_campaign=x#y",
            referrer="https://www.Google.com/search",
            language="de-CH",
            country="ch",
            region=" Zürich ",
            city="Zürich",
        )
    )
    assert event == Event(
        visitor_id=visitors.client_id(SITE, "192.0.2.1", PHONE),
        occurred_at=datetime(2026, 3, 3, 8, 15, 0, 123456, tzinfo=UTC),
        sequence=7,
        event_id="e1",
        is_pageview=True,
        is_bot=False,
        event_name="",
        event_data=None,
        url="https://Example.com/caf%C3%A9?utm_source=news&utm_medium=e+mail&utm_campaign=x#y",
        referrer="https://www.Google.com/search",
        path="/café",
        attributes={
            "referrer": "www.google.com",
            "utm_source": "news",
            "utm_medium": "e mail",
            "utm_campaign": "x",
            "country": "CH",
            "region": " Zürich ",  # text is kept as sent
            "city": "Zürich",
            "browser": "Safari",
            "os": "iOS",
            "device": "mobile",
            "language": "de-CH",
            "hostname": "example.com",
        },
    )
    assert event.occurred_at.tzinfo is UTC


def test_a_custom_event_keeps_its_name_and_data() -> None:
    event = enrich(replace(CUSTOM, event_data={"plan": "pro", "seats": 5, "new": True, "by": None}))
    assert (event.is_pageview, event.event_name) == (False, "signup")
    assert event.event_data == {"plan": "pro", "seats": 5, "new": True, "by": None}


def test_a_pageview_of_an_unknown_page_is_accepted() -> None:
    assert enrich(replace(PAGEVIEW, url="")).path == ""


def test_bots_are_marked() -> None:
    assert enrich(replace(PAGEVIEW, user_agent="Googlebot/2.1")).is_bot
    assert not enrich(replace(PAGEVIEW, user_agent="")).is_bot


# Visitors


def test_a_given_visitor_id_wins_and_is_echoed() -> None:
    assert enrich(replace(PAGEVIEW, visitor_id=" Ä ", client_ip="192.0.2.1")).visitor_id == " Ä "


def test_a_client_is_one_visitor_however_its_address_is_spelt() -> None:
    client = replace(PAGEVIEW, visitor_id="", user_agent=PHONE)
    plain = enrich(replace(client, client_ip="192.0.2.1"))
    mapped = enrich(replace(client, client_ip="::FFFF:192.0.2.1"))
    assert plain.visitor_id == mapped.visitor_id
    assert plain.visitor_id != enrich(replace(client, client_ip="192.0.2.2")).visitor_id
    assert plain.visitor_id != Visitors(b"other").client_id(SITE, "192.0.2.1", PHONE)


# Hosts


@pytest.mark.parametrize(
    ("hostname", "url", "referrer", "stored"),
    [
        ("", "https://Shop.example/", "https://t.co/x", ("shop.example", "t.co")),
        ("", "https://shop.example/", "https://SHOP.example:443/a", ("shop.example", "")),
        ("Shop.Example", "/a", "https://shop.example/b", ("shop.example", "")),
        ("shop.example", "https://cdn.example/", "", ("shop.example", "")),
        ("", "/a", "https://shop.example/b", ("", "shop.example")),
        ("shop.example", "/a", "https://www.shop.example/b", ("shop.example", "")),
        ("www.shop.example", "/a", "https://shop.example/b", ("www.shop.example", "")),
        ("shop.example", "/a", "https://m.shop.example/b", ("shop.example", "m.shop.example")),
        ("münchen.example", "/", "https://xn--mnchen-3ya.example/", ("xn--mnchen-3ya.example", "")),
        (
            "",
            "https://xn--MNCHEN-3ya.example./",
            "http://München.example:80/",
            ("xn--mnchen-3ya.example", ""),
        ),
        ("https://Shop.example/", "/a", "https://shop.example./b\n", ("shop.example", "")),
        ("shop.example:8443/", "/a", " https://shop.example/b", ("shop.example", "")),
        ("", "/a", "/b", ("", "")),
    ],
)
def test_a_referrer_on_the_own_host_counts_as_none(
    hostname: str, url: str, referrer: str, stored: tuple[str, str]
) -> None:
    event = enrich(replace(PAGEVIEW, hostname=hostname, url=url, referrer=referrer))
    assert (event.attributes["hostname"], event.attributes["referrer"]) == stored
    assert event.referrer == referrer  # verbatim, whatever it counts as


# Identity


def test_an_event_sent_again_is_the_same_event() -> None:
    twice = [PAGEVIEW, replace(PAGEVIEW), CUSTOM]
    first, again = enrich_all(*twice), enrich_all(*twice)
    assert [event.key for event in first] == [event.key for event in again]
    assert len({event.key for event in first}) == 3


def test_an_event_sent_in_another_zone_is_the_same_event() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert enrich_all(PAGEVIEW) == enrich_all(replace(PAGEVIEW, timestamp=elsewhere))


def test_an_event_id_is_kept() -> None:
    assert enrich(replace(PAGEVIEW, event_id="my id!")).event_id == "my id!"


def test_events_without_timestamp_are_stamped_and_keep_their_order() -> None:
    stamped = replace(PAGEVIEW, timestamp=None)
    events = enrich_all(*[stamped] * 5)
    assert {event.occurred_at for event in events} == {NOW}
    assert len({event.event_id for event in events}) == 5
    assert [event.key for event in events] == sorted(event.key for event in events)


def test_events_of_one_moment_keep_the_order_of_the_request() -> None:
    urls = [f"/{number}" for number in range(15)]
    events = enrich_all(*(replace(PAGEVIEW, url=url) for url in urls))
    assert [event.url for event in sorted(events, key=lambda event: event.key)] == urls
    assert [event.sequence for event in events] == list(range(15))


def test_the_order_in_a_request_is_no_part_of_an_identity() -> None:
    one, other = (replace(PAGEVIEW, url=url) for url in ("/1", "/2"))
    together, apart = enrich_all(one, other), [*enrich_all(one), *enrich_all(other)]
    assert [event.event_id for event in together] == [event.event_id for event in apart]


def test_a_sequence_that_is_given_stays() -> None:
    events = enrich_all(
        replace(PAGEVIEW, url="/1"),
        replace(PAGEVIEW, url="/2", sequence=-1),
        replace(PAGEVIEW, url="/3", visitor_id="other"),
        replace(PAGEVIEW, url="/4"),
        replace(PAGEVIEW, url="/5", visitor_id="other", timestamp=NOW - timedelta.resolution),
        replace(PAGEVIEW, url="/6", visitor_id="other", timestamp=NOW.astimezone(timezone.max)),
    )
    # of `v` one event has a sequence, of `other` none
    assert [event.sequence for event in events] == [0, -1, 0, 0, 0, 1]


def test_numbers_of_ties_go_on_from_those_before() -> None:
    counted = Ordinals()
    one, other = (
        [enrich(replace(PAGEVIEW, url=url)) for url in pages] for pages in (("/1",), ("/2", "/3"))
    )
    number_ties(one, counted)
    number_ties(other, counted)
    assert [event.sequence for event in (*one, *other)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de-CH"),
        ("de-CH;q=0.9, en", "de-CH"),
        (" fr , en", "fr"),
        ("en-US", "en-US"),
        ("x" * 255, "x" * 255),
    ],
)
def test_of_accept_language_the_first_language_counts(sent: str, stored: str) -> None:
    assert enrich(replace(PAGEVIEW, language=sent)).attributes["language"] == stored


# Refusals


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"event_type": ""}, "event_type", "`pageview` or `event`"),
        ({"event_type": "Pageview"}, "event_type", "`pageview` or `event`"),
        ({"event_type": "event"}, "event_name", "required"),
        ({"event_name": "x"}, "event_name", "only for event_type `event`"),
        ({"visitor_id": ""}, "visitor_id", "required"),
        ({"visitor_id": "", "user_agent": "x"}, "visitor_id", "client_ip"),
        ({"visitor_id": "v" * 65}, "visitor_id", "65 characters long; at most 64"),
        ({"client_ip": "localhost"}, "client_ip", "IPv4 or IPv6"),
        ({"client_ip": "1.2.3.4, 10.0.0.1"}, "client_ip", "IPv4 or IPv6"),
        ({"hostname": "shop example"}, "hostname", "is not a host name"),
        ({"client_ip": "192.0.2.1", "visitor_id": "192.0.2.1"}, "visitor_id", "IP address"),
        ({"client_ip": "192.0.2.1:4711", "event_id": "1-192.0.2.1"}, "event_id", "IP address"),
        ({"client_ip": "::1", "event_type": "event", "event_name": "hi ::1"}, "event_name", "IP "),
        ({"client_ip": "1" * 65}, "client_ip", "65 bytes long; at most 64"),
        ({"event_id": "é"}, "event_id", "printable ASCII"),
        ({"event_id": "a\n"}, "event_id", "printable ASCII"),
        ({"event_id": "x" * 65}, "event_id", "65 bytes long; at most 64"),
        ({"event_id": "x", "timestamp": None}, "event_id", "needs a timestamp"),
        ({"sequence": 2**31}, "sequence", "32-bit"),
        ({"sequence": -(2**31) - 1}, "sequence", "32-bit"),
        ({"timestamp": NOW.replace(tzinfo=None)}, "timestamp", "offset"),
        ({"timestamp": limits.EARLIEST - timedelta.resolution}, "timestamp", "before 2000-01-01"),
        (
            {"timestamp": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))},
            "timestamp",
            "2000",
        ),
        ({"timestamp": datetime.max.replace(tzinfo=UTC)}, "timestamp", "5 minutes ahead"),
        ({"timestamp": NOW + timedelta(minutes=5, microseconds=1)}, "timestamp", "5 minutes"),
        ({"url": "/" * 8_193}, "url", "8,193 bytes long; at most 8,192"),
        ({"url": "/" + "é" * 4_096}, "url", "8,193 bytes long; at most 8,192"),
        ({"url": "/?utm_source=" + "é" * 513}, "url", "utm_source is 1,026 bytes"),
        ({"referrer": "x" * 8_193}, "referrer", "at most 8,192"),
        ({"user_agent": "x" * 4_097}, "user_agent", "at most 4,096"),
        ({"hostname": "x" * 256}, "hostname", "at most 255"),
        ({"language": "x" * 256}, "language", "at most 255"),
        ({"country": "x" * 65}, "country", "at most 64"),
        ({"region": "x" * 129}, "region", "at most 128"),
        ({"city": "x" * 257}, "city", "at most 256"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    wrong = refused(replace(PAGEVIEW, **changes))
    assert list(wrong) == [field]
    assert says in wrong[field]


@pytest.mark.parametrize("field", [each.field for each in limits.TEXTS])
def test_nul_and_lone_surrogates_are_refused_in_every_text(field: str) -> None:
    nul: dict[str, Any] = {field: "a\0"}
    surrogate: dict[str, Any] = {field: "a\ud800"}
    assert "NUL" in refused(replace(CUSTOM, **nul))[field]
    assert "surrogate at character 1" in refused(replace(CUSTOM, **surrogate))[field]


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": limits.EARLIEST},
        {"timestamp": NOW + timedelta(minutes=5)},
        {"sequence": 2**31 - 1},
        {"sequence": -(2**31)},
        {"visitor_id": "\U0001f600" * 64},
        {"event_id": "~" * 64},
        {"url": "/" * 8_192},
        {"url": "/?utm_source=" + "é" * 512},
        {"user_agent": "é" * 2_048},
        {"region": "\u200b\n\x01"},
    ],
)
def test_the_limits_themselves_are_accepted(changes: dict[str, Any]) -> None:
    enrich(replace(PAGEVIEW, **changes))


def nested(depth: int) -> dict[str, Any]:
    """JSON objects inside each other."""
    return {"a": nested(depth - 1)} if depth > 1 else {}


@pytest.mark.parametrize(
    ("data", "field", "says"),
    [
        ({"a": math.nan}, "event_data.a", "finite"),
        ({"a": [1, {"b": math.inf}]}, "event_data.a.1.b", "finite"),
        ({"a": 10**400}, "event_data.a", "number within"),
        ({"a": 2**64}, "event_data.a", "number within"),
        ({"a": "x\0"}, "event_data.a", "NUL"),
        ({"a": ["\udfff"]}, "event_data.a.0", "surrogate"),
        ({"a": {"b\0": 1}}, "event_data.a", "a key that contains NUL"),
        ({"\ud800": 1}, "event_data", "a key that is not valid Unicode"),
        (nested(17), "event_data" + ".a" * 16, "more than 16 levels"),
        (nested(500), "event_data" + ".a" * 16, "more than 16 levels"),
        ({"a": "x" * limits.MAX_EVENT_DATA}, "event_data", "32,776 bytes of JSON; at most 32,768"),
        ({"k" * 9_999: math.nan}, "event_data." + "k" * 40, "finite"),
    ],
)
def test_a_wrong_value_in_event_data_is_named(data: dict[str, Any], field: str, says: str) -> None:
    wrong = refused(replace(CUSTOM, event_data=data))
    assert list(wrong) == [field]
    assert says in wrong[field]


@pytest.mark.parametrize(
    "data",
    [{}, nested(16), {"a": "x" * (limits.MAX_EVENT_DATA - 8)}, {"a": -(2**63), "b": 2**64 - 1}],
)
def test_event_data_within_the_limits_is_kept(data: dict[str, Any]) -> None:
    assert enrich(replace(CUSTOM, event_data=data)).event_data == data


def test_every_violation_of_a_request_is_named_with_its_event() -> None:
    with pytest.raises(InvalidArgument) as raised:
        enrich_all(
            PAGEVIEW,
            replace(PAGEVIEW, visitor_id="", city="x" * 257),
            CUSTOM,
            replace(CUSTOM, event_name="", event_data={"a": math.nan}),
        )
    assert [each.field for each in raised.value.violations] == [
        "events[1].city",
        "events[1].visitor_id",
        "events[3].event_name",
        "events[3].event_data.a",
    ]
    assert "events[1].city: is 257 bytes" in raised.value.message


def test_a_request_without_events_has_no_events() -> None:
    assert enrich_all() == []


anything = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["pageview", "event", "x"]),
        "timestamp": st.none() | st.datetimes(timezones=st.none() | st.just(UTC)),
        "sequence": st.integers(),
        "event_data": st.none()
        | st.dictionaries(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists)),
    },
    optional={each.field: st.text() for each in limits.TEXTS if each.field != "event_type"},
)


@given(anything)
def test_an_event_is_refused_by_name_or_can_be_stored(sent: dict[str, Any]) -> None:
    try:
        event = enrich(EventInput(**sent))
    except InvalidArgument as error:
        unknown = {each.field.partition(".")[0] for each in error.violations} - sent.keys()
        # what is missing is named too
        assert unknown <= {"visitor_id", "event_name"}
        return
    texts = [getattr(event, each.name) for each in fields(Event)]
    stored = "".join(each for each in texts if isinstance(each, str))
    assert "\0" not in stored
    assert stored.encode()


def test_a_hostname_sent_with_a_port_is_the_same_host() -> None:
    event = enrich(
        EventInput(
            event_type="pageview",
            visitor_id="v",
            hostname="Shop.example.com:8443",
            referrer="https://shop.example.com/cart",
        )
    )
    assert (event.attributes["hostname"], event.attributes["referrer"]) == ("shop.example.com", "")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"client_ip": "::FFFF:198.51.100.7"}, ("US", "", "198-51-100-7")),
        ({"client_ip": "198.51.100.7", "country": "ch"}, ("CH", "", "")),
        ({"client_ip": "198.51.100.7", "city": "Zug"}, ("", "", "Zug")),
        ({"visitor_id": "v", "client_ip": "198.51.100.7"}, ("US", "", "198-51-100-7")),
        ({"visitor_id": "v"}, ("", "", "")),
    ],
)
def test_the_place_of_an_address_counts_where_the_sender_says_none(
    said: dict[str, Any], found: tuple[str, str, str]
) -> None:
    knowing = Enricher(
        Visitors(b"secret"), lambda address: Location("US", "", address.replace(".", "-"))
    )
    sent = EventInput(event_type="pageview", timestamp=NOW, url="/", **said)
    event = knowing.enrich(sent, website_id=SITE, received_at=NOW)
    assert tuple(event.attributes[name] for name in ("country", "region", "city")) == found


@pytest.mark.parametrize(
    "slow", [{"event_data": {}}, {"url": "/" * 2_000}, {"referrer": "https://x.example/" * 99}]
)
def test_others_have_their_turn_after_each_event_that_may_take_long(slow: dict[str, Any]) -> None:
    events = [replace(CUSTOM, **(slow if number % 10 else {})) for number in range(100)]
    steps = enricher.enriching(events, website_id=SITE, received_at=NOW)
    assert sum(1 for _ in steps) >= 2 * 90
    plain = enricher.enriching([CUSTOM] * 100, website_id=SITE, received_at=NOW)
    assert sum(1 for _ in plain) < 10
