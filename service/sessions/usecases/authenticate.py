"""Who is calling: keys by their secrets, remembered for a few seconds."""

from collections.abc import Callable
from datetime import datetime

from cachetools import TTLCache

from sessions.domain.api_keys import ApiKey, check_valid, hash_secret, secret_of
from sessions.storage import api_keys
from sessions.storage.database import Database

# A revocation is in force everywhere within 5 seconds.
_REMEMBERED_SECONDS = 4.0


class Authenticate:
    """Finds the key of a call, and notes which keys are in use."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._found: TTLCache[bytes, ApiKey | None] = TTLCache(10_000, _REMEMBERED_SECONDS)
        self._used: dict[str, datetime] = {}

    async def __call__(self, authorization: str | None) -> ApiKey:
        """The key in an `Authorization` header.

        Raises:
            Unauthenticated: there is none, or it is unknown, revoked or expired.
        """
        key_hash = hash_secret(secret_of(authorization))
        try:
            found = self._found[key_hash]
        except KeyError:
            found = self._found[key_hash] = await api_keys.find(self._database, key_hash)
        now = self._clock()
        key = check_valid(found, now)
        self._used[key.key_id] = now
        return key

    async def note_last_use(self) -> None:
        """Write down which keys were used since the last time; many calls, one write."""
        used, self._used = self._used, {}
        if used:
            await api_keys.mark_used(self._database, used)
