"""Making, listing and revoking API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sessions.domain.api_keys import ApiKey, Scope, hash_secret, new_secret
from sessions.domain.errors import NotFound, Reason
from sessions.domain.key_limits import KeyLimit, check_limits
from sessions.domain.websites import check_name
from sessions.storage import api_keys
from sessions.storage.database import Database
from sessions.usecases.websites import Websites


class ApiKeys:
    """The keys of this service."""

    def __init__(self, database: Database, websites: Websites) -> None:
        self._database = database
        self._websites = websites

    async def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        website_id: str | None = None,
        limits: Mapping[KeyLimit, int] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a key and return its secret, which is stored nowhere.

        Raises:
            InvalidArgument: the name or the id of the website is none, or a limit is wrong.
            NotFound: no website has this id.
        """
        website = await self._websites.get(website_id) if website_id else None
        secret = new_secret()
        await api_keys.create(
            self._database,
            hash_secret(secret),
            name=check_name(name),
            scopes=[scope.value for scope in scopes],
            website=website,
            limits=check_limits(limits or {}),
            expires_at=expires_at,
        )
        return secret

    async def list_all(self) -> list[ApiKey]:
        """All keys, oldest first, the revoked ones too; never their secrets."""
        return await api_keys.list_all(self._database)

    async def revoke(self, key_id: str) -> None:
        """Revoke a key for good; in force everywhere within 5 seconds.

        Raises:
            NotFound: no key has this id.
        """
        # Non-ASCII ids never exist, and PostgreSQL can't store some of them (NUL, lone surrogates).
        if not (key_id.isascii() and await api_keys.revoke(self._database, key_id)):
            raise NotFound(Reason.KEY_NOT_FOUND, key_id=key_id)
