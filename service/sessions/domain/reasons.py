"""Why a call failed, and in which words. Generated from error_reason.proto; do not edit."""

from enum import StrEnum


class Reason(StrEnum):
    """Machine-readable reasons; the names are those of ErrorReason in the protos."""

    message: str

    def __new__(cls, name: str, message: str) -> "Reason":
        """A reason with its message, in which names in braces stand for metadata."""
        reason = str.__new__(cls, name)
        reason._value_, reason.message = name, message
        return reason

    INVALID_FIELD = ("ERROR_REASON_INVALID_FIELD", "{field}: {description}")
    INVALID_CURSOR = ("ERROR_REASON_INVALID_CURSOR", "{field}: {description}")
    MALFORMED_REQUEST = ("ERROR_REASON_MALFORMED_REQUEST", "{field}: {description}")
    CREDENTIALS_MISSING = ("ERROR_REASON_CREDENTIALS_MISSING", 'send "Authorization: Bearer <key>"')
    CREDENTIALS_INVALID = ("ERROR_REASON_CREDENTIALS_INVALID", "this key is not known")
    KEY_EXPIRED = ("ERROR_REASON_KEY_EXPIRED", "this key has expired")
    KEY_REVOKED = ("ERROR_REASON_KEY_REVOKED", "this key was revoked")
    SCOPE_MISSING = ("ERROR_REASON_SCOPE_MISSING", "the key lacks the scope {scope}")
    WEBSITE_FORBIDDEN = (
        "ERROR_REASON_WEBSITE_FORBIDDEN",
        "this key is not for website {website_id}",
    )
    WEBSITE_NOT_FOUND = ("ERROR_REASON_WEBSITE_NOT_FOUND", "there is no website {website_id}")
    SESSION_NOT_FOUND = ("ERROR_REASON_SESSION_NOT_FOUND", "there is no session {session_id}")
    ROUTE_NOT_FOUND = (
        "ERROR_REASON_ROUTE_NOT_FOUND",
        "there is nothing at this path with this verb",
    )
    REQUEST_TOO_LARGE = (
        "ERROR_REASON_REQUEST_TOO_LARGE",
        "the request is larger than {limit} bytes",
    )
    DATABASE_UNAVAILABLE = (
        "ERROR_REASON_DATABASE_UNAVAILABLE",
        "the database is unavailable, try again",
    )
    SERVICE_UNAVAILABLE = (
        "ERROR_REASON_SERVICE_UNAVAILABLE",
        "the service is unavailable, try again",
    )
    DEADLINE_EXCEEDED = ("ERROR_REASON_DEADLINE_EXCEEDED", "deadline exceeded")
    INTERNAL = ("ERROR_REASON_INTERNAL", "internal error")
    HEADERS_TOO_LARGE = (
        "ERROR_REASON_HEADERS_TOO_LARGE",
        "the headers are larger than {max_bytes} bytes or more than {max_count}",
    )
    REQUEST_TIMEOUT = ("ERROR_REASON_REQUEST_TIMEOUT", "the request took too long to arrive")
    KEY_NOT_FOUND = ("ERROR_REASON_KEY_NOT_FOUND", "there is no key {key_id}")
    ANALYSIS_QUEUE_FULL = (
        "ERROR_REASON_ANALYSIS_QUEUE_FULL",
        "{limit} analyses are waiting already, try again",
    )
    KEY_LIMIT_EXCEEDED = (
        "ERROR_REASON_KEY_LIMIT_EXCEEDED",
        "the limit of this key is {limit} {unit}, try again",
    )
    TOO_MANY_UNKNOWN_KEYS = (
        "ERROR_REASON_TOO_MANY_UNKNOWN_KEYS",
        "too many unknown keys came from this address, try again",
    )
