"""Workers get the time to stop that they take."""

import signal

from sessions.settings import Settings
from sessions.standalone.metrics_page import metrics_page
from sessions.standalone.ports import ReservedPort
from sessions.standalone.workers import workers
from sessions.worker.signals import LAME_DUCK_SECONDS


def test_only_a_worker_that_others_call_has_a_lame_duck_period() -> None:
    settings = Settings(drain_timeout=7)
    with ReservedPort("127.0.0.1", 0, "none") as port, metrics_page(settings) as page:
        [lame_duck] = workers([port], settings, "", page, lame_duck=True)
        [immediate] = workers([port], settings, "", page, lame_duck=False)
    assert lame_duck.stop_signal == signal.SIGTERM
    assert immediate.stop_signal != signal.SIGTERM
    assert immediate.stop_timeout > 7
    assert lame_duck.stop_timeout == immediate.stop_timeout + LAME_DUCK_SECONDS
