"""The limits of a key in a call: what it takes, and what its caller learns of what is left.

`RateLimit` and `RateLimit-Policy` are those of
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sessions.api.call import Call
from sessions.domain.key_limits import KeyLimit
from sessions.usecases.limit_keys import LimitKeys, Quota


class KeyLimits:
    """Counts calls, and the events in them, against the limits of their keys."""

    def __init__(self, limit_keys: LimitKeys) -> None:
        self._limit_keys = limit_keys

    @contextmanager
    def admit(self, call: Call) -> Iterator[None]:
        """Count a call, and hold its place for the length of the block where it needs one.

        Raises:
            LimitExceeded: the key has used up its limit.
        """
        self.take_call(call)
        concurrency = call.method.concurrency
        with self._limit_keys.place(call.key, concurrency) if concurrency else nullcontext():
            yield

    def take_call(self, call: Call) -> None:
        """Count a call.

        Raises:
            LimitExceeded: the key has made as many as it may.
        """
        self._take(call, KeyLimit.CALLS, 1)

    def take_events(self, call: Call, request: Any) -> None:
        """Count the events of a request.

        Raises:
            LimitExceeded: the key has sent as many as it may.
        """
        if call.method.has_events:
            self._take(call, KeyLimit.EVENTS, len(request.events))

    def _take(self, call: Call, limit: KeyLimit, cost: int) -> None:
        if not call.key.limits:
            return
        try:
            self._limit_keys.take(call.key, limit, cost)
        finally:
            call.headers |= _headers(self._limit_keys.quotas(call.key))


def _headers(quotas: list[Quota]) -> dict[str, str]:
    if not quotas:
        return {}
    policies = (f'"{quota.limit}";q={quota.most};w=1' for quota in quotas)
    left = (f'"{quota.limit}";r={quota.left};t={quota.seconds}' for quota in quotas)
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}
