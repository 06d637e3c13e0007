"""Columns as the bytes of blocks, and back: see docs/decisions/0016-blocks.md for the format."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np

from sessions.analysis.columns import ALL, STEPS, WIDTHS, Array, Columns, smallest
from sessions.domain.block_header import BlockHeader
from sessions.domain.dimensions import TEXTS
from sessions.domain.hours import HOUR

FORMAT = 1
"""Changes with anything that is below, and with the rules of `sessions.domain.urls.split_url`,
which the words of steps follow: blocks of another format are built again."""

MAX_SESSIONS = 65_000
"""Of a block with more than one hour."""

_WITH_WORDS = (*TEXTS, "step_item")


def stored_columns(names: Collection[str]) -> tuple[str, ...]:
    """The stored columns that hold these columns, in the order of their checksums."""
    return tuple(
        stored
        for name in ALL
        if name in names
        for stored in ((name, f"{name}_words") if name in _WITH_WORDS else (name,))
    )


STORED = stored_columns(ALL)
"""The columns of bytes that a block has."""

_CHECKSUM_BYTES = 4


class Damaged(Exception):
    """The bytes of a block are not those that were written."""


class Block(NamedTuple):
    """A block as it is stored; `columns` by the names of `STORED`."""

    header: BlockHeader
    columns: Mapping[str, bytes]


def split(columns: Columns, most: int = MAX_SESSIONS) -> Iterator[Columns]:
    """Cut sessions into whole hours, so that no part has more than `most` or is one hour."""
    hours = columns.hours
    begins = np.flatnonzero(np.diff(hours)) + 1
    if not len(columns):
        return
    if len(columns) <= most or not len(begins):
        yield columns
        return
    cut = begins[np.abs(begins - len(columns) / 2).argmin()]
    yield from split(columns.take(np.arange(cut)), most)
    yield from split(columns.take(np.arange(cut, len(columns))), most)


def encode(website_key: int, columns: Columns) -> Block:
    """The block of some sessions, at least one, with all columns."""
    arrays, stored = dict(columns.arrays), {}
    first, last = int(columns.hours[0]), int(columns.hours[-1])
    # Differences are small numbers, which take fewer bytes.
    arrays["started_at"] = np.diff(columns["started_at"], prepend=first * HOUR)
    for name in ALL:
        if name in _WITH_WORDS:
            words, arrays[name] = _used(columns.words[name], arrays[name])
            stored[f"{name}_words"] = "".join(f"{word}\0" for word in words).encode()
        stored[name] = smallest(arrays[name]).tobytes()
    counts = len(columns), len(columns["step_gap"])
    sums = b"".join(_column_checksum(stored[name]) for name in STORED)
    header = BlockHeader(website_key, first, last, FORMAT, *counts, sums)
    return Block(header._replace(checksum=_header_checksum(header) + sums), stored)


def is_intact(header: BlockHeader) -> bool:
    """Whether the block was written by this format for this website and these hours."""
    own, sums = header.checksum[:_CHECKSUM_BYTES], header.checksum[_CHECKSUM_BYTES:]
    return header.format == FORMAT and own == _header_checksum(header._replace(checksum=sums))


def decode(header: BlockHeader, stored: Mapping[str, bytes]) -> Columns:
    """The columns that stored ones hold.

    Raises:
        Damaged: a checksum does not fit.
    """
    _check(header, stored)
    arrays, words = {}, {}
    for name in ALL:
        if name in stored:
            arrays[name] = _array(stored[name], header.steps if name in STEPS else header.sessions)
        if name in stored and name in _WITH_WORDS:
            words[name] = stored[f"{name}_words"].decode().split("\0")[:-1]
    starts = np.cumsum(arrays["started_at"], dtype=np.int64)
    arrays["started_at"] = starts + header.first_hour * HOUR
    return Columns(arrays, words, np.ones(header.sessions, np.bool_))


def _check(header: BlockHeader, stored: Mapping[str, bytes]) -> None:
    for position, name in enumerate(STORED, start=1):
        if name in stored:
            start = position * _CHECKSUM_BYTES
            expected = header.checksum[start : start + _CHECKSUM_BYTES]
            if _column_checksum(stored[name]) != expected:
                raise Damaged(f"the checksum of {name} does not fit")


def _column_checksum(data: bytes) -> bytes:
    return crc32(data).to_bytes(_CHECKSUM_BYTES, "little")


def _header_checksum(header: BlockHeader) -> bytes:
    """Covers what the block is of, so that no block passes for another one's."""
    return _column_checksum(repr(tuple(header)).encode())


def _used(words: Sequence[str], numbers: Array) -> tuple[Sequence[str], Array]:
    """Only the words that occur: others may have been erased."""
    occurs = np.bincount(numbers, minlength=len(words)) > 0
    if occurs.all():
        return words, numbers
    return [words[number] for number in np.flatnonzero(occurs).tolist()], (np.cumsum(occurs) - 1)[
        numbers
    ]


def _array(data: bytes, count: int) -> Array:
    # The width of the numbers is not stored: it follows from the length.
    return np.frombuffer(data, WIDTHS[len(data) // count])
