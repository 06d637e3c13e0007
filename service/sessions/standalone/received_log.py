"""The write-ahead log that `pg_receivewal` keeps, as `sessions restore` applies it.

PostgreSQL ends a recovery in silence where a segment is missing. So what it would not find is
refused here.
"""

import os
import re
import shutil
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from sessions.standalone.console import StartError

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_COMPRESSED = re.compile(r"[0-9A-F]{24}\.(gz|lz4)(\.partial)?")
_SEGMENT_BYTES = 16 * 2**20
_SEGMENTS_OF_A_LOG = 2**32 // _SEGMENT_BYTES


class _Segment(NamedTuple):
    """A segment: its timeline, and its place in the log."""

    timeline: int
    number: int

    def __str__(self) -> str:
        log, segment = divmod(self.number, _SEGMENTS_OF_A_LOG)
        return f"{self.timeline:08X}{log:08X}{segment:08X}"


def check_received_log(wal: Path) -> None:
    """Check that a folder holds segments and histories of timelines, and nothing else.

    Raises:
        StartError: it does not; says what to do.
    """
    if not wal.is_dir():
        raise StartError(f"{wal} is not a folder")
    for file in sorted(wal.iterdir()):
        _check_file(file)
    if not _segments(wal):
        raise StartError(f"{wal} holds no write-ahead log: name the folder of pg_receivewal")


def add_received_log(wal: Path, folder: Path) -> None:
    """Copy the log to that of a backup, which lies in `folder`.

    Raises:
        StartError: a segment is missing between the two, or in the log.
    """
    own = _segments(folder).keys()
    start = min(own)
    # Those before the backup, and timelines that it has left, are not needed.
    needed = {
        each: file
        for each, file in _segments(wal).items()
        if each.timeline >= start.timeline and each.number >= start.number
    }
    # What the backup has of a segment is whole.
    unfinished = {each for each, file in needed.items() if file.suffix} - own
    if gap := _first_gap(needed.keys() | own, unfinished):
        raise StartError(f"{wal} has a gap: there are segments after {gap}, but not all of it")
    for each, file in needed.items():
        if each in unfinished or not file.suffix:
            shutil.copyfile(file, folder / str(each))
            # The server expects the whole length.
            os.truncate(folder / str(each), _SEGMENT_BYTES)
    for file in wal.glob("*.history"):
        shutil.copyfile(file, folder / file.name)


def _check_file(file: Path) -> None:
    if compressed := _COMPRESSED.fullmatch(file.name):
        name = file.name.replace(f".{compressed[1]}", "")
        raise StartError(f"{file} is compressed: decompress it to {name} first, and remove it")
    is_segment = _NAME.fullmatch(file.name)
    if not file.is_file() or not (is_segment or _HISTORY.fullmatch(file.name)):
        raise StartError(f"{file} is no segment of the log: name a folder that has nothing else")
    # The one that was being written is the last one, and is read as far as it goes.
    if is_segment and not file.suffix and file.stat().st_size != _SEGMENT_BYTES:
        raise StartError(f"{file} is not whole: it should have {_SEGMENT_BYTES:,} bytes")


def _segments(folder: Path) -> dict[_Segment, Path]:
    """The segments in a folder; a whole one rather than what was written of it before."""
    found = {}
    # `….partial` before the name without it.
    for file in sorted(folder.iterdir(), reverse=True):
        if name := _NAME.fullmatch(file.name):
            timeline, log, segment = (int(part, 16) for part in name.groups()[:3])
            found[_Segment(timeline, log * _SEGMENTS_OF_A_LOG + segment)] = file
    return found


def _first_gap(segments: Collection[_Segment], unfinished: Collection[_Segment]) -> _Segment | None:
    """The first segment that is missing or unfinished although there are later ones."""
    reached: set[int] = set()
    for last, each in pairwise(sorted(segments)):
        reached.add(last.number)
        if each.timeline == last.timeline:
            if last in unfinished:
                return last
            if each.number != last.number + 1:
                return _Segment(last.timeline, last.number + 1)
        # A timeline begins in a segment of an older one.
        elif not reached & {each.number, each.number - 1}:
            return _Segment(each.timeline, each.number - 1)
    return None
