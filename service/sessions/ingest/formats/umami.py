"""The table `website_event` of Umami 2 and 3 as CSV, with or without the columns of `session`.

Columns are found by name, and most may be missing: versions differ in them, and
only Umami Cloud's export has those of the session. Umami's session is a visitor
within a month, so that it becomes `visitor_id` unless there is a `distinct_id`.

Umami stores names of browser, system and device in place of a user agent. They
are kept in `event_data` as they are: our own come from user agents only.

Umami decodes a path before it stores it, and cuts path and query at 500 characters
(https://github.com/umami-software/umami/blob/master/src/app/api/send/route.ts).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sessions.domain import urls
from sessions.domain.events import EventInput
from sessions.ingest.entries import Entry, Refused, Skipped, UnusableFile
from sessions.ingest.formats.csv import check_unambiguous, read_table, value_of
from sessions.ingest.formats.fields import TIMESTAMP, WrongValue, shown
from sessions.ingest.lines import Line

_REQUIRED = ("session_id", "created_at", "url_path", "event_type")
_KINDS = {"1": "pageview", "2": "event"}
_UTM = ("utm_source", "utm_medium", "utm_campaign")
_IN_A_QUERY = str.maketrans(
    {
        "%": "%25",
        "&": "%26",
        "+": "%2B",
        "#": "%23",
        " ": "+",
        "\t": "%09",
        "\n": "%0A",
        "\r": "%0D",
    }
)
_NULL = r"\N"  # as ClickHouse and MySQL write it; PostgreSQL leaves the cell empty


class _Row(dict[str, str]):
    """Column → cell; a missing column is like an empty cell."""

    def __missing__(self, column: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Umami:
    """The format `umami`; `website` is the id there of the website that is wanted."""

    website: str = ""

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a row.

        Raises UnusableFile when it isn't that table, or when no website was
        chosen and there are several.
        """
        header, records = read_table(lines)
        required = (*_REQUIRED, "website_id") if self.website else _REQUIRED
        if missing := [column for column in required if header and column not in header]:
            raise UnusableFile(f"not Umami's website_event: no column {', '.join(missing)}")
        check_unambiguous(header, header)
        website = self.website
        for record in records:
            outcome: EventInput | Refused | Skipped
            if isinstance(record.cells, Refused):
                outcome = record.cells
            else:
                row = _row(header, record.cells)
                website = website or row["website_id"]
                outcome = _event(row) if self._is_wanted(row, website) else Skipped()
            yield record.entry(outcome)

    def _is_wanted(self, row: Mapping[str, str], website: str) -> bool:
        if row["website_id"] == website:
            return row["event_type"] in _KINDS
        if self.website:
            return False
        raise UnusableFile(
            f"has several websites, {shown(website)} and {shown(row['website_id'])}:"
            " choose one with --umami-website ID"
        )


def _row(header: list[str], cells: list[str]) -> _Row:
    named = zip(header, cells, strict=True)
    return _Row((name, cell) for name, cell in named if cell != _NULL)


def _event(row: Mapping[str, str]) -> EventInput | Refused:
    try:
        moment = value_of(TIMESTAMP, row["created_at"])
    except WrongValue as error:
        return Refused(f"created_at: {error}")
    kind = _KINDS[row["event_type"]]
    client = {name: row[name] for name in ("browser", "os", "device") if row[name]}
    return EventInput(
        event_type=kind,
        timestamp=moment,
        event_id=row["event_id"],
        visitor_id=row["distinct_id"] or row["session_id"],
        url=_url(row["hostname"], row["url_path"], _query(row)),
        referrer=_referrer(row),
        event_name=row["event_name"] if kind == "event" else "",
        event_data=client or None,
        language=row["language"],
        country=row["country"],
        region=row["region"] or row["subdivision1"],
        city=row["city"],
    )


def _query(row: Mapping[str, str]) -> str:
    """`url_query` with the utm parameters of the columns, which are not cut off."""
    query = row["url_query"]
    said = {name: row[name] for name in _UTM if row[name]}
    if all(value == _utm(query)[name] for name, value in said.items()):
        return query
    whole = [f"{name}={value.translate(_IN_A_QUERY)}" for name, value in said.items()]
    rest = [each for each in query.split("&") if each.partition("=")[0] not in said]
    return "&".join(whole + rest)


def _utm(query: str) -> dict[str, str]:
    return dict(zip(_UTM, urls.split_url(f"?{query}")[2:], strict=True))


def _url(host: str, path: str, query: str) -> str:
    """Absolute where the host is known; Umami keeps no scheme, and the fragment in the path."""
    path, hash_sign, fragment = path.partition("#")
    path = path.replace("%", "%25").replace("?", "%3F")
    if host:
        slash = "" if path.startswith("/") else "/"
        path = f"https://{host}{slash}{path}"
    return path + ("?" + query if query else "") + hash_sign + fragment


def _referrer(row: Mapping[str, str]) -> str:
    """`''` without a domain: then it is a page of the site itself, or none."""
    domain, host = row["referrer_domain"], row["hostname"]
    if not domain:
        return ""
    if host == f"www.{domain}":  # Umami strips the www. of referrers
        domain = host
    return _url(domain, row["referrer_path"], row["referrer_query"])
