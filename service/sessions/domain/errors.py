"""What can go wrong, in the words of the domain.

Each error knows the `reason` that a caller sees (the catalogue is
`protos/analytics/sessions/v1/error_reason.proto`); which gRPC code belongs to
which class is the business of `sessions.api.errors`.
"""

from dataclasses import dataclass
from enum import StrEnum

_MOST_REPEATED = 80


class Reason(StrEnum):
    """Machine-readable reasons; the names are those of ErrorReason in the protos."""

    INVALID_FIELD = "ERROR_REASON_INVALID_FIELD"
    INVALID_CURSOR = "ERROR_REASON_INVALID_CURSOR"
    MALFORMED_REQUEST = "ERROR_REASON_MALFORMED_REQUEST"
    CREDENTIALS_MISSING = "ERROR_REASON_CREDENTIALS_MISSING"
    CREDENTIALS_INVALID = "ERROR_REASON_CREDENTIALS_INVALID"
    KEY_EXPIRED = "ERROR_REASON_KEY_EXPIRED"
    KEY_REVOKED = "ERROR_REASON_KEY_REVOKED"
    SCOPE_MISSING = "ERROR_REASON_SCOPE_MISSING"
    WEBSITE_FORBIDDEN = "ERROR_REASON_WEBSITE_FORBIDDEN"
    WEBSITE_NOT_FOUND = "ERROR_REASON_WEBSITE_NOT_FOUND"
    SESSION_NOT_FOUND = "ERROR_REASON_SESSION_NOT_FOUND"
    ROUTE_NOT_FOUND = "ERROR_REASON_ROUTE_NOT_FOUND"
    REQUEST_TOO_LARGE = "ERROR_REASON_REQUEST_TOO_LARGE"
    DATABASE_UNAVAILABLE = "ERROR_REASON_DATABASE_UNAVAILABLE"
    SERVICE_UNAVAILABLE = "ERROR_REASON_SERVICE_UNAVAILABLE"
    DEADLINE_EXCEEDED = "ERROR_REASON_DEADLINE_EXCEEDED"
    INTERNAL = "ERROR_REASON_INTERNAL"
    HEADERS_TOO_LARGE = "ERROR_REASON_HEADERS_TOO_LARGE"
    REQUEST_TIMEOUT = "ERROR_REASON_REQUEST_TIMEOUT"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: its path as the caller wrote it, and what to do about it."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}"


def shortened(text: str) -> str:
    """A caller's text as a message may repeat it: errors travel in headers, which are small."""
    return text if len(text) <= _MOST_REPEATED else f"{text[:_MOST_REPEATED]}…"


class DomainError(Exception):
    """Something that the caller is told: a sentence, a reason, and what the reason is about."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata: dict[str, str] = {}


class InvalidArgument(DomainError):
    """One or more fields are wrong; nothing was done."""

    def __init__(self, *violations: Violation, reason: Reason = Reason.INVALID_FIELD) -> None:
        first, more = violations[0], len(violations) - 1
        super().__init__(f"{first} (and {more} more)" if more else str(first), reason)
        self.violations = violations


class Unauthenticated(DomainError):
    """The caller showed no valid key."""


class PermissionDenied(DomainError):
    """The key is valid but does not allow this."""


class NotFound(DomainError):
    """The website or session does not exist."""


class DeadlineExceeded(DomainError):
    """The work took longer than it may."""


class Unavailable(DomainError):
    """It can't be done now; trying again after `retry_after` seconds can help."""

    def __init__(self, message: str, reason: Reason, retry_after: float = 1.0) -> None:
        super().__init__(message, reason)
        self.retry_after = retry_after


class Unimplemented(DomainError):
    """There is no such call."""
