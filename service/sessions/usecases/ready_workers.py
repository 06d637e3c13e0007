"""How many workers share the calls, and with them the limits of keys."""

from uuid import uuid4

from sessions.storage import workers
from sessions.storage.database import Database
from sessions.storage.workers import Place

INTERVAL = 2.0
"""Seconds between two reports of a worker."""
_GONE_SECONDS = 3 * INTERVAL


class ReadyWorkers:
    """This worker among those that take calls; alone until it has heard of others.

    Attributes:
        place: as of the last report.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._worker_id = uuid4()
        self.place = Place(workers=1, rank=0)

    async def report(self) -> None:
        """Say that this one takes calls, and see which others do.

        Raises:
            Unavailable: the database can't be reached; the place stays as it was.
        """
        await workers.report_ready(self._database, self._worker_id)
        self.place = await workers.place(self._database, self._worker_id, _GONE_SECONDS)

    async def leave(self) -> None:
        """Say that this one takes no more calls: the others get its share.

        Raises:
            Unavailable: the database can't be reached; the others notice it by themselves.
        """
        await workers.report_gone(self._database, self._worker_id)
