"""Structured logs: one JSON object a line, on stderr, those of libraries too."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog

from sessions.tracing import trace_ids

# How long a line waits for others: writing each line by itself is expensive under load.
_SECONDS = 0.1


class _Batches:
    """Lines on their way to stderr, finished and written together a few times a second.

    A logger of structlog: its methods are named as the levels, and take the fields of a line.
    """

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._loop = asyncio.get_running_loop()
        self._ended = False

    def info(self, **fields: Any) -> None:
        """Keep a line until its time has come."""
        # The first line of a batch starts its timer.
        if not self._lines and not self._ended:
            self._loop.call_later(_SECONDS, self.write_out)
        self._lines.append(fields)
        if self._ended:
            self.write_out()

    debug = warning = error = critical = info

    def write_out(self) -> None:
        """Write what is waiting."""
        # One after the other, they take a third of the time that each would take by itself.
        waiting, self._lines = self._lines, []
        lines = [_finish(None, "", fields) for fields in waiting]
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()

    def end(self) -> None:
        """Write what is waiting, and whatever comes later at once."""
        self._ended = True
        self.write_out()


_render = structlog.processors.JSONRenderer()


def _finish(_: object, __: str, fields: structlog.typing.EventDict) -> str:
    """The line of some fields, of which the time is in seconds since 1970."""
    moment = datetime.fromtimestamp(fields["timestamp"], UTC)
    fields["timestamp"] = moment.isoformat().replace("+00:00", "Z")
    try:
        return str(_render(None, "", fields))
    except Exception as error:  # other lines wait with this one
        kept = {name: fields[name] for name in ("event", "level", "timestamp")}
        return str(_render(None, "", kept | {"unprintable": type(error).__name__}))


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


def _configure(level: str, batches: _Batches) -> None:
    known: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        _add_trace_ids,
        structlog.processors.TimeStamper(),
        structlog.processors.format_exc_info,
    ]
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=known,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: batches,
        cache_logger_on_first_use=True,
    )
    # Libraries log from any thread, and seldom.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(_finish, foreign_pre_chain=known))
    handler.addFilter(_NoHeaders())
    logging.basicConfig(handlers=[handler], level=number, force=True)
