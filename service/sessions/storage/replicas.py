"""Read replicas: which of them a call reads from, and what happens when one fails it.

A call reads from a replica that is known to have all that was committed up to `max_lag` seconds
ago, and, where the call says so, up to the position of a commit. Both are told by positions in the
write-ahead log: those of the primary are noted with the time at which they were asked for, so that
what a replica has replayed is as old as the newest of them that it has reached. The time of the
last replayed commit, which PostgreSQL tells as well, would grow while nobody writes.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from contextvars import ContextVar
from typing import TypeVar

import psycopg
import structlog
from psycopg import errors
from psycopg_pool import PoolTimeout

from sessions.domain.errors import DomainError, Reason, Unavailable
from sessions.instruments import REPEATED_READS, REPLICA_LAG
from sessions.storage.database import Connection, Database
from sessions.storage.positions import Standing

_PATIENCE = 1.0
_NEVER = float("-inf")

_log = structlog.get_logger()
_Answer = TypeVar("_Answer")


class ReplicaFailed(Unavailable):
    """A replica failed a read, or may not have what it asks for: the primary can tell."""

    def __init__(self) -> None:
        super().__init__(Reason.DATABASE_UNAVAILABLE)


class Replica:
    """One server that replays the log of the primary.

    Args:
        probe: asks where it stands.
        host: what the log calls it.

    Attributes:
        host: what the log calls it.
        pools: its connections, in place of those of each pool of the primary. They are refused
            where it has less than is known of it, as it can after a crash.
        as_of: the time, by the monotonic clock, up to which it has all that was committed then.
    """

    def __init__(self, probe: Database, host: str) -> None:
        self.probe = probe
        self.host = host
        self.pools: dict[Database, Database] = {}
        self.as_of = _NEVER
        self._replayed = 0
        self._is_asked = False
        self._problem: str | None = None

    def reached(self) -> int:
        """The position up to which it is known to have everything."""
        return self._replayed

    def has(self, position: int, max_lag: float) -> bool:
        """Whether it has a position, and what was committed up to `max_lag` seconds ago."""
        return self._replayed >= position and time.monotonic() - self.as_of <= max_lag

    async def check(self, identity: str, samples: Sequence[tuple[float, int]]) -> None:
        """Ask where it stands, and break off what is read from it where it does not answer.

        It is not asked again before it has answered.

        Args:
            identity: of the primary, with its timeline.
            samples: times and the positions of the primary then, oldest first.
        """
        if self._is_asked:
            return
        self._is_asked = True
        try:
            self._note(await self._ask(identity, samples))
        finally:
            self._is_asked = False

    async def _ask(self, identity: str, samples: Sequence[tuple[float, int]]) -> str:
        """Ask where it stands; why it can't be read from, empty where it can."""
        try:
            standing = await self.probe.standing(_PATIENCE)
        except (DomainError, psycopg.Error):
            self.as_of = _NEVER
            # Whoever waits for a server that is frozen would wait until the end of the call.
            for database in self.pools.values():
                database.break_off()
            refusal = await self.probe.refusal(_PATIENCE)
            return refusal or f"it does not answer within {_PATIENCE:g} s"
        if problem := _mismatch(standing, identity):
            self.as_of = _NEVER
            return problem
        self._replayed = standing.position
        reached = [when for when, position in samples if position <= standing.position]
        self.as_of = max(reached, default=_NEVER)
        return "" if reached else "it is behind by more than SESSIONS_MAX_LAG"

    def _note(self, problem: str) -> None:
        """Log whether it is read from, where that has changed."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem:
            _log.warning("a replica is not read from", host=self.host, reason=problem)
        else:
            _log.info("a replica is read from", host=self.host)


def _mismatch(standing: Standing, identity: str) -> str:
    """Why a server is no replica of the primary; empty where it is one."""
    if not standing.is_replica:
        return "it is no replica: it was promoted, or never was one"
    differences = {
        "it is of another primary": 0,
        "DATABASE_READ_URL names another database than DATABASE_URL": 1,
        "it does not follow the primary since one was promoted": 2,
    }
    told, expected = standing.identity.split("/"), identity.split("/")
    return next((text for text, part in differences.items() if told[part] != expected[part]), "")


class Route:
    """Where one call reads: from a replica while that can serve it, then from the primary.

    It never goes back, nor to another replica, so that no later statement of a call sees less than
    an earlier one.
    """

    def __init__(self, replica: Replica | None, after: int, max_lag: float) -> None:
        self._replica = replica
        self._asked = after, max_lag

    @property
    def replica(self) -> Replica | None:
        """The replica, while it has what the call needs."""
        if self._replica and not self._replica.has(*self._asked):
            self.leave()
        return self._replica

    def leave(self) -> bool:
        """Read from the primary from now on; whether a replica was read from until now."""
        was_left, self._replica = self._replica is not None, None
        return was_left


_ROUTE: ContextVar[Route | None] = ContextVar("route", default=None)


class Replicas:
    """The replicas of the primary; there may be none.

    Args:
        primary: asks where it stands.
        replicas: its replicas.
        max_lag: seconds by which what is read from them may be out of date.
    """

    def __init__(self, primary: Database, replicas: Sequence[Replica], max_lag: float) -> None:
        self._primary = primary
        self._replicas = replicas
        self._max_lag = max_lag
        self._samples = deque[tuple[float, int]]()

    def __bool__(self) -> bool:
        return bool(self._replicas)

    async def check(self) -> None:
        """Ask all servers where they stand, except for replicas that have yet to answer.

        While the primary does not answer, how old a replica is can't be told: it is read from no
        longer than `max_lag`.
        """
        now = time.monotonic()
        try:
            standing = await self._primary.standing(_PATIENCE)
        except DomainError:
            return  # the health check tells
        # Right after a failover the URL of the primary can lead to a replica.
        if not standing.is_replica:
            self._samples.append((now, standing.position))
        while self._samples and now - self._samples[0][0] > self._max_lag:
            self._samples.popleft()
        samples = tuple(self._samples)
        await asyncio.gather(*(each.check(standing.identity, samples) for each in self._replicas))

    def measure(self) -> None:
        """Note for metrics what the connections do, and by how much replicas may be behind."""
        oldest = min((each.as_of for each in self._replicas), default=None)
        REPLICA_LAG.set(0 if oldest is None else time.monotonic() - oldest)
        for replica in self._replicas:
            for database in replica.pools.values():
                database.measure()

    @contextmanager
    def reading(self, after: int) -> Iterator[None]:
        """Read what is read in the block from a replica that has a position, if there is one."""
        fit = [each for each in self._replicas if each.has(after, self._max_lag)]
        replica = random.choice(fit) if fit else None  # noqa: S311 (no secret)
        token = _ROUTE.set(Route(replica, after, self._max_lag))
        try:
            yield
        finally:
            _ROUTE.reset(token)


class ReadDatabase(Database):
    """A pool of the primary from which calls read, and those of the replicas in its place.

    Outside of `Replicas.reading` it is the primary's.
    """

    def __init__(self, primary: Database) -> None:
        # In place of what `Database` makes: it has no pool of its own.
        vars(self).update(vars(primary))
        self._primary = primary

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Hold a connection to the server from which the call reads."""
        route = _ROUTE.get()
        if route is None or (replica := route.replica) is None:
            return self._primary.connection()
        # Half of it, which leaves time for the primary where all of it is that of a call.
        patience = self._primary.patience / 2
        return _leaving(route, replica.host, replica.pools[self._primary], patience)


