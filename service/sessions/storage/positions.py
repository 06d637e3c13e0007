"""Positions in the write-ahead log of PostgreSQL: what a commit needs, and what a server has."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import LiteralString, NamedTuple

# Of the log's pages, and of the longer one of their two headers.
_PAGE, _HEADER = 8192, 40

# Positions on different timelines can't be compared: a replica that does not follow a failover
# would seem to be ahead of the new primary. One that follows tells its timeline a little later.
_TIMELINE: LiteralString = """
CASE WHEN pg_is_in_recovery() THEN (
         SELECT greatest(timeline_id, min_recovery_end_timeline)
           FROM pg_control_checkpoint(), pg_control_recovery())
     ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer END"""

POSITION: LiteralString = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_insert_lsn() END - '0/0'
"""

STANDING: LiteralString = f"""
SELECT ({POSITION}), pg_is_in_recovery(),
       (SELECT system_identifier FROM pg_control_system())
       || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
       || '/' || {_TIMELINE}
"""


class Standing(NamedTuple):
    """Where a server stands.

    Attributes:
        position: the end of the log that it has written, or as a replica replayed.
        is_replica: whether it replays the log of another server.
        identity: of the cluster, the database and the timeline, the same on all replicas.
    """

    position: int
    is_replica: bool
    identity: str

    @classmethod
    def of(cls, position: object, is_replica: bool, identity: str) -> "Standing":
        """What the row of STANDING says."""
        return cls(position_of(position), is_replica, identity)


def position_of(told: object) -> int:
    """What the row of POSITION says; 0 for a replica that has replayed nothing."""
    end = int(str(told or 0))
    # Behind the header of a page that is empty yet: replay has ended before that header.
    return end - end % _PAGE if end % _PAGE <= _HEADER else end


class Commits:
    """Whatever was committed inside of `noting_commits`: the position that holds all of it."""

    position = 0

    def add(self, position: int) -> None:
        """Take a commit into account."""
        self.position = max(self.position, position)


_COMMITS: ContextVar[Commits | None] = ContextVar("commits", default=None)


@contextmanager
def noting_commits() -> Iterator[Commits]:
    """Note the positions of what is committed in the block."""
    token = _COMMITS.set(commits := Commits())
    try:
        yield commits
    finally:
        _COMMITS.reset(token)


def noted_commits() -> Commits | None:
    """Where the positions of commits are to be noted, if anybody wants to know them."""
    return _COMMITS.get()
