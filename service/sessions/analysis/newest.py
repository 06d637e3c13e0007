"""The newest of the selected sessions, for pages of a list."""

from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import Columns


class SessionKey(NamedTuple):
    """What identifies a session among columns: its start in microseconds, and its visitor."""

    started_at: int
    visitor_key: int


def newest(columns: Columns, most: int, before: int) -> list[SessionKey]:
    """The newest selected sessions, which hold the first `most` rows of any list of them.

    Columns do not know how a list orders sessions that started at one moment. So those at
    `before` count as none, and none of the last moment is left out.

    Args:
        columns: sessions, of which some are selected.
        most: how many rows there may be.
        before: no session starts after it (microseconds).
    """
    at = np.flatnonzero(columns.selected)
    starts = columns["started_at"][at]
    most += len(starts) - int(np.searchsorted(starts, before))
    if len(at) > most:
        first = int(np.searchsorted(starts, starts[-most]))
        at, starts = at[first:], starts[first:]
    return list(map(SessionKey, starts.tolist(), columns["visitor_key"][at].tolist()))
