"""Events of a request: checked, enriched and written."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sessions.domain.enrichment import Enricher
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.events import EventInput
from sessions.domain.limits import MAX_EVENTS
from sessions.ingest.slices import run_in_slices
from sessions.usecases.group_writes import GroupWrites
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import Recorded


class IngestEvents:
    """Takes the events of a request for one website."""

    def __init__(
        self,
        websites: Websites,
        enricher: Enricher,
        write_events: GroupWrites,
        clock: Callable[[], datetime],
    ) -> None:
        self._websites = websites
        self._enricher = enricher
        self._write_events = write_events
        self._clock = clock

    async def __call__(
        self, website_id: str, sent: Sequence[EventInput], size: int = 0
    ) -> Recorded:
        """Record a batch, of a request of `size` bytes: all of it, or nothing.

        Raises:
            InvalidArgument: names every field that is wrong, such as `events[3].event_name`.
            NotFound: there is no such website.
            Unavailable: the database can't be reached; sending again is safe.
        """
        check_count(len(sent))
        website = await self._websites.get(website_id)
        steps = self._enricher.enriching(
            sent, website_id=website.website_id, received_at=self._clock()
        )
        events = await run_in_slices(steps)
        return await self._write_events(website, events, size)


def check_count(count: int) -> None:
    """Refuse a batch that is empty or too large.

    Raises:
        InvalidArgument: names `events`.
    """
    if not 1 <= count <= MAX_EVENTS:
        text = f"{count} events; send 1 to {MAX_EVENTS}"
        raise InvalidArgument(Violation("events", text, limit=MAX_EVENTS, found=count))
