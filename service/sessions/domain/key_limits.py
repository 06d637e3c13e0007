"""What a key may do in a second, and at the same time."""

from collections.abc import Mapping
from enum import StrEnum

from sessions.domain.errors import InvalidArgument, Violation

HIGHEST = 1_000_000


class KeyLimit(StrEnum):
    """What is limited. `unit` says it in messages."""

    unit: str

    def __new__(cls, name: str, unit: str) -> "KeyLimit":
        """A limit by its name, with its unit."""
        limit = str.__new__(cls, name)
        limit._value_, limit.unit = name, unit
        return limit

    CALLS = ("calls", "calls per second")
    EVENTS = ("events", "events per second")
    ANALYSES = ("analyses", "analyses at once")
    EXPORTS = ("exports", "exports at once")

    @classmethod
    def of(cls, name: str) -> "KeyLimit | None":
        """The limit of a name; None for an empty one.

        Raises:
            KeyError: there is no such limit.
        """
        return {limit.value: limit for limit in cls}[name] if name else None

    @property
    def is_rate(self) -> bool:
        """Whether it is of a second; or else of what goes on at the same time."""
        return self in (KeyLimit.CALLS, KeyLimit.EVENTS)


def check_limits(limits: Mapping[KeyLimit, int]) -> dict[str, int]:
    """The limits as they are stored.

    Raises:
        InvalidArgument: a limit is not positive, or too large to mean anything.
    """
    for limit, most in limits.items():
        if not 1 <= most <= HIGHEST:
            text = f"{most} {limit.unit}; write 1 to {HIGHEST}"
            raise InvalidArgument(Violation(f"limit {limit.value}", text))
    return {limit.value: most for limit, most in limits.items()}


def share_of_rate(most: int, workers: int) -> float:
    """What one of several workers lets through in a second."""
    return most / workers


def share_of_places(most: int, workers: int, rank: int) -> int:
    """How many things one of several workers, counted from 0, lets go on at the same time.

    Together as many as the limit says; but each worker one, for a call can't choose its worker.
    """
    return max(1, most // workers + (rank < most % workers))
