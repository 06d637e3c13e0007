"""Umami's table website_event, as its versions and its cloud write it."""

from datetime import UTC, datetime

import pytest
from sessions.domain.enrichment import Enricher
from sessions.domain.events import EventInput
from sessions.domain.visitors import Visitors
from sessions.ingest.entries import Entry, Refused, Skipped, UnusableFile
from sessions.ingest.formats.umami import Umami
from sessions.ingest.lines import Line

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAGEVIEW = {
    "website_id": "w1",
    "session_id": "s1",
    "event_id": "e1",
    "created_at": "2026-03-03 12:00:00",
    "url_path": "/pricing",
    "event_type": "1",
}
"""What every version has."""
EVENT = {"event_type": "2", "event_name": "signup"}


def entries(*rows: dict[str, str], website: str = "") -> list[Entry]:
    """The entries of a table of pageviews with these columns changed or added."""
    full = [PAGEVIEW | row for row in rows]
    columns = list(full[0])
    table = [columns, *([row[column] for column in columns] for row in full)]
    lines = [Line(number, ",".join(cells).encode()) for number, cells in enumerate(table, 1)]
    return list(Umami(website).entries(lines))


def sent(**columns: str) -> EventInput:
    [entry] = entries(columns)
    assert isinstance(entry.outcome, EventInput)
    return entry.outcome


def test_the_export_of_umami_cloud() -> None:
    assert sent(
        visit_id="v1",
        hostname="shop.example",
        browser="chrome",
        os="Mac OS",
        device="laptop",
        screen="1440x900",
        language="de-DE",
        country="DE",
        region="DE-BE",
        city="Berlin",
        url_query="utm_source=news&a=b",
        utm_source="news",
        referrer_path="/search",
        referrer_query="q=shop",
        referrer_domain="search.example",
        page_title="Pricing",
        tag="",
        distinct_id="",
        job_id=r"\N",
    ) == EventInput(
        event_type="pageview",
        timestamp=NOON,
        event_id="e1",
        visitor_id="s1",
        url="https://shop.example/pricing?utm_source=news&a=b",
        referrer="https://search.example/search?q=shop",
        event_data={"browser": "chrome", "os": "Mac OS", "device": "laptop"},
        language="de-DE",
        country="DE",
        region="DE-BE",
        city="Berlin",
    )


def test_a_table_with_the_least_columns() -> None:
    assert sent() == EventInput(
        event_type="pageview", timestamp=NOON, event_id="e1", visitor_id="s1", url="/pricing"
    )


def test_a_custom_event() -> None:
    event = sent(**EVENT)
    assert (event.event_type, event.event_name) == ("event", "signup")


def test_a_pageview_has_no_name() -> None:
    assert sent(event_name="signup").event_name == ""


@pytest.mark.parametrize("kind", ["3", "4", "5", "10", "", "pageview"])
def test_other_types_of_events_are_skipped(kind: str) -> None:
    assert entries({"event_type": kind})[0].outcome == Skipped()


def test_a_distinct_id_names_the_visitor() -> None:
    assert sent(distinct_id="anna").visitor_id == "anna"
    assert sent(distinct_id=r"\N").visitor_id == "s1"


@pytest.mark.parametrize(
    "written",
    [
        *("2026-03-03 12:00:00", "2026-03-03 12:00:00.000", "2026-03-03T12:00:00Z"),
        *("2026-03-03 12:00:00+00", "2026-03-03 13:00:00.000+01"),
    ],
)
def test_times_as_the_databases_write_them(written: str) -> None:
    assert sent(created_at=written).timestamp == NOON


@pytest.mark.parametrize(
    ("host", "path", "query", "url"),
    [
        ("a.example", "/b", "", "https://a.example/b"),
        ("a.example", "/b#c", "d=e", "https://a.example/b?d=e#c"),
        ("a.example", "", "", "https://a.example/"),
        ("a.example", "b", "", "https://a.example/b"),
        ("", "/b", "d=e", "/b?d=e"),
        ("", "", "", ""),
    ],
)
def test_the_url_is_put_together(host: str, path: str, query: str, url: str) -> None:
    assert sent(hostname=host, url_path=path, url_query=query).url == url


