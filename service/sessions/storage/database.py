"""Connections to PostgreSQL, and its failures in the words of the domain."""

import asyncio
import os
import socket
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, TypeVar, overload
from weakref import WeakSet

import orjson
import psycopg
from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import AsyncRowFactory, TupleRow, tuple_row
from psycopg.types.json import set_json_loads
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from sessions.domain.errors import DeadlineExceeded, Reason, Unavailable
from sessions.domain.selection import Range
from sessions.storage.instrumentation import MeasuredConnection, MeasuredPool, MeasuredStatement
from sessions.storage.positions import (
    POSITION,
    STANDING,
    Standing,
    noted_commits,
    position_of,
)


class _BrokenConnection(psycopg.OperationalError):
    """The server closed the connection before it answered."""


Connection = AsyncConnection[TupleRow]
Parameters = Mapping[str, Any]
Row = TypeVar("Row")
_Answer = TypeVar("_Answer")

_PING_SECONDS = 2.0
# A transaction that stands still for longer is ended by the server.
_IDLE_SECONDS = 60.0
# What Citus says where the node of a website is lost while a transaction commits there.
_NODE_LOST = "could not commit transaction"


class Database:
    """A pool of connections; use as `async with Database(url) as database`.

    Args:
        url: libpq connection string or URL.
        name: what metrics call it.
        pool_size: connections at most.
        min_size: connections that are kept open while nobody needs them.
        timeout: seconds that one statement may take at most; 0 sets no limit.
        patience: seconds to wait for a free connection.
        siblings: other pools of the same server. Where a connection of this one turns out to be
            broken, those of the others are checked too.
        needed: of a replica, the position of the log that it must have; connections to one that
            has less are refused, and those through a pooler.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "other",
        pool_size: int = 4,
        min_size: int = 1,
        timeout: float = 60.0,
        patience: float = 2.0,
        siblings: "Sequence[Database]" = (),
        needed: Callable[[], int] | None = None,
    ) -> None:
        self._needed = needed
        self._siblings = siblings
        self._connections = WeakSet[Connection]()
        options: dict[str, Any] = {
            # A single statement needs no round trips for BEGIN and COMMIT.
            "autocommit": True,
            # In seconds; libpq waits for minutes by default.
            "connect_timeout": 3,
            "options": _options(url, timeout),
        }
        self._connect = partial(MeasuredConnection.connect, url, **options)
        self._pool = MeasuredPool(
            url,
            connection_class=MeasuredConnection,
            name=name,
            kwargs=options,
            min_size=min_size,
            max_size=pool_size,
            # Beyond that callers fail immediately, instead of waiting for a timeout.
            max_waiting=pool_size * 16,
            timeout=patience,
            # Short, so that the pool tries again soon after the server is back.
            reconnect_timeout=1.0,
            configure=self._configure,
            # Opened by `async with`, when there is an event loop.
            open=False,
        )

    async def __aenter__(self) -> "Database":
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def _configure(self, connection: Connection) -> None:
        set_json_loads(orjson.loads, connection)
        self._connections.add(connection)
        is_pooled, can_prepare = await _pooling(connection)
        if is_pooled and self._needed:
            # It stays connected to a pooler when that turns to a server that is further behind.
            raise psycopg.OperationalError("a replica is read from directly, without a pooler")
        if not can_prepare:
            connection.prepare_threshold = None
        if self._needed and await _position(connection) < self._needed():
            raise psycopg.OperationalError("the server has gone back to an earlier state")

    @property
    def patience(self) -> float:
        """Seconds that a free connection is waited for."""
        return self._pool.timeout

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Hold a connection, on which each statement takes effect by itself."""
        return _held(self._pool)

    def break_off(self) -> None:
        """Break all connections, so that nobody goes on waiting for a server that is frozen."""
        for connection in self._connections:
            if not connection.closed:
                # To cancel, or to close in an orderly way, the server would have to answer.
                with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
                    end.shutdown(socket.SHUT_RDWR)

    @overload
    async def fetch(self, query: LiteralString, parameters: Parameters) -> list[TupleRow]: ...

    @overload
    async def fetch(
        self, query: LiteralString, parameters: Parameters, row_factory: AsyncRowFactory[Row]
    ) -> list[Row]: ...

    async def fetch(
        self,
        query: LiteralString,
        parameters: Parameters,
        row_factory: AsyncRowFactory[Any] = tuple_row,
    ) -> list[Any]:
        """Run one reading statement and return its rows, each made by `row_factory`.

        A connection that turns out to be broken (the server was restarted) is replaced once.

        Raises:
            Unavailable: the database can't be reached.
            DeadlineExceeded: the statement took too long.
        """
        with domain_errors():
            try:
                return await self._fetch(query, parameters, row_factory)
            # Repeated once, which is safe because the statement only reads.
            except _BrokenConnection:
                await self._replace_broken()
                return await self._fetch(query, parameters, row_factory)

    async def _replace_broken(self) -> None:
        """Replace the broken connections of this pool and of its siblings."""
        for database in (self, *self._siblings):
            await database.check_connections()

    def measure(self) -> None:
        """Note for metrics how many connections there are and what they do."""
        self._pool.measure()

    async def check_connections(self) -> None:
        """Replace the connections of this pool that no longer work."""
        await self._pool.check()

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers within two seconds."""
        await _in_time(self.fetch("SELECT 1", {}), _PING_SECONDS)

    async def standing(self, seconds: float) -> Standing:
        """Where the server stands; raise Unavailable unless it answers within some seconds."""
        [row] = await _in_time(self.fetch(STANDING, {}), seconds)
        return Standing.of(*row)

    async def refusal(self, seconds: float) -> str:
        """Why a new connection can't be used, in the words of the server, which has no password.

        Empty where it can, or where the server does not answer within some seconds.
        """
        try:
            await _in_time(self._try_out(), seconds)
        except psycopg.Error as error:
            return " ".join(str(error).split())
        except Unavailable:
            pass
        return ""

    async def _try_out(self) -> None:
        async with await self._connect() as connection:
            await self._configure(connection)
            await connection.execute(STANDING)

    async def _fetch(
        self, query: LiteralString, parameters: Parameters, row_factory: AsyncRowFactory[Any]
    ) -> list[Any]:
        async with self.connection() as connection:
            try:
                cursor = connection.cursor(row_factory=row_factory, binary=True)
                await cursor.execute(query, parameters)
                return await cursor.fetchall()
            except psycopg.OperationalError as error:
                # After any other error, such as a timeout, the connection can still be used.
                if connection.closed:
                    raise _BrokenConnection from error
                raise

    async def stream(
        self,
        query: LiteralString,
        parameters: Parameters,
        row_factory: AsyncRowFactory[Row],
        *,
        rows_at_once: int = 1_000,
    ) -> AsyncGenerator[Row, None]:
        """Run one reading statement and give its rows as they are needed, however many there are.

        All rows are of one moment. The connection is held until the last row, or until the
        iterator is closed: wrap it in `contextlib.aclosing`.

        Args:
            query: the statement.
            parameters: its parameters.
            row_factory: makes a row.
            rows_at_once: rows that are fetched, and held in memory, at once.

        Raises:
            Unavailable: the database can't be reached.
            DeadlineExceeded: fetching the next rows took too long.
        """
        async with (
            self.transaction() as connection,
            # A name makes it a cursor on the server, which sends rows on request.
            connection.cursor("stream", row_factory=row_factory) as cursor,
        ):
            cursor.itersize = rows_at_once
            await cursor.execute(query, parameters, binary=True)
            async for row in cursor:
                yield row

    @asynccontextmanager
    async def exclusive_lock(self, number: int) -> AsyncIterator[bool]:
        """Hold an advisory lock, on a connection of its own, for the length of the block.

        It gives False where somebody else holds the lock. If the connection is lost, so is
        the lock: what needs it must be harmless when it is done twice.

        The lock is one of a transaction, which poolers keep, and which holds back no vacuum
        because it reads and writes nothing.

        Raises:
            Unavailable: the database can't be reached.
        """
        query = """
        SELECT pg_try_advisory_xact_lock(%s),
               set_config('idle_in_transaction_session_timeout', '0', true)
        """
        async with self.transaction() as connection:
            found = await connection.execute(query, (number,))
            [(is_held, _)] = await found.fetchall()
            yield is_held

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Hold a connection on which all statements take effect together, or not at all.

        Raises:
            Unavailable: the database can't be reached, or another transaction was in the way.
            DeadlineExceeded: a statement took too long.
        """
        with domain_errors():
            async with self.connection() as connection:
                with ExitStack() as end:
                    async with connection.transaction():
                        yield connection
                        # Measured from here on, when what follows is the end of the block.
                        end.enter_context(MeasuredStatement("COMMIT"))
                if commits := noted_commits():
                    commits.add(await _position(connection))


