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
        self._known: TTLCache[bytes, ApiKey] = TTLCache(10_000, _REMEMBERED_SECONDS)
        # Apart, so that a flood of bad keys does not drive out the good ones.
        self._unknown: TTLCache[bytes, None] = TTLCache(1_000, _REMEMBERED_SECONDS)
        self._used: dict[str, datetime] = {}

    async def __call__(self, authorization: str | None) -> ApiKey:
        """The key in an `Authorization` header.

        Raises:
            Unauthenticated: there is none, or it is unknown, revoked or expired.
        """
        key_hash = hash_secret(secret_of(authorization))
        now = self._clock()
        key = check_valid(await self._find(key_hash), now)
        self._used[key.key_id] = now
        return key

    async def _find(self, key_hash: bytes) -> ApiKey | None:
        if key := self._known.get(key_hash):
            return key
        if key_hash in self._unknown:
            return None
        if key := await api_keys.find(self._database, key_hash):
            self._known[key_hash] = key
        else:
            self._unknown[key_hash] = None
        return key

    async def note_last_use(self) -> None:
        """Write down which keys were used since the last time; many calls, one write.

        Raises:
            Unavailable: the database can't be reached; what is not written stays noted.
        """
        used = dict(self._used)
        if used:
            await api_keys.mark_used(self._database, used)
        self._used = {id_: at for id_, at in self._used.items() if used.get(id_) != at}
