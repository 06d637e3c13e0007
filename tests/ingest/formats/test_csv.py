"""Tables with a header."""

from datetime import UTC, datetime

import pytest
from sessions.domain.events import EventInput
from sessions.ingest.entries import Entry, Refused, UnusableFile
from sessions.ingest.formats.csv import Csv
from sessions.ingest.lines import Line, open_source

from tests.support.real_data import real_file

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def entries(text: str | bytes, **columns: str) -> list[Entry]:
    content = text if isinstance(text, bytes) else text.encode()
    lines = [Line(number, line) for number, line in enumerate(content.split(b"\n"), 1)]
    return list(Csv(columns).entries(lines))


def only(text: str | bytes, **columns: str) -> object:
    [entry] = entries(text, **columns)
    return entry.outcome


def test_columns_named_like_fields_need_no_map() -> None:
    assert only(
        "timestamp,visitor_id,url,event_data,sequence,colour\n"
        '2026-03-03T13:00:00+01:00,v,/,"{""plan"": ""pro""}",4,red\n'
    ) == EventInput(
        event_type="pageview",
        timestamp=NOON,
        visitor_id="v",
        url="/",
        event_data={"plan": "pro"},
        sequence=4,
    )


def test_other_columns_are_mapped() -> None:
    outcome = only(
        "user,when,what\nanna,2026-03-03 12:00:00,signup\n",
        visitor_id="user",
        timestamp="when",
        event_name="what",
    )
    assert outcome == EventInput(
        event_type="event", timestamp=NOON, visitor_id="anna", event_name="signup"
    )


def test_a_row_with_a_name_is_an_event_and_any_other_a_pageview() -> None:
    rows = entries(f"timestamp,event_name\n{NOON},a\n{NOON},\n")
    assert [each.outcome.event_type for each in rows if isinstance(each.outcome, EventInput)] == [
        "event",
        "pageview",
    ]


def test_a_record_may_take_several_lines() -> None:
    first, second = entries(f'timestamp,city\n{NOON},"a\nb"\n{NOON},c\n')
    assert (first.number, second.number) == (2, 4)
    assert first.content == f'{NOON},"a\nb"'.encode()
    assert isinstance(first.outcome, EventInput)
    assert first.outcome.city == "a\nb"


def test_a_cell_is_kept_with_its_blank_lines_and_line_ends() -> None:
    lines = [
        *(Line(1, b"timestamp,city", b"\r\n"), Line(2, b"", b"\r\n")),
        *(Line(3, f'{NOON},"one'.encode(), b"\r\n"), Line(4, b""), Line(5, b'three"', b"")),
    ]
    [entry] = Csv().entries(lines)
    assert isinstance(entry.outcome, EventInput)
    assert entry.outcome.city == "one\r\n\nthree"
    assert (entry.number, entry.last) == (3, 5)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,1,,", "timestamp: must be a time such as"),
        (f"{NOON},one,,", "sequence: must be an integer"),
        (f"{NOON},1,x,", "event_data: must be a JSON object"),
        (f"{NOON},1,[],", "event_data: must be an object"),
        (",1,,", "timestamp: is required in a file"),
        (f"{NOON},1", "has 2 columns where the header has 4"),
        (f"{NOON},1,,,", "has 5 columns where the header has 4"),
        (f'{NOON},1,,"a"b', "not CSV: ',' expected after '\"'"),
        (f'{NOON},1,,"a', "not CSV: unexpected end of data"),
    ],
)
def test_a_broken_row_is_refused(row: str, reason: str) -> None:
    outcome = only(f"timestamp,sequence,event_data,city\n{row}\n")
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith(reason)


def test_rows_after_a_broken_one_are_read() -> None:
    bad, good = entries(f'timestamp,city\n{NOON},"a"b\n{NOON},c\n')
    assert isinstance(bad.outcome, Refused)
    assert isinstance(good.outcome, EventInput)


def test_latin_1_is_left_to_be_refused_as_no_unicode() -> None:
    outcome = only(f"timestamp,city\n{NOON},".encode() + b"Z\xfcrich")
    assert isinstance(outcome, EventInput)
    assert outcome.city == "Z\udcfcrich"


@pytest.mark.parametrize(
    ("header", "columns", "reason"),
    [
        ("time,city", {}, "no column timestamp: name it with --map timestamp=COLUMN"),
        ("timestamp,city", {"url": "page"}, "no column page; there are timestamp, city"),
        ("192.0.2.1,2001:db8::1", {"url": "page"}, r"there are \\u2026, \\u2026"),
        ("timestamp,city,city", {}, "more than one column city; rename all but one"),
        ("timestamp,at,at", {"url": "at"}, "more than one column at;"),
        ('a"b,"c"d', {}, "the header is broken"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_as_a_whole(
    header: str, columns: dict[str, str], reason: str
) -> None:
    with pytest.raises(UnusableFile, match=reason):
        entries(f"{header}\n1,2\n", **columns)


def test_an_empty_file_has_no_entries() -> None:
    assert entries("") == []


def test_a_column_that_is_not_wanted_may_be_there_twice() -> None:
    assert isinstance(only(f"timestamp,note,note\n{NOON},a,b\n"), EventInput)


def test_a_header_that_comes_again_is_refused_by_name() -> None:
    again, row = entries(f"timestamp,url\ntimestamp,url\n{NOON},/\n")
    assert again.outcome == Refused("repeats the header")
    assert isinstance(row.outcome, EventInput)


ROWS = 10_000


@pytest.mark.parametrize(
    ("more", "is_row"),
    [
        (f"{NOON},v,x,/y", True),  # nothing closes the cell
        (f'{NOON},v,x",/y', True),
        (f'{NOON},v,x"', False),  # closes it well: a record of 10,000 lines
        (f'{NOON},v,"7 inch,/b', False),
    ],
)
def test_a_stray_quotation_mark_takes_no_other_rows_with_it(more: str, is_row: bool) -> None:
    rows = "".join(f"{NOON},v,c,/{number}\n" for number in range(ROWS))
    found = entries(
        f'timestamp,visitor_id,city,url\n{NOON},v,"5 inch,/a\n{rows}{more}\n{NOON},v,c,/last\n'
    )
    assert len(found) == ROWS + 3
    refused = [each.number for each in found if isinstance(each.outcome, Refused)]
    assert refused == [2] if is_row else [2, ROWS + 3]
    assert all(each.last == 0 for each in found)


def test_a_record_over_several_lines_is_bounded() -> None:
    line = '","' * 100 + "\n"
    found = entries(f'timestamp,city\n{NOON},"{line}' + line * 1_000)
    assert [each.number for each in found] == list(range(2, 1_003))
    assert all(isinstance(each.outcome, Refused) for each in found)


def test_a_real_export() -> None:
    columns = {"visitor_id": "user_id", "event_name": "event"}
    with open_source(str(real_file("ecom_sessions.csv.gz"))) as source:
        rows = list(Csv(columns).entries(source.lines(print)))
    assert len(rows) == 31_106
    assert all(isinstance(each.outcome, EventInput) for each in rows)
