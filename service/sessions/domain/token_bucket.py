"""A token bucket: a rate that may be exceeded for a moment."""


class TokenBucket:
    """Tokens that come back at a rate.

    It begins with what comes in some seconds, the burst, and holds twice as much: what comes
    while nobody asks is not lost to those who ask at random times. What costs more than the
    burst passes once the burst is there, and leaves a debt, for which the next one waits.

    The rate is a parameter of each call, because it changes with the number of workers.

    Args:
        now: the time, in seconds of any clock that never goes back.
        seconds: those of the burst, which is one token at least.
    """

    __slots__ = ("_at", "_seconds", "_tokens")

    def __init__(self, now: float, seconds: float = 1.0) -> None:
        self._at = now
        self._seconds = seconds
        self._tokens: float | None = None

    def take(self, cost: int, rate: float, now: float) -> float:
        """Take tokens; returns 0, or in how many seconds they will be there, and takes none."""
        tokens = self.left(rate, now)
        missing = min(cost, self.burst(rate)) - tokens
        if missing > 0:
            return missing / rate
        self._tokens = tokens - cost
        return 0.0

    def left(self, rate: float, now: float) -> float:
        """How many tokens there are; below 0 after something that cost more."""
        burst = self.burst(rate)
        before = burst if self._tokens is None else self._tokens
        self._tokens = min(2 * burst, before + (now - self._at) * rate)
        self._at = now
        return self._tokens

    def burst(self, rate: float) -> float:
        """How many tokens it begins with."""
        return max(1.0, rate * self._seconds)
