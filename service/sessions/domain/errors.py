"""The errors of the domain.

An error has a reason of the catalogue in `error_reason.proto`, which says its message and, for
`sessions.api.statuses`, its gRPC code. The classes are for those who catch them.
"""

from dataclasses import dataclass
from typing import Self

from sessions.domain.reasons import Reason as Reason

_MOST_REPEATED = 80
# Of a field's path: keys of a caller's own objects stand in it.
_LONGEST_FIELD = 120


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: its path as the caller wrote it, and what to do about it.

    Where a bound was passed, `limit` is the bound and `found` what the caller sent. In an
    expression, `position` is the character, counted from 1, where the mistake is.
    """

    field: str
    description: str
    limit: int | None = None
    found: int | None = None
    position: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", shortened(self.field, _LONGEST_FIELD))

    def __str__(self) -> str:
        return f"{self.field}: {self.description}"


def shortened(text: str, length: int = _MOST_REPEATED) -> str:
    """A caller's text as a message may repeat it: errors travel in headers, which are small."""
    return text if len(text) <= length else f"{text[:length]}…"


class DomainError(Exception):
    """An error that the caller sees.

    Args:
        reason: why, as programs read it.
        message: for people; the reason's own unless given.
        metadata: what the message is about, for programs too.
    """

    def __init__(self, reason: Reason, message: str = "", **metadata: str) -> None:
        self.reason = reason
        self.metadata = metadata
        self.message = message or reason.message.format_map(metadata)
        super().__init__(self.message)

    def with_metadata(self, **metadata: str) -> Self:
        """A copy with further metadata: several callers can share one error."""
        error = type(self).__new__(type(self), *self.args)
        vars(error).update(vars(self), metadata=self.metadata | metadata)
        return error


class InvalidArgument(DomainError):
    """One or more fields are wrong; nothing was done. The message is about the first one."""

    def __init__(self, *violations: Violation, reason: Reason = Reason.INVALID_FIELD) -> None:
        first, more = violations[0], len(violations) - 1
        numbers = {
            "limit": first.limit,
            "found": first.found,
            "position": first.position,
            "more": more or None,
        }
        metadata = {"field": first.field, "description": first.description}
        metadata |= {name: str(number) for name, number in numbers.items() if number is not None}
        super().__init__(reason, f"{first} (and {more} more)" if more else "", **metadata)
        self.violations = violations


class Unauthenticated(DomainError):
    """The caller showed no valid key."""


class PermissionDenied(DomainError):
    """The key is valid but does not allow this."""


class NotFound(DomainError):
    """The website, session or key does not exist."""


class TooLarge(DomainError):
    """The request is larger than the call allows."""


class QueueFull(DomainError):
    """Too many calls of this kind are waiting for their turn."""


class LimitExceeded(DomainError):
    """The caller has to wait; trying again can help, after `retry_after` seconds."""

    def __init__(self, reason: Reason, *, retry_after: float, **metadata: str) -> None:
        super().__init__(reason, **metadata)
        self.retry_after = retry_after


class DeadlineExceeded(DomainError):
    """The deadline of the call was exceeded."""

    def __init__(self) -> None:
        super().__init__(Reason.DEADLINE_EXCEEDED)


class Unavailable(DomainError):
    """It can't be done now; trying again can help, after `retry_after` seconds if that is known."""

    def __init__(
        self,
        reason: Reason,
        message: str = "",
        *,
        retry_after: float | None = None,
        **metadata: str,
    ) -> None:
        super().__init__(reason, message, **metadata)
        self.retry_after = retry_after


class Unimplemented(DomainError):
    """There is no such call."""
