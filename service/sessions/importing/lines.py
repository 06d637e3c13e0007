"""Lines of files, plain or gzipped, in constant memory."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

MAX_LINE = 1024 * 1024
"""Bytes of a line, its end included; a longer one is not read into memory."""

STDIN = "-"
"""The name that stands for standard input."""

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line: its number, from 1, and its bytes without the end of line."""

    number: int
    content: bytes


class UnreadableFile(OSError):
    """A file can't be opened, or not be read to its end; the message names it and says why."""


@dataclass(slots=True)
class Source:
    """An open file."""

    name: str
    size: int
    """Bytes on disk; 0 where nobody knows, as with a pipe."""
    _raw: BinaryIO
    _text: BinaryIO

    def position(self) -> int:
        """How many of the bytes on disk have been fetched; 0 for a pipe."""
        return self._raw.tell() if self.size else 0

    def lines(self, too_long: Callable[[int], None]) -> Iterator[Line]:
        """The lines that aren't blank; calls `too_long` with the number of each that is left out.

        Raises UnreadableFile.
        """
        number = 0
        try:
            while content := self._text.readline(MAX_LINE):
                number += 1
                if len(content) == MAX_LINE and not content.endswith(b"\n"):
                    self._skip_line()
                    too_long(number)
                    continue
                if number == 1:
                    content = content.removeprefix(_BYTE_ORDER_MARK)
                content = content.rstrip(b"\r\n")
                if content and not content.isspace():
                    yield Line(number, content)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(f"{self.name}: {_why(error)} (after line {number:,})") from error

    def _skip_line(self) -> None:
        while (rest := self._text.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or standard input for `-`; gzip is known by its first bytes.

    Raises UnreadableFile.
    """
    try:
        raw = sys.stdin.buffer if name == STDIN else open(name, "rb")  # noqa: SIM115
        peekable = cast(io.BufferedReader, raw)
        packed = peekable.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
        size = raw.seek(0, io.SEEK_END) if raw.seekable() and name != STDIN else 0
        if size:
            raw.seek(0)
    except OSError as error:
        raise UnreadableFile(f"{name}: {_why(error)}") from error
    try:
        # GzipFile reads lines in Python, a buffer around it does so in C
        text = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
        yield Source(name, size, raw, cast(BinaryIO, text))
    finally:
        if name != STDIN:
            raw.close()


def total_size(files: Iterable[str]) -> int:
    """Bytes on disk of all files together; 0 if one of them is standard input."""
    names = list(files)
    return 0 if STDIN in names else sum(Path(name).stat().st_size for name in names)


def _why(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the gzip file is cut off"
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return "the gzip file is damaged"
    return (isinstance(error, OSError) and error.strerror) or str(error)