@pytest.mark.parametrize(
    "path", ["/a%20b", "/caf\u00e9 %C3%A9", "/100%", "/%25", "/a%3Fb?c", "/%E9"]
)
@pytest.mark.parametrize("host", ["", "shop.example"])
def test_a_path_is_as_umami_has_decoded_it(host: str, path: str) -> None:
    event = sent(hostname=host, url_path=path, url_query="a=b")
    stored = Enricher(Visitors(b"")).enrich(event, website_id="site_x", received_at=NOON)
    assert stored.path == path


@pytest.mark.parametrize(
    ("query", "columns", "utm"),
    [
        ("utm_source=n", {"utm_source": "newsletter"}, ("newsletter", "", "")),
        (
            "a=b&utm_source=news&utm_campaign=spring_",
            {"utm_source": "news", "utm_campaign": "spring_sale"},
            ("news", "", "spring_sale"),
        ),
        ("", {"utm_medium": "a b+c&d=e%20#f\u00e9"}, ("", "a b+c&d=e%20#f\u00e9", "")),
        ("utm_source=a&amp;utm_source=b", {"utm_source": "c"}, ("c", "", "")),
        ("utm_source=a", {"utm_source": r"\N", "utm_medium": ""}, ("a", "", "")),
    ],
)
def test_utm_columns_win_for_they_are_whole(
    query: str, columns: dict[str, str], utm: tuple[str, str, str]
) -> None:
    event = sent(url_query=query, **columns)
    stored = Enricher(Visitors(b"")).enrich(event, website_id="site_x", received_at=NOON)
    names = ("utm_source", "utm_medium", "utm_campaign")
    assert tuple(stored.attributes[name] for name in names) == utm
    assert stored.path == "/pricing"


def test_a_query_that_agrees_with_the_columns_stays() -> None:
    event = sent(url_query="b=1&utm_source=a%20b&c=2", utm_source="a b")
    assert event.url == "/pricing?b=1&utm_source=a%20b&c=2"


def test_a_referrer_without_a_domain_is_none() -> None:
    assert sent(referrer_path="/earlier").referrer == ""


def test_the_own_site_is_no_referrer_though_umami_strips_its_www() -> None:
    event = sent(hostname="www.shop.example", referrer_domain="shop.example", referrer_path="/a")
    assert event.referrer == "https://www.shop.example/a"
    stored = Enricher(Visitors(b"")).enrich(event, website_id="site_x", received_at=NOON)
    assert stored.attributes["referrer"] == ""


def test_the_name_that_regions_had_first() -> None:
    assert sent(subdivision1="BE").region == "BE"


def test_rows_of_several_websites_are_refused() -> None:
    with pytest.raises(UnusableFile, match="several websites, w1 and w2: choose one with --umami"):
        entries({}, {"website_id": "w2"})


def test_one_of_several_websites_can_be_chosen() -> None:
    other, chosen = entries({}, {"website_id": "w2"}, website="w2")
    assert other.outcome == Skipped()
    assert isinstance(chosen.outcome, EventInput)


def test_a_row_without_a_time_is_refused() -> None:
    [entry] = entries({"created_at": ""})
    assert isinstance(entry.outcome, Refused)
    assert entry.outcome.reason.startswith("created_at: must be a time such as")


def test_a_broken_row_is_refused() -> None:
    lines = [Line(1, ",".join(PAGEVIEW).encode()), Line(2, b"w1,s1")]
    [entry] = Umami().entries(lines)
    assert entry.outcome == Refused("has 2 columns where the header has 6")


def test_another_file_of_the_export_is_refused_as_a_whole() -> None:
    with pytest.raises(UnusableFile, match="not Umami's website_event: no column url_path, event_"):
        list(Umami().entries([Line(1, b"website_id,session_id,data_key,created_at")]))


def test_a_repeated_column_is_refused() -> None:
    lines = [Line(1, b"session_id,created_at,url_path,event_type,country,country")]
    with pytest.raises(UnusableFile, match="more than one column country"):
        list(Umami().entries(lines))


def test_a_website_can_be_chosen_only_where_rows_name_theirs() -> None:
    header = b"session_id,created_at,url_path,event_type"
    assert list(Umami().entries([Line(1, header)])) == []
    with pytest.raises(UnusableFile, match="no column website_id"):
        list(Umami("w1").entries([Line(1, header)]))


def test_an_empty_file_has_no_entries() -> None:
    assert list(Umami().entries([])) == []
