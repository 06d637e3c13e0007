"""Reading what was recorded: the position of a commit, in answers and in the calls after it.

Where there are replicas, a call that records or erases answers with the position in the database's
log at which it is done: in the header `x-sessions-position`, or when a stream ends in its trailing
metadata. A call that sends it reads from no replica that has not come so far.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sessions.api.call import Call
from sessions.domain.api_keys import Scope
from sessions.domain.errors import InvalidArgument, Violation
from sessions.storage.positions import noted_commits, noting_commits
from sessions.storage.replicas import Replicas

HEADER = "x-sessions-position"
_POSITION = re.compile(r"[0-9a-f]{16}")


@contextmanager
def at_position(replicas: Replicas | None, call: Call) -> Iterator[None]:
    """Let the call read from a replica that has what it asks for, or note what it commits.

    Raises:
        InvalidArgument: the position of the call is none.
    """
    after = _asked(call)
    if not replicas:
        yield
    elif call.method.scope is Scope.SESSIONS_READ:
        with replicas.reading(after):
            yield
    else:
        with noting_commits():
            yield


def position_header() -> dict[str, str]:
    """The position of what the call has committed; empty where it has nothing, or nobody asks."""
    commits = noted_commits()
    return {HEADER: f"{commits.position:016x}"} if commits and commits.position else {}


def _asked(call: Call) -> int:
    """The position that a call has to read, 0 without one."""
    text = call.header(HEADER)
    if text is None:
        return 0
    if not _POSITION.fullmatch(text):
        problem = "is no position; send what a call answered in this header, or leave it out"
        raise InvalidArgument(Violation(HEADER, problem))
    return int(text, 16)
