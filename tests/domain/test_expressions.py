"""Expressions: what they mean, and that an error points at the character and says what to do."""

from datetime import UTC, datetime

import pytest
from sessions.domain.comparisons import parse_filter
from sessions.domain.errors import InvalidArgument
from sessions.domain.hours import microseconds
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Flag,
    Has,
    HasLike,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)
from sessions.domain.steps import parse_step, parse_steps

EARLIEST = microseconds(datetime(1, 1, 2, tzinfo=UTC))
LATEST = microseconds(datetime(9999, 12, 30, tzinfo=UTC))
US, MACOS = OneOf("country", ("US",)), OneOf("os", ("macOS",))
DE = OneOf("country", ("DE",))

MEANINGS: list[tuple[str, Predicate]] = [
    ("", All()),
    (" \t\r\n ", All()),
    ('country = "US"', US),
    ("country=us", US),
    ("country : US", US),
    ("country != US", Not(US)),
    ("NOT country = US", Not(US)),
    ("-country = US", Not(US)),
    ("- (country = US)", Not(US)),
    ("NOT(country = US)", Not(US)),
    ("((country = US))", US),
    ("country = US AND os = macOS", All((US, MACOS))),
    ("country = US os = macOS", All((US, MACOS))),
    ("country = US OR country = DE AND os = macOS", All((OneOf("country", ("US", "DE")), MACOS))),
    ("os = macOS country = US OR country = DE", All((MACOS, OneOf("country", ("US", "DE"))))),
    ("country = US AND (os = macOS OR NOT country = DE)", All((US, Either((MACOS, Not(DE)))))),
    ("country = US country = DE AND os = macOS", All((All((US, DE)), MACOS))),
    ("country = US OR os = macOS", Either((US, MACOS))),
    ('country = ""', OneOf("country", ("",))),
    ("country:*", Like("country", Pattern("", True, True))),
    ('city = "*"', Like("city", Pattern("", True, True))),
    ('city = "New York"', OneOf("city", ("New York",))),
    ('city = "New*"', Like("city", Pattern("New", False, True))),
    ('city = "*York"', Like("city", Pattern("York", True, False))),
    ('city != "*w Y*"', Not(Like("city", Pattern("w Y", True, True)))),
    (r'city = "\*\"\\"', OneOf("city", ('*"\\',))),
    (r'city = "\**"', Like("city", Pattern("*", False, True))),
    ('country = "u*"', Like("country", Pattern("U", False, True))),
    ("hostname = MÜNCHEN", OneOf("hostname", ("xn--mnchen-3ya",))),
    (
        'hostname = "*.München.Example"',
        Like("hostname", Pattern(".xn--mnchen-3ya.example", True, False)),
    ),
    ('referrer = "Google.*"', Like("referrer", Pattern("google.", False, True))),
    ("city = ANDROID", OneOf("city", ("ANDROID",))),
    ("city = -1", OneOf("city", ("-1",))),
    ("city = 日本", OneOf("city", ("日本",))),
    ("entry_page = /pricing", OneOf("entry_page", ("/pricing",))),
    ("visitor_id = a1b2", OneOf("visitor_id", ("a1b2",))),
    ("visitor_id:*", All()),
    ('visitor_id != "**"', Not(All())),
    ("page:/pricing", Has("page", ("/pricing",))),
    ('page:"/blog/*"', HasLike("page", Pattern("/blog/", False, True))),
    ('page:""', Has("page", ("",))),
    ("event:*", Not(Has("event", ("",)))),
    ("pageviews = 3", Between("pageviews", 3, 3)),
    ("pageviews != 3", Not(Between("pageviews", 3, 3))),
    ("events < 3", Between("events", None, 2)),
    ("events <= 3", Between("events", None, 3)),
    ("events > 3", Between("events", 4, None)),
    ('events >= "3"', Between("events", 3, None)),
    ("events > -1", Between("events", 0, None)),
    (f"events < {'9' * 4_000}", Between("events", None, 2**62 - 1)),
    ("duration > 60", Between("duration", 61, None)),
    ("duration > 60s", Between("duration", 61, None)),
    ("started_at >= 1970-01-01T00:00:00.000001Z", Between("started_at", 1, None)),
    ('started_at < "1970-01-01T01:00:00+01:00"', Between("started_at", None, -1)),
    ("started_at > 9999-12-31T23:59:59.999999Z", Between("started_at", LATEST + 1, None)),
    ("started_at < 0001-01-01T00:00:00+23:59", Between("started_at", None, EARLIEST - 1)),
    ('hostname = "\u00ad*"', Like("hostname", Pattern("\u00ad", False, True))),
    ("is_bounce = true", Flag("is_bounce")),
    ("is_bounce = false", Not(Flag("is_bounce"))),
    ("is_bounce != true", Not(Flag("is_bounce"))),
]


@pytest.mark.parametrize(("text", "expected"), MEANINGS, ids=[text[:40] for text, _ in MEANINGS])
def test_what_an_expression_means(text: str, expected: Predicate) -> None:
    assert parse_filter(text, include_bots=False) == expected


