"""Deleting a website: at once for everybody who asks, its rows in many short transactions."""

from sessions.domain.websites import Website, check_website_id, unknown_website
from sessions.storage import website_removal, websites
from sessions.storage.database import Database
from sessions.usecases.progress import Progress


async def remove_website(
    database: Database,
    website: Website,
    progress: Progress,
    *,
    visitors_at_once: int = website_removal.VISITORS_AT_ONCE,
) -> None:
    """Remove a website with everything that was recorded for it.

    Each transaction removes some visitors whole, so that one that was interrupted goes on where
    it stopped when it is called again.
    """
    await website_removal.mark_deleted(database, website)
    total = await website_removal.estimate_visitors(database, website)
    # A writer that came before the mark can have made visitors since: repeat until none is left.
    while not await website_removal.finish(database, website):
        after = ""
        while removed := await website_removal.remove_next(
            database, website, after, visitors_at_once=visitors_at_once
        ):
            after = removed[-1]
            progress(len(removed), total)
        if not await websites.find(database, website.website_id):
            return  # somebody else was quicker


class DeleteWebsite:
    """Deletes websites.

    Args:
        database: for long jobs.
        visitors_at_once: visitors that one transaction removes at most.
    """

    def __init__(
        self, database: Database, *, visitors_at_once: int = website_removal.VISITORS_AT_ONCE
    ) -> None:
        self._database = database
        self._visitors_at_once = visitors_at_once

    async def __call__(self, website_id: str, progress: Progress) -> None:
        """Remove a website with its sessions, events, visitors and keys.

        From the start, calls answer that there is no such website; workers that
        remember it need up to 4 seconds for that, but record nothing any more.
        Progress counts visitors, of an estimated total.

        Raises:
            InvalidArgument: the id does not look like one.
            NotFound: no website has it.
            Unavailable: the database can't be reached; calling again goes on.
        """
        check_website_id(website_id)
        website = await websites.find(self._database, website_id)
        if website is None:
            raise unknown_website(website_id)
        await remove_website(
            self._database, website, progress, visitors_at_once=self._visitors_at_once
        )
