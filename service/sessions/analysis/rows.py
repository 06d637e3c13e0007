"""Columns from the rows of sessions and events, as `sessions.storage.session_arrays` reads them."""

from collections.abc import Mapping

import numpy as np

from sessions.analysis.columns import PAGE, Array, Columns, smallest
from sessions.domain.dimensions import TEXTS
from sessions.domain.urls import split_url

# Microseconds from 1970 to 2000, from where PostgreSQL counts.
_ROWS_EPOCH = 946_684_800_000_000

_TYPES = {"pageviews": ">i4", "events": ">i4", "is_bot": "u1"}


def columns_of(fetched: Mapping[str, bytes]) -> Columns:
    """The columns of some rows.

    Args:
        fetched: from `session_arrays.fetch`: big-endian integers, texts with a NUL between them.
            Steps come as `step_at` and `step_item`.
    """
    arrays: dict[str, Array] = {}
    words: dict[str, list[str]] = {}
    for name, data in fetched.items():
        if name in TEXTS:
            words[name], arrays[name] = _numbered(data)
        elif name == "step_item":
            words[name], arrays[name] = _numbered_steps(data)
        else:
            arrays[name] = np.frombuffer(data, _TYPES.get(name, ">i8"))
    ended_at, step_at = arrays.pop("ended_at", None), arrays.pop("step_at", None)
    arrays = {name: array.astype(array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    if ended_at is not None:
        arrays["duration"] = ended_at - arrays["started_at"]
    arrays["started_at"] += _ROWS_EPOCH
    columns = Columns(arrays, words, np.ones(len(arrays["started_at"]), np.bool_))
    if step_at is not None:
        arrays["step_gap"] = _gaps(step_at, columns)
    return columns.take(np.lexsort((arrays["visitor_key"], arrays["started_at"])))


def _gaps(step_at: Array, columns: Columns) -> Array:
    """Microseconds between each step and the one before it; 0 for the first of a session."""
    gaps = np.diff(step_at, prepend=0)
    gaps[columns.step_starts] = 0
    return gaps


def _numbered(data: bytes) -> tuple[list[str], Array]:
    """The sorted words of some texts, and the number of each text's word."""
    texts = data.split(b"\0")
    words = sorted(set(texts))
    numbers = {word: number for number, word in enumerate(words)}
    found = np.fromiter(map(numbers.__getitem__, texts), np.uint32, len(texts))
    return [word.decode() for word in words], smallest(found)


def _numbered_steps(data: bytes) -> tuple[list[str], Array]:
    """The same for steps; of a page its URL has come."""
    sent, numbers = _numbered(data)
    texts = [_step_word(word) for word in sent]
    words = sorted(set(texts))
    new_numbers = {word: number for number, word in enumerate(words)}
    return words, smallest(np.array([new_numbers[text] for text in texts], np.uint32)[numbers])


def _step_word(sent: str) -> str:
    """The word of a step: a page is what filters take it for, whatever its URL."""
    kind, value = sent[:1], sent[1:]
    return kind + (split_url(value).path if kind == PAGE else value)


def count(started_at: bytes) -> int:
    """How many sessions these starts are of."""
    return len(started_at) // 8


def cuts(started_at: bytes, steps: bytes, *, most_sessions: int, most_steps: int) -> list[int]:
    """Where to cut sessions, so that each part can be held in memory.

    Args:
        started_at: of all sessions in question, as they are fetched.
        steps: how many steps each has.
        most_sessions: of a part.
        most_steps: of a part; a session with more is a part of its own.

    Returns:
        Microseconds since 1970: each part but the last ends before one of them.
    """
    starts = np.frombuffer(started_at, ">i8").astype(np.int64) + _ROWS_EPOCH
    order = np.argsort(starts, kind="stable")
    # ends: for each session, in order, how many steps it and those before it have.
    starts, ends = starts[order], np.cumsum(np.frombuffer(steps, ">i4")[order], dtype=np.int64)
    found: list[int] = []
    first = taken = 0
    while first < len(starts):
        full = int(np.searchsorted(ends, taken + most_steps, side="right"))
        last = min(max(full, first + 1), first + most_sessions, len(starts)) - 1
        # Sessions of one moment stay together.
        first = int(np.searchsorted(starts, starts[last], side="right"))
        taken = int(ends[first - 1])
        found += map(int, starts[first : first + 1])
    return found
