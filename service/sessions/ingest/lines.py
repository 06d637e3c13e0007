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
from typing import Any, BinaryIO, cast

from msgspec import Struct

MAX_LINE = 1024 * 1024
"""Bytes of a line, its end included; a longer one is not read into memory."""

STDIN = "-"
"""The name that stands for standard input."""

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNREADABLE = (
    (b"BZh", "packed with bzip2; unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it with unzstd"),
    (b"PK\x03\x04", "a zip archive; unpack it with unzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"\xff\xfe", "text in UTF-16; make it UTF-8 with iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "text in UTF-16; make it UTF-8 with iconv -f UTF-16 -t UTF-8"),
)
"""First bytes of what holds no lines, and what to do with it."""
_TAR_MAGIC, _TAR_OFFSET = b"ustar", 257
_FIRST_BYTES = 512


class Line(Struct, gc=False):
    """One line: its number, from 1, its bytes without the end of line, and that end."""

    number: int
    content: bytes
    end: bytes = b"\n"

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing but white space."""
        return not self.content or self.content.isspace()


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
    held_back: int = 0
    """Number of the last line, if `lines` has not given it because it may be cut off."""

    def position(self) -> int:
        """How many of the bytes on disk have been fetched; 0 for a pipe."""
        return self._raw.tell() if self.size else 0

    def lines(self, too_long: Callable[[int], None], *, complete: bool = True) -> Iterator[Line]:
        """The lines, blank ones too; calls `too_long` with the number of each that is left out.

        A last line without a line end may still be written to. Unless the file is known to be
        `complete`, it is held back: half a line can look like a whole one.

        Raises UnreadableFile.
        """
        number = 0
        try:
            while content := self._text.readline(MAX_LINE):
                number += 1
                is_whole = content.endswith(b"\n")
                if not is_whole and len(content) == MAX_LINE:
                    self._skip_line()
                    too_long(number)
                    continue
                if not (is_whole or complete):
                    self.held_back = number
                    return
                if number == 1:
                    content = content.removeprefix(_BYTE_ORDER_MARK)
                text = content.rstrip(b"\r\n")
                yield Line(number, text, content[len(text) :])
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
        # read1 gives what it has: read would lose that when the file breaks off.
        content = self._file.read1(len(buffer))
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or standard input for `-`; gzip is known by its first bytes.

    Raises UnreadableFile.
    """
    try:
        # Unbuffered, so that its position is that on disk.
        raw = sys.stdin.buffer if name == STDIN else open(name, "rb", buffering=0)  # noqa: SIM115
        buffered = io.BufferedReader(cast(io.RawIOBase, raw))
        # Standard input can't be rewound: peek leaves the bytes in the buffer.
        packed = buffered.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    except OSError as error:
        raise UnreadableFile(f"{name}: {_why(error)}") from error
    size = 0 if name == STDIN else os.fstat(raw.fileno()).st_size
    try:
        unpacked = cast(io.RawIOBase, _Unpacked(buffered))
        text = io.BufferedReader(unpacked) if packed else buffered
        _check_text(name, text)
        yield Source(name, size, cast(BinaryIO, raw), text)
    finally:
        buffered.detach()  # else it closes standard input
        if name != STDIN:
            raw.close()


def _check_text(name: str, text: "io.BufferedReader[io.RawIOBase]") -> None:
    """Refuse by name what would otherwise be thousands of broken lines."""
    try:
        first = text.peek(_FIRST_BYTES)[:_FIRST_BYTES]
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(f"{name}: {_why(error)} (after line 0)") from error
    what = next((what for magic, what in _UNREADABLE if first.startswith(magic)), "")
    if first.startswith(_TAR_MAGIC, _TAR_OFFSET):
        what = "a tar archive; unpack it with tar -x"
    elif len(first) > 2 and not any(first[1::2]) and all(first[::2]):
        what = "text in UTF-16; make it UTF-8 with iconv -f UTF-16LE -t UTF-8"
    elif len(first) > 2 and not any(first[::2]) and all(first[1::2]):
        what = "text in UTF-16; make it UTF-8 with iconv -f UTF-16BE -t UTF-8"
    if what:
        raise UnreadableFile(f"{name}: is {what}")


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
