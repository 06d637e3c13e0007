"""API keys: who may do what on which website."""

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sessions.domain.errors import PermissionDenied, Reason, Unauthenticated, shortened

_PREFIX = "spk_selfhosted_"


class Scope(StrEnum):
    """What a key allows."""

    SESSIONS_READ = "sessions:read"
    EVENTS_WRITE = "events:write"
    VISITORS_ERASE = "visitors:erase"


class ApiKey(NamedTuple):
    """A key as it is stored: never its secret. `website_id` None means every website."""

    key_id: str
    name: str
    scopes: list[str]
    website_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def new_secret() -> str:
    """What the holder of a key sends: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret; it is random, so a plain hash can't be reversed."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def secret_of(authorization: str | None) -> str:
    """The secret in an `Authorization: Bearer <key>` header.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        message = 'send "Authorization: Bearer <key>"'
        raise Unauthenticated(message, Reason.CREDENTIALS_MISSING)
    return secret.strip()


def check_valid(key: ApiKey | None, now: datetime) -> ApiKey:
    """The key, if it can be used now.

    Raises:
        Unauthenticated: it is unknown, revoked or expired.
    """
    if key is None:
        raise Unauthenticated("this key is not known", Reason.CREDENTIALS_INVALID)
    if key.revoked_at:
        raise Unauthenticated("this key was revoked", Reason.KEY_REVOKED)
    if key.expires_at and key.expires_at <= now:
        raise Unauthenticated("this key has expired", Reason.KEY_EXPIRED)
    return key


def check_allowed(key: ApiKey, scope: Scope, website_id: str) -> None:
    """Refuse what the key does not allow, whether or not the website exists.

    Raises:
        PermissionDenied: the scope is missing, or the key is bound to another website.
    """
    if scope not in key.scopes:
        raise PermissionDenied(f"this key has not the scope {scope}", Reason.SCOPE_MISSING)
    if key.website_id not in (None, website_id):
        message = f"this key is not for website {shortened(website_id)}"
        raise PermissionDenied(message, Reason.WEBSITE_FORBIDDEN)
