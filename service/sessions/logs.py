"""Structured logs: one JSON object a line, on stderr, those of libraries too."""

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from sessions.tracing import trace_ids

# How long a line waits for others: writing each line by itself is expensive under load.
_SECONDS = 0.1


class _Batches(io.StringIO):
    """Lines on their way to stderr, written together a few times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._ended = False

    def write(self, line: str) -> int:
        """Keep a line until its time has come."""
        if self._ended:
            return sys.stderr.write(line)
        # The first line of a batch starts its timer.
        if not self.tell():
            self._loop.call_later(_SECONDS, self.write_out)
        return super().write(line)

    def write_out(self) -> None:
        """Write what is waiting."""
        lines = self.getvalue()
        self.seek(0)
        self.truncate()
        sys.stderr.write(lines)
        sys.stderr.flush()

    def end(self) -> None:
        """Write what is waiting, and whatever comes later at once."""
        self._ended = True
        self.write_out()


class _NoHeaders(logging.Filter):
    """Takes out of lines of gRPC and asyncio what may hold a header: a key stands in one.

    gRPC logs the bytes of a header that is not UTF-8, and asyncio shows the exception that
    decoding them raised, whose representation has them too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line, without values that it was given."""
        if record.name.partition(".")[0] in ("grpc", "asyncio"):
            # The values are in `args` and in the exception; the first line of the message is the
            # template.
            if record.args:
                record.args = record.exc_info = None
            record.msg = str(record.msg).partition("\n")[0]
        return True


@contextmanager
def logging_to_stderr(level: str) -> Iterator[None]:
    """Log from `level` (debug, info, warning, error) on, while an event loop runs."""
    batches = _Batches()
    _configure(level, batches)
    try:
        yield
    finally:
        batches.end()


def _add_trace_ids(
    _: object, __: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    fields.update(trace_ids())
    return fields


def _configure(level: str, file: io.StringIO) -> None:
    known: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        _add_trace_ids,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[*known, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=True,
    )
    # Libraries log from any thread, and seldom.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            structlog.processors.JSONRenderer(), foreign_pre_chain=known
        )
    )
    handler.addFilter(_NoHeaders())
    logging.basicConfig(handlers=[handler], level=number, force=True)
