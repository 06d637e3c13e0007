"""What an analysis is for the reader of columns."""

from collections.abc import Collection
from typing import Protocol

from sessions.analysis.columns import Columns


class Accumulator(Protocol):
    """Takes the sessions of a website part by part, in no particular order.

    A part has at most about `encoding.MAX_SESSIONS` sessions, each of them whole, and words of
    its own: numbers of words mean nothing in another part.
    """

    @property
    def columns(self) -> Collection[str]:
        """Names of `sessions.analysis.columns.ALL`: what parts must hold."""

    def add(self, part: Columns) -> None:
        """Take one part, in a thread; what counts are the sessions that are `selected`."""
