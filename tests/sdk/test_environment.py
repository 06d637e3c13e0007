"""What the SDKs' suites are promised."""

import shlex
import subprocess
import time

from tests.sdk.conftest import LONG, ROOT, SESSIONS
from tests.support.restart import workers
from tests.support.stack import Stack


def test_data(stack: Stack, sdk_environment: dict[str, str]) -> None:
    path = f"/api/websites/{sdk_environment['SESSIONS_WEBSITE_ID']}/sessions"
    days = {"start_date": "2026-03-03", "end_date": "2026-03-03", "limit": 100}
    found, cursor = [], ""
    while cursor is not None:
        page = stack.request(path, days | {"cursor": cursor}, key=sdk_environment["SESSIONS_KEY"])
        found += page.json["sessions"]
        cursor = page.json["next_cursor"]
    assert len(found) == SESSIONS
    assert [session["pageviews"] for session in found] == [2] * (SESSIONS - 1) + [LONG]


def test_restart(stack: Stack, sdk_environment: dict[str, str]) -> None:
    before = workers(stack.process.pid)
    assert before
    subprocess.run(shlex.split(sdk_environment["SESSIONS_RESTART"]), cwd=ROOT, check=True)
    deadline = time.monotonic() + 120
    while set(workers(stack.process.pid)) & set(before) or not answers(stack, sdk_environment):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(stack: Stack, environment: dict[str, str]) -> bool:
    """Whether a call is answered, as the next test expects it."""
    path = f"/api/websites/{environment['SESSIONS_WEBSITE_ID']}/sessions"
    return stack.request(path, key=environment["SESSIONS_KEY"]).status == 200
