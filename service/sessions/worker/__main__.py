"""Run one worker: `python -m sessions.worker PORT`; a child process of `up` and `serve`.

It is no command of `sessions`, so that a worker loads nothing of the command line.
"""

import sys

import uvloop

from sessions.domain.errors import DomainError
from sessions.memory import tune_gc
from sessions.settings import Settings
from sessions.worker.runtime import run_worker


def main(port: int) -> None:
    """Serve until a signal; what goes wrong is one message on stderr, and exit status 1."""
    settings = Settings()
    tune_gc()
    try:
        uvloop.run(run_worker(settings, port))
    except (DomainError, OSError) as error:
        sys.exit(f"sessions: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
