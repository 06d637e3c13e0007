"""The log of a worker: lines are written together, and none is kept when it ends."""

import asyncio
import json
import subprocess
import sys

_WORKER = """
import asyncio, os, structlog, sys
from sessions.logs import logging_to_stderr

async def main():
    with logging_to_stderr("info"):
        log = structlog.get_logger()
        log.info("one")
        log.debug("none")
        if "killed" in sys.argv:
            os._exit(0)
        await asyncio.sleep(0.5)
        print(flush=True)
        sys.stdin.read()
        log.info("two")
    log.info("three")

asyncio.run(main())
"""

_UNPRINTABLE = """
import asyncio, structlog
from sessions.logs import logging_to_stderr

async def main():
    with logging_to_stderr("info"):
        log = structlog.get_logger()
        log.info("one")
        log.info("two", fields={(1, 2): "secret"})
        log.info("three")

asyncio.run(main())
"""


async def test_lines_come_soon_and_the_last_ones_at_the_end() -> None:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WORKER),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert worker.stdout
    assert worker.stderr
    await worker.stdout.readline()
    line = await asyncio.wait_for(worker.stderr.readline(), 10)
    assert json.loads(line)["event"] == "one"
    _, rest = await worker.communicate(b"")
    assert [json.loads(line)["event"] for line in rest.splitlines()] == ["two", "three"]


def test_lines_wait_for_others() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _WORKER, "killed"], capture_output=True, check=True
    )
    assert killed.stderr == b""


def test_a_line_that_can_not_be_printed_takes_no_other_one_with_it() -> None:
    worker = subprocess.run(
        [sys.executable, "-c", _UNPRINTABLE], capture_output=True, check=True, text=True
    )
    lines = [json.loads(line) for line in worker.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["one", "two", "three"]
    assert lines[1]["unprintable"] == "TypeError"
    assert "secret" not in worker.stderr
