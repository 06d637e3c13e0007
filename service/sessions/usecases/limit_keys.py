"""The limits of keys, as far as this worker enforces them."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cachetools import LRUCache

from sessions.domain.api_keys import ApiKey
from sessions.domain.errors import LimitExceeded, Reason
from sessions.domain.key_limits import KeyLimit, share_of_places, share_of_rate
from sessions.domain.token_bucket import TokenBucket
from sessions.usecases.ready_workers import ReadyWorkers

# Of the keys that were used last; a bucket that is forgotten is full again.
_MOST_BUCKETS = 10_000
_PLACE_SECONDS = 1.0

# In each worker, of a key without that limit. A slow reader is waited for as long as it takes: one
# caller could hold all places of a worker.
_PLACES = {KeyLimit.EXPORTS: 4}


class Quota(NamedTuple):
    """What a key has left of a limit, over all workers if these are asked alike.

    Attributes:
        limit: which one.
        most: the limit.
        left: what is left of it now.
        seconds: when there is more; 0 where there is enough.
    """

    limit: KeyLimit
    most: int
    left: int
    seconds: int


class LimitKeys:
    """Lets through as much of each key as this worker's share of its limits.

    Workers share no counter: each has its part of the limit. Envoy spreads calls evenly, so that
    together they let through what the limit says.
    """

    def __init__(
        self, ready_workers: ReadyWorkers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ready_workers = ready_workers
        self._clock = clock
        self._buckets: LRUCache[tuple[str, KeyLimit], TokenBucket] = LRUCache(_MOST_BUCKETS)
        self._running = Counter[tuple[str, KeyLimit]]()

    def take(self, key: ApiKey, limit: KeyLimit, cost: int) -> None:
        """Take from what a key may do in a second.

        Raises:
            LimitExceeded: nothing is left; says when there is.
        """
        most = key.limits.get(limit)
        if most is None or not cost:
            return
        now, rate = self._clock(), self._rate(most)
        if seconds := self._bucket(key, limit, now).take(cost, rate, now):
            raise _exceeded(limit, most, seconds)

    @contextmanager
    def place(self, key: ApiKey, limit: KeyLimit) -> Iterator[None]:
        """Hold one of the places that a key has, for the length of the block.

        Raises:
            LimitExceeded: all are taken.
        """
        most = key.limits.get(limit)
        if most is not None:
            places = share_of_places(most, *self._ready_workers.place)
        elif limit in _PLACES:
            most = places = _PLACES[limit]
        else:
            yield
            return
        held = key.key_id, limit
        if self._running[held] >= places:
            raise _exceeded(limit, most, _PLACE_SECONDS)
        self._running[held] += 1
        try:
            yield
        finally:
            self._running[held] -= 1
            if not self._running[held]:
                del self._running[held]

    def quotas(self, key: ApiKey) -> list[Quota]:
        """What a key has left of its limits per second."""
        now = self._clock()
        return [
            self._quota(key, limit, most, now)
            for limit in KeyLimit
            if limit.is_rate and (most := key.limits.get(limit))
        ]

    def _quota(self, key: ApiKey, limit: KeyLimit, most: int, now: float) -> Quota:
        rate = self._rate(most)
        left = self._bucket(key, limit, now).left(rate, now)
        seconds = math.ceil((1 - left) / rate) if left < 1 else 0
        workers = self._ready_workers.place.workers
        return Quota(limit, most, min(most, max(0, int(left * workers))), seconds)

    def _bucket(self, key: ApiKey, limit: KeyLimit, now: float) -> TokenBucket:
        name = key.key_id, limit
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(now)
        return bucket

    def _rate(self, most: int) -> float:
        return share_of_rate(most, self._ready_workers.place.workers)


def _exceeded(limit: KeyLimit, most: int, seconds: float) -> LimitExceeded:
    return LimitExceeded(
        Reason.KEY_LIMIT_EXCEEDED, retry_after=seconds, limit=str(most), unit=limit.unit
    )
