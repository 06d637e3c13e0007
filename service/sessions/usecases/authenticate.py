"""Who is calling: keys by their secrets, remembered for a few seconds."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from cachetools import LRUCache, TTLCache

from sessions.domain.api_keys import ApiKey, check_valid, hash_secret, is_guess, secret_of
from sessions.domain.client_addresses import network_of
from sessions.domain.errors import LimitExceeded, Reason, Unauthenticated, Unavailable
from sessions.domain.token_bucket import TokenBucket
from sessions.storage import api_keys
from sessions.storage.database import Database

# A revocation is in force everywhere within 5 seconds.
_REMEMBERED_SECONDS = 4.0

# Keys that wait for the database at once.
_MOST_WAITING = 1_000

# A key that was valid so long ago is looked up, whatever else comes from its address.
_TRUSTED_SECONDS = 3_600.0

# Unknown keys of one address: so many at once, and so many a second from then on.
_UNKNOWN_BURST = 100
_UNKNOWN_RATE = 5.0
_MOST_ADDRESSES = 10_000


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
        self._trusted: TTLCache[bytes, None] = TTLCache(10_000, _TRUSTED_SECONDS)
        self._unknown_keys = _UnknownKeys()
        self._used: dict[str, datetime] = {}

    async def __call__(self, authorization: str | None, address: str = "") -> ApiKey:
        """The key in an `Authorization` header.

        Args:
            authorization: the header.
            address: who sends it; `''` where that is not known. Whoever guesses keys is slowed.

        Raises:
            Unauthenticated: there is none, or it is unknown, revoked or expired.
            LimitExceeded: too many unknown keys came from the address.
            Unavailable: the database can't be reached, or too many keys are being looked up.
            TimeoutError: the database does not answer in time.
        """
        now = self._clock()
        try:
            key_hash = hash_secret(secret_of(authorization))
            key = check_valid(await self._find(key_hash, address), now)
        except Unauthenticated as error:
            # Anything else than a key is a mistake, and costs nothing.
            if error.reason == Reason.CREDENTIALS_INVALID and is_guess(authorization):
                self._unknown_keys.count(address)
            raise
        self._used[key.key_id] = now
        return key

    async def _find(self, key_hash: bytes, address: str) -> ApiKey | None:
        if key := self._known.get(key_hash):
            return key
        if key_hash in self._unknown:
            return None
        if key_hash not in self._trusted:
            self._unknown_keys.check(address)
        if key := await self._lookups.find(key_hash):
            self._known[key_hash] = key
            self._trusted[key_hash] = None
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


class _UnknownKeys:
    """Slows down addresses from which unknown keys come: their next ones are not looked at.

    Keys that were valid a while ago are not held up: many callers can share an address.
    """

    def __init__(self) -> None:
        # Whoever has many addresses drives others out, and gains nothing by it.
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(_MOST_ADDRESSES)

    def count(self, address: str) -> None:
        """Count an unknown key.

        Raises:
            LimitExceeded: too many came.
        """
        if not address:
            return
        network, now = network_of(address), time.monotonic()
        bucket = self._buckets.get(network)
        if bucket is None:
            bucket = TokenBucket(now, seconds=_UNKNOWN_BURST / _UNKNOWN_RATE)
            self._buckets[network] = bucket
        if seconds := bucket.take(1, _UNKNOWN_RATE, now):
            raise _too_many(seconds)

    def check(self, address: str) -> None:
        """Refuse to look at a key that may be unknown.

        Raises:
            LimitExceeded: too many unknown ones came.
        """
        bucket = self._buckets.get(network_of(address))
        left = bucket.left(_UNKNOWN_RATE, time.monotonic()) if bucket else 1.0
        if left < 1:
            raise _too_many((1 - left) / _UNKNOWN_RATE)


def _too_many(seconds: float) -> LimitExceeded:
    return LimitExceeded(Reason.TOO_MANY_UNKNOWN_KEYS, retry_after=seconds)


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
