"""API keys: who may do what on which website."""

import hashlib
import re
import secrets
import zlib
from base64 import urlsafe_b64encode
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sessions.domain.errors import PermissionDenied, Reason, Unauthenticated, shortened

_PREFIX = "spk_selfhosted_"
_RANDOM, _CHECKSUM = 37, 6  # characters of six bits each
_SHAPE = re.compile(rf"({_PREFIX}[\w-]{{{_RANDOM}}})([\w-]{{{_CHECKSUM}}})", re.ASCII)


class Scope(StrEnum):
    """What a key allows."""

    SESSIONS_READ = "sessions:read"
    EVENTS_WRITE = "events:write"
    VISITORS_ERASE = "visitors:erase"


class ApiKey(NamedTuple):
    """A key as it is stored: never its secret. `website_id` None means every website.

    `limits` are by the names of `KeyLimit`; what is not there is not limited.
    """

    key_id: str
    name: str
    scopes: list[str]
    website_id: str | None
    limits: dict[str, int]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def new_secret() -> str:
    """What the holder of a key sends: a prefix, 222 random bits, and a checksum of both."""
    # 32 bytes give 43 characters; the checksum takes the place of the last six.
    text = _PREFIX + secrets.token_urlsafe(32)[:_RANDOM]
    return text + _checksum(text)


def _checksum(text: str) -> str:
    """The CRC-32 of a text. No secret: it tells a key that was made here from any other text."""
    return urlsafe_b64encode(zlib.crc32(text.encode()).to_bytes(4)).decode()[:_CHECKSUM]


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret; it is random, so a plain hash can't be reversed."""
    return hashlib.sha256(secret.encode()).digest()


def secret_of(authorization: str | None) -> str:
    """The secret in an `Authorization: Bearer <key>` header.

    Raises:
        Unauthenticated: there is none, or its shape or its checksum is not that of a key.
    """
    scheme, secret = (authorization or "").partition(" ")[0], _token(authorization)
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated(Reason.CREDENTIALS_MISSING)
    parts = _SHAPE.fullmatch(secret)
    if not parts or _checksum(parts[1]) != parts[2]:
        raise Unauthenticated(Reason.CREDENTIALS_INVALID)
    return secret


def _token(authorization: str | None) -> str:
    # Blanks only: any other white space, such as a no-break space, is part of a wrong key.
    return (authorization or "").partition(" ")[2].strip(" \t")


def is_guess(authorization: str | None) -> bool:
    """Whether a header that holds no key could have held one: it has the shape of a key."""
    return bool(_SHAPE.fullmatch(_token(authorization)))


def check_valid(key: ApiKey | None, now: datetime) -> ApiKey:
    """The key, if it can be used now.

    Raises:
        Unauthenticated: it is unknown, revoked or expired.
    """
    if key is None:
        raise Unauthenticated(Reason.CREDENTIALS_INVALID)
    if key.revoked_at:
        raise Unauthenticated(Reason.KEY_REVOKED)
    if key.expires_at and key.expires_at <= now:
        raise Unauthenticated(Reason.KEY_EXPIRED)
    return key


def check_scope(key: ApiKey, scope: Scope) -> None:
    """Refuse a call that needs a scope which the key lacks.

    Raises:
        PermissionDenied: it lacks it.
    """
    if scope not in key.scopes:
        raise PermissionDenied(Reason.SCOPE_MISSING, scope=scope)


def check_website(key: ApiKey, website_id: str) -> None:
    """Refuse a website that the key is not for, whether or not the website exists.

    Raises:
        PermissionDenied: the key is bound to another website.
    """
    if key.website_id not in (None, website_id):
        raise PermissionDenied(Reason.WEBSITE_FORBIDDEN, website_id=shortened(website_id))
