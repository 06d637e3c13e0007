"""Transitions: from which pages the views of a page come, and to which ones they go on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import PAGE, Array, Columns, Flags, Integers
from sessions.analysis.grouping import distinct
from sessions.analysis.sequences import Items, sequences, word_number


class Neighbour(NamedTuple):
    """A page before or after: the views that it is next to, and the sessions that have them."""

    page: str
    views: int
    sessions: int


class TransitionResult(NamedTuple):
    """Where the views of a page come from, and where they go on to.

    `views` is `entries` and `reloads` and those of all pages before; it is also `exits` and
    `reloads` and those of all pages after. Neighbours come with the most views first.
    """

    sessions: int
    views: int
    entries: int
    exits: int
    reloads: int
    reload_sessions: int
    previous: list[Neighbour]
    following: list[Neighbour]


class Views(NamedTuple):
    """The views of a page in the selected sessions of a part.

    Attributes:
        sessions: the session of each view.
        previous: the word of the pageview before each one, -1 where there is none.
        following: the same of the pageview after it.
    """

    sessions: Integers
    previous: Integers
    following: Integers


def views_of(part: Columns, page: str) -> Views:
    """The views of a page; a view comes directly after another if no pageview is between them."""
    found = sequences(part, ("page",), collapse=False)
    word = word_number(part.words["step_item"], PAGE + page)
    views = np.flatnonzero(found.words == word) if word >= 0 else np.zeros(0, np.int64)
    sessions = np.searchsorted(found.ends, views, side="right")
    views, sessions = views[part.selected[sessions]], sessions[part.selected[sessions]]
    before, after = views - 1, views + 1
    words = np.append(found.words.astype(np.int64), -1)
    return Views(
        sessions,
        np.where(before >= found.starts[sessions], words[before], -1),
        np.where(after < found.ends[sessions], words[after], -1),
    )


def view_mask(
    part: Columns, page: str, side: str, is_wanted: Callable[[str | None], bool]
) -> Flags:
    """Which selected sessions have a view of a page with a wanted neighbour.

    Args:
        part: the sessions.
        page: the path of the page.
        side: `previous` or `next`.
        is_wanted: whether a page, its path given, is one of the neighbours; None is no page.
    """
    found = views_of(part, page)
    neighbours = found.previous if side == "previous" else found.following
    words = part.words["step_item"]
    # The last flag is that of views without a neighbour.
    flags = [word[0] == PAGE and is_wanted(word[1:]) for word in words] + [is_wanted(None)]
    mask = np.zeros(len(part), np.bool_)
    mask[found.sessions[np.array(flags)[neighbours]]] = True
    return mask


class TransitionAccumulator:
    """The transitions of a page in the selected sessions."""

    columns = ("step_item",)

    def __init__(self, page: str) -> None:
        self._page = page
        self._counts = np.zeros(6, np.int64)
        self._previous, self._following = _Neighbours(), _Neighbours()

    def add(self, part: Columns) -> None:
        """Take the views of the selected sessions."""
        found = views_of(part, self._page)
        word = word_number(part.words["step_item"], PAGE + self._page)
        is_reload = found.previous == word
        kinds = found.previous < 0, found.following < 0, is_reload
        self._counts += np.array(
            [
                len(distinct(found.sessions)),
                len(found.sessions),
                *map(np.count_nonzero, kinds),
                len(distinct(found.sessions[is_reload])),
            ]
        )
        self._previous.add(part, found.sessions, found.previous, word)
        self._following.add(part, found.sessions, found.following, word)

    def result(self) -> TransitionResult:
        """What was counted."""
        sessions, views, entries, exits, reloads, reload_sessions = self._counts.tolist()
        return TransitionResult(
            sessions=sessions,
            views=views,
            entries=entries,
            exits=exits,
            reloads=reloads,
            reload_sessions=reload_sessions,
            previous=self._previous.result(),
            following=self._following.result(),
        )


class _Neighbours:
    def __init__(self) -> None:
        self._items = Items()
        self._parts: list[tuple[Array, Integers, Integers]] = []

    def add(self, part: Columns, sessions: Integers, words: Integers, own: int) -> None:
        is_other = (words >= 0) & (words != own)
        sessions, words = sessions[is_other], words[is_other]
        size = len(part.words["step_item"])
        pairs = distinct(sessions * size + words)
        counts = np.bincount(words, minlength=size)
        used = np.flatnonzero(counts)
        of_sessions = np.bincount(pairs % size, minlength=size)
        self._parts.append((self._items.of(part, used), counts[used], of_sessions[used]))

    def result(self) -> list[Neighbour]:
        views, sessions = np.zeros((2, len(self._items)), np.int64)
        for numbers, counts, of_sessions in self._parts:
            views[numbers] += counts
            sessions[numbers] += of_sessions
        rows = zip(self._items.words, views.tolist(), sessions.tolist(), strict=True)
        found = [Neighbour(word[1:], *counts) for word, *counts in rows]
        return sorted(found, key=lambda row: (-row.views, row.page))
