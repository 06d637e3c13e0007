"""A website whose visits are counted."""

import re
from datetime import datetime
from typing import NamedTuple

from sessions.domain.errors import InvalidArgument, NotFound, Reason, Violation, shortened

_WEBSITE_ID = re.compile(r"site_[0-9A-Za-z]{1,64}")
_MAX_NAME = 200
# Days: a hundred years.
_MAX_RETENTION = 36_500


class Website(NamedTuple):
    """A website; `key` is what its rows carry, `website_id` what callers know.

    `retention_days` is for how many days sessions are kept, None is forever. A website
    with `deleted_at` no longer exists for callers; its data is being removed.
    """

    key: int
    website_id: str
    name: str
    created_at: datetime
    retention_days: int | None = None
    deleted_at: datetime | None = None


def check_website_id(website_id: str) -> None:
    """Refuse what can't be the id of a website.

    Raises:
        InvalidArgument: it is not `site_` and letters and digits.
    """
    if not _WEBSITE_ID.fullmatch(website_id):
        text = f"{shortened(website_id)!r} is not a website id; it looks like site_abc123defg"
        raise InvalidArgument(Violation("website_id", text))


def check_name(name: str) -> str:
    """The name, if a website or a key can have it.

    Raises:
        InvalidArgument: it is empty, longer than 200 characters, or not printable.
    """
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        text = f"write 1 to {_MAX_NAME} printable characters"
        raise InvalidArgument(Violation("name", text))
    return name


def check_retention(days: int | None) -> None:
    """Refuse a number of days for which sessions can't be kept.

    Raises:
        InvalidArgument: it is less than 1, or more than a hundred years.
    """
    if days is not None and not 1 <= days <= _MAX_RETENTION:
        raise InvalidArgument(Violation("days", f"write 1 to {_MAX_RETENTION:,}"))


def unknown_website(website_id: str) -> NotFound:
    """The error for an id that no website has."""
    return NotFound(Reason.WEBSITE_NOT_FOUND, website_id=website_id)
