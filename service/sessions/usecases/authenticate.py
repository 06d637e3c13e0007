"""Who is calling: keys by their secrets, remembered for a few seconds."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from cachetools import TTLCache

from sessions.domain.api_keys import ApiKey, check_valid, hash_secret, secret_of
from sessions.domain.errors import Reason, Unavailable
from sessions.storage import api_keys
from sessions.storage.database import Database

# A revocation is in force everywhere within 5 seconds.
_REMEMBERED_SECONDS = 4.0

# Keys that wait for the database at once.
_MOST_WAITING = 1_000


class Authenticate:
    """Finds the key of a call, and notes which keys are in use.

    Args:
        database: holds the keys.
        clock: the time.
        timeout: seconds that a caller waits for the database.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], timeout: float = 10.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._lookups = _Lookups(database, timeout)
        self._known: TTLCache[bytes, ApiKey] = TTLCache(10_000, _REMEMBERED_SECONDS)
        # Apart, so that a flood of bad keys does not drive out the good ones.
        self._unknown: TTLCache[bytes, None] = TTLCache(1_000, _REMEMBERED_SECONDS)
        self._used: dict[str, datetime] = {}

    async def __call__(self, authorization: str | None) -> ApiKey:
        """The key in an `Authorization` header.

        Raises:
            Unauthenticated: there is none, or it is unknown, revoked or expired.
            Unavailable: the database can't be reached, or too many keys are being looked up.
            TimeoutError: the database does not answer in time.
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
        if key := await self._lookups.find(key_hash):
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
        # A key that was used again meanwhile stays noted for the next time.
        self._used = {id_: at for id_, at in self._used.items() if used.get(id_) != at}


class _Lookups:
    """Looks keys up in the database: one statement at a time, for all that wait meanwhile.

    However many unknown keys come, they hold one connection, and a known one gets its turn.
    """

    def __init__(self, database: Database, timeout: float) -> None:
        self._database = database
        self._timeout = timeout
        self._waiting: dict[bytes, asyncio.Future[ApiKey | None]] = {}
        self._running: asyncio.Task[None] | None = None

    async def find(self, key_hash: bytes) -> ApiKey | None:
        """The key whose secret has this hash.

        Raises:
            Unavailable: the database can't be reached, or too many keys wait for it.
            TimeoutError: the database does not answer in time.
        """
        found = self._waiting.get(key_hash)
        if found is None:
            if len(self._waiting) >= _MOST_WAITING:
                raise Unavailable(Reason.SERVICE_UNAVAILABLE)
            found = self._waiting[key_hash] = asyncio.get_running_loop().create_future()
        # Also for a key that waits already: the statement before it may have been given up.
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(self._timeout):
                # A caller that goes away must not take the answer from the others.
                return await asyncio.shield(found)
        except TimeoutError:
            # The statement may hang for as long as the server does: the next one runs beside it.
            self._running = None
            raise

    async def _run(self) -> None:
        while waiting := self._waiting:
            self._waiting = {}
            try:
                keys = await api_keys.find_all(self._database, waiting.keys())
            except Exception as error:
                # Without the frames: one is that of this coroutine, which the API would close
                # when it clears the frames of an error that it answers.
                shared = error.with_traceback(None)
                for found in waiting.values():
                    found.set_exception(shared)
                    found.exception()  # nobody may be left to ask
            else:
                for key_hash, found in waiting.items():
                    found.set_result(keys.get(key_hash))
