"""Access logs of Apache and nginx, good and broken lines."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sessions.domain.events import SentEvent
from sessions.importing.entries import Refused, Skipped
from sessions.importing.formats.combined import Combined
from sessions.importing.lines import Line

COMMON = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 2326'
PAGE = COMMON + ' "https://t.co/x" "Firefox"'


def parse(line: str | bytes, **options: object) -> SentEvent | Refused | Skipped:
    content = line if isinstance(line, bytes) else line.encode()
    [entry] = Combined(**options).entries([Line(1, content)])  # type: ignore[arg-type]
    return entry.outcome


def event(line: str | bytes, **options: object) -> SentEvent:
    outcome = parse(line, **options)
    assert isinstance(outcome, SentEvent)
    return outcome


def test_a_combined_line_is_a_pageview() -> None:
    assert event(PAGE) == SentEvent(
        event_type="pageview",
        timestamp=datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC),
        client_ip="192.0.2.1",
        user_agent="Firefox",
        url="/a?b=c",
        referrer="https://t.co/x",
    )


def test_a_common_line_has_neither_referrer_nor_user_agent() -> None:
    assert (event(COMMON).referrer, event(COMMON).user_agent, event(COMMON).url) == (
        "",
        "",
        "/a?b=c",
    )


def test_a_dash_is_nothing() -> None:
    line = event(COMMON + ' "-" "-"')
    assert (line.referrer, line.user_agent) == ("", "")


def test_a_virtual_host_is_the_hostname() -> None:
    assert event(f"shop.example:443 {PAGE}", hostname="x.example").hostname == "shop.example"
    assert event(f"shop.example {PAGE}").client_ip == "192.0.2.1"
    assert event(PAGE, hostname="x.example").hostname == "x.example"


@pytest.mark.parametrize(
    ("who", "client", "hostname"),
    [
        ("2001:db8::1 - -", "2001:db8::1", ""),
        ("::1 - anna", "::1", ""),
        ("192.0.2.1 - anna b. smith", "192.0.2.1", ""),
        ("shop.example:80 2001:db8::1 - -", "2001:db8::1", "shop.example"),
        ("shop.example:80 192.0.2.1 - anna b.", "192.0.2.1", "shop.example"),
        ("host.example - -", "host.example", ""),  # refused later: no IP address
    ],
)
def test_who(who: str, client: str, hostname: str) -> None:
    line = event(PAGE.replace("192.0.2.1 - -", who))
    assert (line.client_ip, line.hostname) == (client, hostname)


def test_the_offset_of_a_time_counts() -> None:
    line = event(PAGE.replace("+0000", "-0730"))
    zone = timezone(-timedelta(hours=7, minutes=30))
    assert line.timestamp == datetime(2015, 5, 17, 10, 5, 3, tzinfo=zone)


def test_the_order_within_a_second_is_that_of_the_file() -> None:
    later = PAGE.replace(":03 ", ":04 ")
    image = PAGE.replace("/a?b=c", "/a.png")
    lines = [PAGE, image, later, PAGE, later]
    pages = [
        each.outcome.sequence
        for each in Combined().entries(Line(1, line.encode()) for line in lines)
        if isinstance(each.outcome, SentEvent)
    ]
    # the image counts too, so that --all-requests gives each page the same place
    assert pages == [0, 0, 2, 1]


# Escapes and encodings


@pytest.mark.parametrize(
    ("logged", "sent"),
    [
        (rb"a \"quoted\" word", 'a "quoted" word'),
        (rb"back\\slash", "back\\slash"),
        (rb"\x22nginx\x22 \xD0\x90", '"nginx" \u0410'),
        (rb"tab\t", "tab\t"),
        ("\u0410".encode(), "\u0410"),
        (b"caf\xe9", "caf\xe9"),  # Latin-1
        (rb"caf\xE9", "caf\xe9"),
        (rb"C:\dir", r"C:\dir"),  # not an escape
        (b"tail\\\\", "tail\\"),
    ],
)
def test_escapes_and_encodings_are_undone(logged: bytes, sent: str) -> None:
    assert event(COMMON.encode() + b' "-" "' + logged + b'"').user_agent == sent


# Requests


@pytest.mark.parametrize(
    ("request_line", "url"),
    [
        ("GET / HTTP/1.0", "/"),
        ("GET / HTTP/2.0", "/"),
        ("GET /", "/"),  # HTTP/0.9
        ("GET /a b HTTP/1.1", "/a b"),
        ("GET http://shop.example/a HTTP/1.1", "http://shop.example/a"),
        ("OPTIONS * HTTP/1.0", "*"),
        ("-", ""),
        ("", ""),
        (r"\x16\x03\x01\x02", ""),
    ],
)
def test_the_target_of_a_request_is_the_url(request_line: str, url: str) -> None:
    assert event(PAGE.replace("GET /a?b=c HTTP/1.1", request_line), all_requests=True).url == url


@pytest.mark.parametrize(
    "change",
    [
        ("", ""),
        (" 200 ", " 204 "),
        (" 200 ", " 304 "),
        ("/a?", "/a.html?"),
        ("/a?", "/a.php?"),
        ("/a?", "/v1.2/a?"),
        ("b=c", "b=c.png"),
        (" 2326", " -"),
        ('"Firefox"', '"Firefox" "10.0.0.1" 0.005'),
    ],
)
def test_page_requests_are_taken(change: tuple[str, str]) -> None:
    assert isinstance(parse(PAGE.replace(*change)), SentEvent)


@pytest.mark.parametrize(
    "change",
    [
        ("GET", "HEAD"),
        ("GET", "POST"),
        ("GET /a?b=c HTTP/1.1", "-"),
        (" 200 ", " 301 "),
        (" 200 ", " 404 "),
        (" 200 ", " 500 "),
        ("/a?", "/favicon.ico?"),
        ("/a?", "/robots.txt?"),
        ("/a?", "/css/Site.CSS?"),
        ("/a?b=c", "/a.woff2"),
    ],
)
def test_other_requests_are_skipped_unless_all_are_wanted(change: tuple[str, str]) -> None:
    line = PAGE.replace(*change)
    assert line != PAGE
    assert parse(line) == Skipped()
    assert isinstance(parse(line, all_requests=True), SentEvent)


def test_what_an_asset_is_can_be_changed() -> None:
    line = PAGE.replace("/a?", "/paper.pdf?")
    assert parse(line) == Skipped()
    assert isinstance(parse(line, assets=frozenset({"css"})), SentEvent)


# Broken lines


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "# comment",
        PAGE[:-1],
        PAGE[:40],
        PAGE.replace('"GET', "GET"),
        PAGE.replace(" 200 ", " OK "),
        PAGE.replace("[", ""),
        "\0" * 100,
        '{"event_type": "pageview"}',
    ],
)
def test_a_broken_line_is_refused(line: str) -> None:
    outcome = parse(line, all_requests=True)
    assert outcome == Refused("not a line of the common or combined log format")


@pytest.mark.parametrize(
    "when",
    [
        "30/Feb/2015:10:05:03 +0000",
        "17/Mai/2015:10:05:03 +0000",
        "17/May/2015:24:05:03 +0000",
        "17/May/2015:10:05:03 +9900",
        "17/May/2015 10:05:03",
        "\xff",
    ],
)
def test_a_time_that_does_not_exist_is_refused_by_name(when: str) -> None:
    outcome = parse(PAGE.replace("17/May/2015:10:05:03 +0000", when))
    assert isinstance(outcome, Refused)
    assert ascii(when) in outcome.reason


def test_hostile_lines_take_no_long() -> None:
    size = 1024 * 1024
    start = time.perf_counter()
    for part in ("a", " [", '" [a] "', "\\x", ' "', "a [17/May/2015:10:05:03 +0000] "):
        parse((part * size)[:size], all_requests=True)
        parse(PAGE[:-1] + (part * size)[:size], all_requests=True)
    assert time.perf_counter() - start < 2
