"""What was exported is imported again: the same events, and the same sessions of them."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from sessions.api.exports import ndjson
from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event, StoredEvent
from sessions.domain.session import Session
from sessions.domain.visitors import Visitors
from sessions.ingest.entries import UnusableFile
from sessions.ingest.formats.export import Export as Format
from sessions.ingest.importer import Importer, InThisProcess, Tally
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

from tests.support.columns import selection
from tests.support.exports import Export, Item, items_of
from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals

NO_ID = UUID(int=0)


class Websites:
    """Two websites: one that is exported, and one into which that is imported."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
        self._database = database
        self._monkeypatch = monkeypatch
        self._file = file
        self._write = EventWriter(database, Partitions(database), Visitors(b"secret"))

    async def exported(self, batches: list[list[Event]]) -> list[Item]:
        """Record events, and export them into the file."""
        website = await new_website(self._database)
        for batch in batches:
            await self._write(website, batch)
        parts = await Export(self._database, website, self._monkeypatch).parts(
            selection(), include_events=True
        )
        self._file.write_bytes(b"".join(map(ndjson, parts)))
        return items_of(parts)

    async def imported(self) -> tuple[list[Item], Tally]:
        """Import the file twice, and export that."""
        website = await new_website(self._database)
        tally = Tally()
        importer = Importer(
            website.website_id,
            Format(),
            Enricher(Visitors(b"another secret")),
            InThisProcess(lambda events: self._write(website, events)),
            keeps_sequences=True,
        )
        for _ in range(2):
            await importer([str(self._file)], tally, lambda size: None)
        parts = await Export(self._database, website, self._monkeypatch).parts(
            selection(), include_events=True
        )
        return items_of(parts), tally


def without_ids(items: list[Item]) -> list[Session | StoredEvent]:
    """Without the ids of sessions, which an import makes anew, and which decide about order."""
    return sorted((item._replace(session_id=NO_ID) for item in items), key=repr)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=arrivals())
async def test_the_same_sessions_and_events_come_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batches: list[list[Event]]
) -> None:
    for each in (each for batch in batches for each in batch):
        # Derived from these, as the service does it.
        each.url, each.referrer = each.path, ""
        for name in ("referrer", "utm_source", "utm_medium", "utm_campaign", "device"):
            each.attributes[name] = ""
    websites = Websites(database, monkeypatch, tmp_path / "export.ndjson")
    exported = await websites.exported(batches)
    imported, tally = await websites.imported()
    assert without_ids(imported) == without_ids(exported)
    events = sum(isinstance(item, StoredEvent) for item in exported)
    assert (tally.refused, tally.new, tally.known) == (0, events, events)


async def test_nothing_is_derived_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent = event(
        "ann",
        START,
        url="https://www.shop.example/a?utm_source=x",
        referrer="https://shop.example/",
        path="/a",
        sequence=-3,
        event_data={"seats": 2.5, "large": 1e22, "whole": 3},
        is_bot=True,
    )
    sent.attributes.update(browser="Lynx", device="tablet", hostname="www.shop.example")
    sent.attributes.update(language="x, y", country="Ü", utm_source="x")
    tied = event("ann", START, 1, url="/", path="/")
    websites = Websites(database, monkeypatch, tmp_path / "export.ndjson")
    exported = await websites.exported([[sent], [tied]])
    imported, _ = await websites.imported()
    assert without_ids(imported) == without_ids(exported)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[:-1], "no end"),
        (lambda lines: [*lines[:-1], '{"end":{"sessions":2}}'], "its end tells of 2"),
        (lambda lines: [line for line in lines if '"event"' not in line[:9]], "include_events"),
    ],
)
async def test_an_export_that_is_not_whole_is_said(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[list[str]], list[str]],
    reason: str,
) -> None:
    file = tmp_path / "export.ndjson"
    websites = Websites(database, monkeypatch, file)
    await websites.exported([[event("ann", START, url="/", path="/")]])
    file.write_text("\n".join([*change(file.read_text().split("\n")[:-1]), ""]))
    with pytest.raises(UnusableFile, match=reason):
        await websites.imported()
