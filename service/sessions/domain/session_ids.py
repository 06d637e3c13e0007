"""The text of a session id: `sess_` and 32 hex digits, which sort by the time of making."""

import re
from uuid import UUID

from sessions.domain.errors import InvalidArgument, NotFound, Reason, Violation, shortened

_PREFIX = "sess_"
# Wider than our own form: ids in documentation are shorter. Those are unknown, not malformed.
_SENSIBLE = re.compile(rf"{_PREFIX}[0-9A-Za-z_-]{{1,64}}")
_OURS = re.compile(rf"{_PREFIX}[0-9a-f]{{32}}")


def format_session_id(session_id: UUID) -> str:
    """The id as callers see it."""
    return _PREFIX + session_id.hex


def parse_session_id(text: str) -> UUID:
    """The id behind the text.

    Raises:
        InvalidArgument: it does not look like a session id.
        NotFound: it does, but none of ours looks like this.
    """
    if not _SENSIBLE.fullmatch(text):
        message = (
            f"{shortened(text)!r} is not a session id; it looks like sess_ and letters and digits"
        )
        raise InvalidArgument(Violation("session_id", message))
    if not _OURS.fullmatch(text):
        raise unknown_session(text)
    return UUID(hex=text.removeprefix(_PREFIX))


def unknown_session(text: str) -> NotFound:
    """The error for an id that no session has."""
    return NotFound(Reason.SESSION_NOT_FOUND, session_id=text)