@asynccontextmanager
async def _held(pool: MeasuredPool) -> AsyncIterator[Connection]:
    # The pool's own way ends a transaction, which costs a wait, and here there is none.
    connection = await pool.getconn()
    try:
        yield connection
    finally:
        await pool.putconn(connection)


async def _in_time(answer: Coroutine[Any, Any, _Answer], seconds: float) -> _Answer:
    """The answer of a server; raise Unavailable where there is none in time.

    A timeout around the statement would not do: it ends when the statement does, and a server that
    is frozen ends none.
    """
    asking = asyncio.create_task(answer)
    try:
        done, _ = await asyncio.wait({asking}, timeout=seconds)
    finally:
        # Not awaited: a frozen server does not answer the request to cancel, either.
        asking.cancel()
    if not done:
        raise _unavailable()
    return await asking


async def _pooling(connection: Connection) -> tuple[bool, bool]:
    """Whether a pooler, such as PgBouncer, is between, and whether prepared statements last.

    A pooler has numbers of its own for processes. PgBouncer from version 1.21 on has names of its
    own for statements, and prepares them wherever they are needed; others forget or confuse them.
    """
    query = """
    SELECT pg_backend_pid(),
           EXISTS (SELECT FROM pg_prepared_statements WHERE name LIKE 'PGBOUNCER%')
    """
    try:
        found = await connection.execute(query, prepare=True)
    except (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement):
        return True, False
    [(pid, is_kept)] = await found.fetchall()
    is_pooled = pid != connection.info.backend_pid
    return is_pooled, is_kept or not is_pooled