MISTAKES = [
    ("country", 1, "found 'country', a bare literal"),
    ("US", 1, "found 'US', a bare literal"),
    ('"a b"', 1, "found '\"a b\"', a bare literal"),
    ("/pricing", 1, "found '/pricing', a bare literal"),
    ("country = US pricing", 14, "found 'pricing', a bare literal"),
    ("contains(city, a)", 1, "'contains' is called as a function"),
    ("country.name = US", 8, "found '.', expected an operator; fields have no parts"),
    ("referrer = google.com", 18, "found '.', expected AND, OR, a condition or the end; put"),
    ("country =", 10, "found the end, expected a value"),
    ("country == US", 10, "found '=', expected a value"),
    ("country = AND", 11, "found 'AND', expected a value; put it in double quotes"),
    ("country = 'US'", 11, 'found "\'", expected a value; put values in double quotes'),
    ("country ? US", 9, "found '?', expected an operator"),
    ("country = US AND", 17, "found the end, expected a condition"),
    ("AND country = US", 1, "found 'AND', expected a condition"),
    ("country = US OR OR os = macOS", 17, "found 'OR', expected a condition"),
    ("NOT NOT country = US", 5, "found 'NOT', expected a condition"),
    ("country = US and os = macOS", 14, "found 'and'; write AND in capitals"),
    ("(country = US", 14, "found the end, expected AND, OR, a condition or a )"),
    ("country = US)", 13, "found ')', expected AND, OR, a condition or the end"),
    ("()", 2, "found ')', expected a condition"),
    ('city = "a', 8, "the string that begins here has no closing quote"),
    (r'city = "a\"', 8, "the string that begins here has no closing quote"),
    (r'city = "a\n"', 10, r"'\\n' is no escape; there are \*, \" and \\"),
    ('city = "a*b"', 10, r"* stands at the ends of a string only; write \* for an asterisk"),
    ("city = a*", 9, "found '*', expected AND, OR, a condition or the end; wildcards stand in"),
    ("city = *", 8, "a value * stands after ':' only"),
    ("city < a", 6, "city has no operator <; it has = != :"),
    ("page = /pricing", 6, "page has no operator =; it has :"),
    ("duration : 1", 10, "duration has no operator :; it has = != < <= > >="),
    ("is_bounce > true", 11, "is_bounce has no operator >; it has = !="),
    ("kountry = US", 1, "there is no field 'kountry'; there are browser, city, country, "),
    ("duration > 1m", 12, "found '1m', expected whole seconds, such as 60s"),
    ("pageviews > 3s", 13, "found '3s', expected a whole number, such as 3"),
    ('pageviews > "*"', 13, "found '\"*\"', expected a whole number, such as 3"),
    ("is_bounce = True", 13, "found 'True', expected true or false"),
    ("started_at > 2026-03-03", 14, "found '2026-03-03', expected a time with its offset"),
    ("started_at > 2026-03-03T10:15:00", 14, "found '2026-03-03T10:15:00', expected a time"),
    ("started_at > 2026-13-03T10:15:00Z", 14, "found '2026-13-03T10:15:00Z', expected a time"),
    ("is_bot = true", 1, "is_bot needs include_bots=true"),
    ('hostname = "*münchen.example"', 12, "part of a label with letters beyond ASCII"),
    ("city = \0", 8, "a NUL character; leave it out"),
    ("country = US " * 65, 65 * 13 - 4, "more than 64 comparisons"),
    ("(" * 17 + "country = US" + ")" * 17, 17, "more than 16 parentheses inside of each other"),
]


@pytest.mark.parametrize(
    ("text", "position", "message"), MISTAKES, ids=[text[:40] for text, *_ in MISTAKES]
)
def test_an_error_points_at_a_character(text: str, position: int, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_filter(text, include_bots=False)
    [violation] = caught.value.violations
    assert violation.field == "filter"
    assert violation.description.startswith(f"at character {position}: {message}")
    assert caught.value.metadata["position"] == str(position)


def test_as_long_as_it_may_be() -> None:
    text = "(" * 16 + "country = US " * 64 + ")" * 16
    assert parse_filter(text, include_bots=False) == All((US,) * 64)
    assert parse_filter(f'city = "{"ü" * 2_043}"', include_bots=False)
    too_long = "at character 2053: is 4,097 bytes long; send 4,096 at the most"
    with pytest.raises(InvalidArgument, match=too_long):
        parse_filter(f'city = "{"ü" * 2_044}"', include_bots=False)


def test_bots_where_they_are_included() -> None:
    assert parse_filter("is_bot = true", include_bots=True) == Flag("is_bot")


STEPS: list[tuple[str, Predicate]] = [
    ('page = "/pricing"', OneOf("page", ("/pricing",))),
    ("page:/pricing", OneOf("page", ("/pricing",))),
    ('page = "/blog/*"', Like("page", Pattern("/blog/", False, True))),
    ("event = signup", OneOf("event", ("signup",))),
    ("event:*", Like("event", Pattern("", True, True))),
    ("NOT page = /", Not(OneOf("page", ("/",)))),
    ("page != /", Not(OneOf("page", ("/",)))),
    ("page = / OR event = a", Either((OneOf("page", ("/",)), OneOf("event", ("a",))))),
]


@pytest.mark.parametrize(("text", "expected"), STEPS, ids=[text for text, _ in STEPS])
def test_what_a_step_means(text: str, expected: Predicate) -> None:
    step = parse_step(text, "journey[0]")
    assert (step.text, step.condition) == (text, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "journey[1]: at character 1: found the end, expected a condition"),
        (
            "country = US",
            "journey[1]: at character 1: there is no field 'country'; there are event, page",
        ),
        ("page > 1", "journey[1]: at character 6: page has no operator >; it has = != :"),
    ],
)
def test_a_step_that_is_none(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_step(text, "journey[1]")
    assert caught.value.message == message


def test_comparisons_of_all_steps_are_counted_together() -> None:
    """Those of one field, which become one condition, too."""
    eight = " OR ".join(["page = /"] * 7 + ["event = a"])
    assert len(parse_steps([eight] * 8, "journey")) == 8
    with pytest.raises(InvalidArgument) as caught:
        parse_steps([*[eight] * 8, "page = / OR page = /b"], "journey")
    assert caught.value.message == "journey: 66 comparisons in all steps; send 64 at the most"
    assert caught.value.metadata["limit"] == "64"
