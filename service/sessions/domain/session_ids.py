"""The text of a session id: `sess_` and 26 characters that sort like the number they stand for."""

import re
from uuid import UUID

from sessions.domain.errors import InvalidArgument, NotFound, Reason, Violation

_PREFIX = "sess_"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter looks like a digit."""
_DIGITS = 26
_SENSIBLE = re.compile(r"sess_[0-9A-Za-z_-]{1,64}")
_OURS = re.compile(rf"sess_[0-7][{_ALPHABET}]{{{_DIGITS - 1}}}")
_VALUES = {digit: value for value, digit in enumerate(_ALPHABET)}


def format_session_id(session_id: UUID) -> str:
    """The id as callers see it."""
    number = session_id.int
    return _PREFIX + "".join(
        _ALPHABET[number >> shift & 31] for shift in range(5 * (_DIGITS - 1), -1, -5)
    )


def parse_session_id(text: str) -> UUID:
    """The id behind the text.

    Raises:
        InvalidArgument: it does not look like a session id.
        NotFound: it does, but none of ours looks like this.
    """
    if not _SENSIBLE.fullmatch(text):
        message = f"{text!r} is not a session id; it looks like sess_ and letters and digits"
        raise InvalidArgument(Violation("session_id", message))
    if not _OURS.fullmatch(text):
        raise unknown_session(text)
    number = 0
    for digit in text.removeprefix(_PREFIX):
        number = number << 5 | _VALUES[digit]
    return UUID(int=number)


def unknown_session(text: str) -> NotFound:
    """The error for an id that no session has."""
    return NotFound(f"there is no session {text}", Reason.SESSION_NOT_FOUND)
