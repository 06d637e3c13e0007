"""Funnels of random groups of events, counted here and by ClickHouse's windowFunnel.

They mean the same where no event matches two steps and no two events of a group have the same
time. In strict order windowFunnel gives up at the first event that breaks a chain, and does not
take another first step for one: it is asked about the events from each start on, up to the next
first step behind another event, and the best of its answers counts.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from sessions.analysis.chains import Events, best_chains

_GROUPS, _WINDOW, _STEPS = 1_000, 50, "abc"
_QUERY = """
SELECT number, windowFunnel({window}{mode})(at, letter = 'a', letter = 'b', letter = 'c') AS level
  FROM VALUES('number UInt32, at UInt64, letter String', {rows})
 GROUP BY number HAVING level > 0 FORMAT TSV
"""

Group = Sequence[tuple[int, str]]
"""Events: when each was, and which step it matches, if any."""


def disagreements(clickhouse: Any, seed: int = 1) -> int:
    """In how many random groups the two do not agree, in either order."""
    chance = Random(seed)  # noqa: S311
    groups: list[Group] = [
        list(zip(sorted(chance.sample(range(120), 8)), chance.choices("abcx", k=8), strict=True))
        for _ in range(_GROUPS)
    ]
    ordered = zip(_ours(groups, is_strict=False), _theirs(clickhouse, groups, ""), strict=True)
    starts = [
        (number, group[at : at + _length(group[at:])])
        for number, group in enumerate(groups)
        for at, (_, letter) in enumerate(group)
        if letter == "a"
    ]
    best = [0] * len(groups)
    levels = _theirs(clickhouse, [each for _, each in starts], ", 'strict_order'")
    for (number, _), level in zip(starts, levels, strict=True):
        best[number] = max(best[number], level)
    strict = zip(_ours(groups, is_strict=True), best, strict=True)
    return sum(one != other for one, other in (*ordered, *strict))


def _length(group: Group) -> int:
    """How many events there are before a first step behind another event."""
    letters = "".join(letter for _, letter in group)
    return len(letters) - len(letters.lstrip("a")) + len(letters.lstrip("a").partition("a")[0])


def _ours(groups: Sequence[Group], *, is_strict: bool) -> list[int]:
    numbers = np.repeat(np.arange(len(groups), dtype=np.int32), [len(each) for each in groups])
    times = np.array([at for group in groups for at, _ in group], np.int64)
    letters = np.array([letter for group in groups for _, letter in group])
    events = Events(numbers, times, [letters == step for step in _STEPS], _WINDOW)
    chains = best_chains(events, np.flatnonzero(letters == "a"), is_strict=is_strict)
    levels = np.zeros(len(groups), np.int64)
    levels[chains.groups] = chains.levels
    found: list[int] = levels.tolist()
    return found


def _theirs(clickhouse: Any, groups: Sequence[Group], mode: str) -> list[int]:
    rows = ",".join(
        repr((number, at, letter)) for number, group in enumerate(groups) for at, letter in group
    )
    found = [0] * len(groups)
    answer = str(clickhouse.query(_QUERY.format(window=_WINDOW, mode=mode, rows=rows)))
    for line in filter(None, answer.split("\n")):
        number, level = map(int, line.split("\t"))
        found[number] = level
    return found
