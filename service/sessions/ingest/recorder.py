"""Run one process that records for an import: `python -m sessions.ingest.recorder DESCRIPTOR`.

It is a child of `sessions import` (see `standalone/recorders.py`), which gives it events over the
socket of that descriptor: first a `Setup`, then parts of batches, each of which it answers. It ends
where the socket does.

Both ways, a message is a frame: its length in four bytes, and msgpack.
"""

import asyncio
import socket
import sys

import msgspec

from sessions import session_message
from sessions.domain.errors import DomainError, Reason
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.memory import tune_gc
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

# Of a part, read while the one before it is recorded.
_READ_AHEAD = 16 * 1024 * 1024
_LENGTH = 4
# All of them connect at the same moment.
_PATIENCE = 5.0


class Setup(msgspec.Struct):
    """What a recorder has to know.

    Attributes:
        database_url: where to record.
        seconds: that a statement may take.
        website: whose events.
        visitor_secret: makes the hashes of erased visitors.
    """

    database_url: str
    seconds: float
    website: Website
    visitor_secret: bytes


class Answer(msgspec.Struct, omit_defaults=True):
    """The outcome of a part: how many events were new or known, or why none was recorded.

    Attributes:
        new: events that weren't there before.
        known: events that were.
        reason: the name of the reason of an error of the domain, with its text and metadata.
        message: see `reason`.
        metadata: see `reason`.
    """

    new: int = 0
    known: int = 0
    reason: str = ""
    message: str = ""
    metadata: dict[str, str] = {}

    @classmethod
    def refused(cls, error: DomainError) -> "Answer":
        """The answer that carries an error."""
        return cls(reason=error.reason.name, message=error.message, metadata=error.metadata)

    def error(self) -> DomainError | None:
        """The error that it carries, if any."""
        if not self.reason:
            return None
        return DomainError(Reason[self.reason], self.message, **self.metadata)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next message.

    Raises:
        IncompleteReadError, ConnectionError: the other end is gone.
    """
    length = await reader.readexactly(_LENGTH)
    return await reader.readexactly(int.from_bytes(length))


def write_frame(writer: asyncio.StreamWriter, message: bytes) -> None:
    """Send a message."""
    writer.write(len(message).to_bytes(_LENGTH))
    writer.write(message)


async def _serve(end: socket.socket) -> None:
    """Record what comes, part by part, until no more comes."""
    reader, writer = await asyncio.open_connection(sock=end, limit=_READ_AHEAD)
    setup = msgspec.msgpack.decode(await read_frame(reader), type=Setup)
    decoder = msgspec.msgpack.Decoder(list[Event])
    tune_gc()
    database = Database(
        setup.database_url,
        name="recorder",
        pool_size=1,
        timeout=setup.seconds,
        patience=_PATIENCE,
    )
    async with database:
        visitors = Visitors(setup.visitor_secret)
        record = EventWriter(database, Partitions(database), visitors, session_message.encode)
        while True:
            try:
                frame = await read_frame(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            answer = await _answer(record, setup.website, decoder.decode(frame))
            write_frame(writer, msgspec.msgpack.encode(answer))


async def _answer(record: EventWriter, website: Website, events: list[Event]) -> Answer:
    try:
        return Answer(*await record(website, events))
    except DomainError as error:
        return Answer.refused(error)


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1]))))
