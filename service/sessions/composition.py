"""The composition root: the one place where the parts are put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sessions import session_message
from sessions.domain.cursors import CursorSigner
from sessions.domain.enrichment import Enricher
from sessions.domain.locations import Location, unlocated
from sessions.domain.visitors import Visitors
from sessions.geolocation import Geolocation
from sessions.ingest.ingest_events import IngestEvents
from sessions.settings import Settings
from sessions.storage import secrets
from sessions.storage.migrate import check_schema
from sessions.storage.partitions import Partitions
from sessions.storage.pools import Pools, open_pools
from sessions.storage.rows import messages
from sessions.usecases.analyses import Analyses
from sessions.usecases.api_keys import ApiKeys
from sessions.usecases.authenticate import Authenticate
from sessions.usecases.delete_website import DeleteWebsite
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.export_sessions import ExportSessions
from sessions.usecases.fill_messages import FillMessages
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.get_session import GetSession
from sessions.usecases.group_writes import GroupWrites
from sessions.usecases.inspect_blocks import InspectBlocks
from sessions.usecases.limit_keys import LimitKeys
from sessions.usecases.list_sessions import ListSessions
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.ready_workers import ReadyWorkers
from sessions.usecases.run_retention import RunRetention
from sessions.usecases.search_columns import SearchColumns
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that the ways in (gRPC, import, command line) can call."""

    pools: Pools
    authenticate: Authenticate
    ready_workers: ReadyWorkers
    limit_keys: LimitKeys
    websites: Websites
    delete_website: DeleteWebsite
    api_keys: ApiKeys
    list_sessions: ListSessions[bytes]
    get_session: GetSession
    export_sessions: ExportSessions[bytes]
    enricher: Enricher
    write_events: EventWriter
    ingest_events: IngestEvents
    erase_visitor: EraseVisitor
    run_retention: RunRetention
    read_columns: ReadColumns
    analyses: Analyses
    fold_blocks: FoldBlocks
    inspect_blocks: InspectBlocks
    fill_messages: FillMessages


@asynccontextmanager
async def open_application(database_url: str, settings: Settings) -> AsyncIterator[Application]:
    """The application over a migrated database.

    Raises:
        Unavailable: the database can't be reached, or lacks a migration.
    """
    async with open_pools(
        database_url,
        pool_size=settings.pool_size,
        request_timeout=settings.request_timeout,
        read_url=settings.database_read_url,
        max_lag=settings.max_lag,
    ) as pools:
        database = pools.requests
        await check_schema(database)
        visitors = Visitors(settings.visitor_secret or await secrets.visitor(database))
        cursors = CursorSigner(settings.cursor_keys or await secrets.cursors(database))
        websites = Websites(database)
        enricher = Enricher(visitors, _locate(settings.geo_database))
        write_events = EventWriter(database, Partitions(database), visitors, session_message.encode)
        read_columns = ReadColumns(pools.analysis)
        ready_workers = ReadyWorkers(pools.admin)
        form = messages(session_message.encode, session_message.position)
        yield Application(
            pools=pools,
            authenticate=Authenticate(database, _now, settings.request_timeout),
            ready_workers=ready_workers,
            limit_keys=LimitKeys(ready_workers),
            websites=websites,
            delete_website=DeleteWebsite(pools.jobs),
            api_keys=ApiKeys(database, websites),
            list_sessions=ListSessions(
                pools.reads,
                websites,
                cursors,
                _now,
                SearchColumns(pools.reads),
                read_columns,
                form,
            ),
            get_session=GetSession(pools.reads, websites, cursors),
            export_sessions=ExportSessions(
                pools.exports, websites, cursors, _now, read_columns, form
            ),
            enricher=enricher,
            write_events=write_events,
            ingest_events=IngestEvents(websites, enricher, GroupWrites(write_events), _now),
            erase_visitor=EraseVisitor(pools.jobs, websites, visitors),
            run_retention=RunRetention(pools.jobs, _now),
            read_columns=read_columns,
            analyses=Analyses(read_columns, websites, cursors, _now),
            fold_blocks=FoldBlocks(pools.jobs, _now),
            inspect_blocks=InspectBlocks(pools.jobs),
            fill_messages=FillMessages(pools.jobs, session_message.encode),
        )


def _locate(geo_database: Path | None) -> Callable[[str], Location]:
    return Geolocation(geo_database) if geo_database else unlocated


def _now() -> datetime:
    return datetime.now(UTC)
