"""Access logs of Apache and nginx, good and broken lines."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace
from sessions.domain.events import EventInput
from sessions.ingest.entries import Comment, Outcome, Refused, Skipped
from sessions.ingest.formats.combined import Combined
from sessions.ingest.formats.log_formats import log_format
from sessions.ingest.lines import Line

COMMON = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 2326'
PAGE = COMMON + ' "https://t.co/x" "Firefox"'


def parse(line: str | bytes, **options: object) -> Outcome:
    content = line if isinstance(line, bytes) else line.encode()
    [entry] = Combined(**options).entries([Line(1, content)])  # type: ignore[arg-type]
    return entry.outcome


def event(line: str | bytes, **options: object) -> EventInput:
    outcome = parse(line, **options)
    assert isinstance(outcome, EventInput)
    return outcome


def test_a_combined_line_is_a_pageview() -> None:
    assert event(PAGE) == EventInput(
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
        ("198.51.100.7, 10.0.0.2 - -", "198.51.100.7", ""),
        ("198.51.100.7,10.0.0.2 - -", "198.51.100.7", ""),
        ("198.51.100.7, unknown, 10.0.0.2 - anna", "198.51.100.7", ""),
        ("2001:db8::7, 10.0.0.2 - -", "2001:db8::7", ""),
        ("shop.example:80 198.51.100.7, 10.0.0.2 - -", "198.51.100.7", "shop.example"),
        ("198.51.100.7:4711 - -", "198.51.100.7:4711", ""),
        ("[2001:db8::7]:4711 - -", "[2001:db8::7]:4711", ""),
        ("[2001:db8::1]:443 198.51.100.7 - -", "198.51.100.7", "[2001:db8::1]"),
        ("bücher.example 198.51.100.7 - -", "198.51.100.7", "xn--bcher-kva.example"),
        ("- 198.51.100.7 - -", "198.51.100.7", ""),
        ("_ 198.51.100.7 - -", "198.51.100.7", ""),
        ("198.51.100.7 - 10.0.0.2", "198.51.100.7", ""),  # a user's name
        ("198.51.100.7 -", "198.51.100.7", ""),
    ],
)
def test_who(who: str, client: str, hostname: str) -> None:
    line = event(PAGE.replace("192.0.2.1 - -", who))
    assert (line.client_ip, line.hostname) == (client, hostname)


@pytest.mark.parametrize(
    "who",
    [
        "host.example - -",
        "nginx: 198.51.100.7 - -",
        "2026-03-05T10:00:00.1Z 198.51.100.7 - -",
        "2026-03-05 198.51.100.7 - -",
        "1772704800 198.51.100.7 - -",
        "Mar  5 10:00:00 web1 nginx: 198.51.100.7 - -",
        "web1 nginx: 198.51.100.7 - -",
        "a,b 198.51.100.7 - -",
        "shop.example/a 198.51.100.7 - -",
        "198.51.100.7 10.0.0.2 - -",  # which of the two is the client?
        "198.51.100.7:4711 10.0.0.2 - -",
        "2001:db8::7 10.0.0.2 - -",
        "unknown, 198.51.100.7 - -",
        "- - -",
    ],
)
def test_who_is_refused_where_it_is_unclear(who: str) -> None:
    outcome = parse(PAGE.replace("192.0.2.1 - -", who))
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("must name the client by its IP address")


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
        if isinstance(each.outcome, EventInput)
    ]
    # the image counts too, so that --all-requests gives each page the same place
    assert pages == [0, 0, 2, 1]


def test_the_order_within_a_second_goes_on_in_the_next_file() -> None:
    log = Combined()
    first, second = (list(log.entries([Line(1, PAGE.encode())])) for _ in range(2))
    assert [entry.outcome for entry in first] == [event(PAGE)]
    assert [entry.outcome for entry in second] == [replace(event(PAGE), sequence=1)]


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    leap = event(PAGE.replace("17/May/2015:10:05:03", "31/Dec/2016:23:59:60"))
    assert leap.timestamp == datetime(2017, 1, 1, tzinfo=UTC)


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
        ('"Firefox"', '"Firefox" rt=0.005 uct="0.000, 0.001" "-"'),
        ('"Firefox"', '"Firefox" {"a": "b"} "with \\"marks\\""'),
        ("/a?", "/style.css/?"),
        ("/a?", "/style.css;a=b/c?"),
        ("/a?b=c", "http://files.zip"),
        ("/a?b=c", "/a?b=/style.css;c"),
    ],
)
def test_page_requests_are_taken(change: tuple[str, str]) -> None:
    assert isinstance(parse(PAGE.replace(*change)), EventInput)


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
        ("/a?b=c", "/style.css;jsessionid=AB"),
        ("/a?", "/style.css;jsessionid=AB.node1?"),
        ("/a?b=c", "/style%2Ecss"),
        ("/a?b=c", "/style.css#top"),
        ("/a?b=c", "http://shop.example/a.css;v=1"),
    ],
)
def test_other_requests_are_skipped_unless_all_are_wanted(change: tuple[str, str]) -> None:
    line = PAGE.replace(*change)
    assert line != PAGE
    assert parse(line) == Skipped()
    assert isinstance(parse(line, all_requests=True), EventInput)


def test_what_an_asset_is_can_be_changed() -> None:
    line = PAGE.replace("/a?", "/paper.pdf?")
    assert parse(line) == Skipped()
    assert isinstance(parse(line, assets=frozenset({"css"})), EventInput)


# Broken lines


@pytest.mark.parametrize(
    "line",
    [
        "x",
        PAGE[:-1],
        PAGE[:40],
        PAGE.replace('"GET', "GET"),
        PAGE.replace(" 200 ", " OK "),
        # quotation marks that are not escaped: where does the field end?
        PAGE.replace("Firefox", 'Mozilla/5.0 (7.85" Build/X) Mobile'),
        PAGE.replace("Firefox", 'Mozilla/5.0 (7.85" Build/X) Mobile') + ' "10.0.0.1"',
        PAGE.replace("Firefox", 'a 7" and 8" b'),
        PAGE.replace("Firefox", 'a "b" c'),
        PAGE.replace("t.co/x", 't.co/"x"'),
        PAGE.replace("/a?b=c", '/a?b="c"'),
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
    assert outcome.reason in (
        f"the time {when} doesn't exist",
        "the time isn't written like 17/May/2015:10:05:03 +0000",
    )


def test_comments_are_told_apart() -> None:
    assert parse("#Fields: date time") == Comment()
    assert parse("# " + PAGE) == Comment()


def test_blank_lines_are_no_entries() -> None:
    assert list(Combined().entries([Line(1, b""), Line(2, b" \t")])) == []


# Formats of one's own

OVH = '%h %v %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
NGINX = (
    '$http_x_forwarded_for $remote_addr - ${remote_user} [$time_iso8601] "$request" $status'
    ' $body_bytes_sent "$http_referer" "$http_user_agent" $host rt=$request_time'
)


def custom(written: str, line: str) -> Outcome:
    return parse(line, log_format=log_format(written))


def test_a_format_as_apache_writes_it() -> None:
    line = PAGE.replace(" - - ", " shop.example:443 anna b. smith ")
    expected = replace(event(PAGE), hostname="shop.example")
    assert custom(OVH, line) == expected
    assert custom(OVH.replace('"', '\\"'), line) == expected  # as in the configuration
    assert custom(OVH, line.replace("shop.example:443", "-")) == event(PAGE)
    assert custom(OVH, PAGE) == event(PAGE)


def test_a_format_as_nginx_writes_it() -> None:
    line = (
        '198.51.100.7, 10.0.0.2 10.0.0.3 - - [2015-05-17T10:05:03+00:00] "GET /a?b=c HTTP/1.1"'
        ' 200 2326 "https://t.co/x" "Firefox" shop.example rt=0.005'
    )
    expected = replace(event(PAGE), client_ip="198.51.100.7", hostname="shop.example")
    assert custom(NGINX, line) == expected
    direct = line.replace("198.51.100.7, 10.0.0.2 ", "- ")
    assert custom(NGINX, direct) == replace(expected, client_ip="10.0.0.3")


def test_a_format_may_leave_out_what_an_event_can_do_without() -> None:
    sent = custom('%t %a "%r" %%', '[17/May/2015:10:05:03 +0000] 192.0.2.1 "GET /a?b=c" %')
    assert sent == replace(event(PAGE), user_agent="", referrer="")


@pytest.mark.parametrize(
    "line",
    [
        PAGE[:-1],
        PAGE.replace('"Firefox"', '"a 7" b"'),
        PAGE.replace("192.0.2.1", "host.example"),
        PAGE.replace(":03", ":63"),
    ],
)
def test_a_line_that_does_not_fit_a_format_is_refused(line: str) -> None:
    assert isinstance(custom(OVH, line.replace(" - - ", " shop.example - ")), Refused)


@pytest.mark.parametrize(
    ("written", "lacks"),
    [("", "client"), ('%h "%r"', "the time"), ("%h %t", "the request"), ("%u %t %r", "client")],
)
def test_a_format_needs_client_time_and_request(written: str, lacks: str) -> None:
    with pytest.raises(ValueError, match=lacks):
        log_format(written)


def test_hostile_lines_take_no_long() -> None:
    size = 1024 * 1024
    start = time.process_time()
    for part in ("a", " [", '" [a] "', "\\x", ' "', "a [17/May/2015:10:05:03 +0000] "):
        parse((part * size)[:size], all_requests=True)
        parse(PAGE[:-1] + (part * size)[:size], all_requests=True)
        parse(PAGE + " " + (part * size)[:size], all_requests=True)
    assert time.process_time() - start < 2
