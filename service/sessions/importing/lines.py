"""Lines of files, plain or gzipped, in constant memory."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

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


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, piece by piece: all that can be read before it breaks off.

    A buffer around it finds lines in C; GzipFile does so in Python.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=packed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # `Buffer` has no length for mypy
        content = self._file.read1(len(buffer))
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or standard input for `-`; gzip is known by its first bytes.

    Raises UnreadableFile.
    """
    try:
        raw = sys.stdin.buffer if name == STDIN else open(name, "rb", buffering=0)  # noqa: SIM115
        buffered = io.BufferedReader(cast(io.RawIOBase, raw))
        packed = buffered.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    except OSError as error:
        raise UnreadableFile(f"{name}: {_why(error)}") from error
    size = 0 if name == STDIN else os.fstat(raw.fileno()).st_size
    try:
        text = io.BufferedReader(_Unpacked(buffered)) if packed else buffered
        yield Source(name, size, cast(BinaryIO, raw), text)
    finally:
        buffered.detach()  # else it closes standard input
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