async def _position(connection: Connection) -> int:
    found = await connection.execute(POSITION)
    [(told,)] = await found.fetchall()
    return position_of(told)


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turn what PostgreSQL and the pool raise into errors of the domain.

    Anything that is a mistake in the program (a bad statement, a broken constraint) passes.
    """
    try:
        yield
    except errors.QueryCanceled as error:
        raise DeadlineExceeded() from error
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction) as error:
        # The schema is older than this version. Trying again helps once it was migrated.
        message = "the database lacks what this version needs: run `sessions migrate`"
        raise Unavailable(Reason.DATABASE_UNAVAILABLE, message) from error
    except (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable) as error:
        raise _unavailable() from error
    # A standby after a failover, or a transaction that stood still for too long.
    except (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout) as error:
        raise _unavailable() from error
    except errors.InternalError_ as error:
        if _NODE_LOST not in str(error):
            raise
        raise _unavailable() from error
    # For a caller, a pool without a free connection is a database that is down.
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        raise _unavailable() from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise _unavailable() from error


def _options(url: str, timeout: float) -> str:
    """The settings with which connections start.

    They protect the server and speed up plans. No result depends on them: a pooler such as
    PgBouncer may leave them out.
    """
    milliseconds = int(timeout * 1000)
    settings = {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds or int(_IDLE_SECONDS * 1000),
        "timezone": "UTC",
        "jit": "off",
    }
    # Ours come last and win over those of the URL.
    own = [f"-c {name}={value}" for name, value in settings.items()]
    return " ".join([str(conninfo_to_dict(url).get("options") or ""), *own]).strip()


def _unavailable() -> Unavailable:
    return Unavailable(Reason.DATABASE_UNAVAILABLE)


def bounds(range_: Range | None) -> dict[str, datetime | str]:
    """The parameters `since` and `until` of some time, or of all time."""
    return range_._asdict() if range_ else {"since": "-infinity", "until": "infinity"}


def as_json(rows: object) -> str:
    """Rows as one JSON text for `json_populate_recordset`.

    Measured twice as fast as one array per column, and a quarter of the work in Python.
    """
    return orjson.dumps(rows).decode()
