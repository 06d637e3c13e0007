"""Workers get the time to stop that they take."""

import signal

from sessions.api.server import NOTICE_SECONDS
from sessions.processes.ports import ReservedPort
from sessions.processes.workers import workers
from sessions.settings import Settings


def test_a_worker_that_others_call_gives_notice() -> None:
    settings = Settings(drain_timeout=7)
    with ReservedPort("127.0.0.1", 0, "none") as port:
        [noticed] = workers([port], settings, "", notice=True)
        [at_once] = workers([port], settings, "", notice=False)
    assert noticed.stop_signal == signal.SIGTERM
    assert at_once.stop_signal != signal.SIGTERM
    assert at_once.stop_timeout > 7
    assert noticed.stop_timeout == at_once.stop_timeout + NOTICE_SECONDS