@asynccontextmanager
async def _leaving(
    route: Route, host: str, database: Database, patience: float
) -> AsyncIterator[Connection]:
    """A connection to a replica; when it fails, the call leaves the replica."""
    try:
        async with AsyncExitStack() as stack:
            yield await _wait(stack, route, database, patience)
    except errors.QueryCanceled:
        raise  # it took too long, and would on the primary
    # Broken, cancelled by what is replayed, read-only, of an older schema: the primary can tell.
    except psycopg.Error as error:
        route.leave()
        REPEATED_READS.inc()
        _log.warning("a read is repeated on the primary", host=host, error=type(error).__name__)
        raise ReplicaFailed from error


async def _wait(
    stack: AsyncExitStack, route: Route, database: Database, patience: float
) -> Connection:
    """A free connection; while all are in use, it is waited for as long as the replica serves."""
    end = time.monotonic() + patience
    while True:
        try:
            connection = await stack.enter_async_context(database.connection())
        except PoolTimeout:
            if route.replica is None or time.monotonic() + database.patience > end:
                raise
        else:
            # It may have fallen behind meanwhile.
            if route.replica is None:
                REPEATED_READS.inc()
                raise ReplicaFailed
            return connection


def confirm_on_primary() -> None:
    """Repeat a read before it is answered that something is not there.

    Raises:
        ReplicaFailed: a replica was read from, which may not have it yet.
    """
    route = _ROUTE.get()
    if route and route.leave():
        raise ReplicaFailed


@contextmanager
def on_primary() -> Iterator[None]:
    """Do what is done in the block on the primary."""
    token = _ROUTE.set(None)
    try:
        yield
    finally:
        _ROUTE.reset(token)


async def repeated(read: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """The answer of what only reads, from the primary where a replica failed it."""
    try:
        return await read()
    except ReplicaFailed:
        return await read()
