"""The running service that the SDKs' own suites are pointed at, by environment variables.

| variable | what it is |
|---|---|
| `SESSIONS_ADDRESS` | address of Envoy, `http://127.0.0.1:<port>` |
| `SESSIONS_KEY` | a key with every scope |
| `SESSIONS_READ_KEY` | a key that may only read sessions |
| `SESSIONS_WEBSITE_ID` | a website with `SESSIONS` sessions on 2026-03-03 |
| `SESSIONS_CASES` | the file with the cases of all SDKs, and values for them |
| `SESSIONS_RESTART` | a command that kills all workers at once; they come back by themselves |

The sessions are those of the visitors `visitor-000` to `visitor-249`, one each; each has two
pageviews, but that of `visitor-000`, which has `LONG` events. Every fifth one is from `DE`, the
others from `US`.
"""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.events import EventInput
from sessions.settings import Settings

from tests.support.stack import Stack, running_stack

ROOT = Path(__file__).parents[2]
CASES = ROOT / "sdk/cases.json"
PLAN = json.loads(CASES.read_text())
"""The cases that the suite of each SDK has a test of, and values for them."""
SESSIONS = 250
LONG = 1_200
SUITE_SECONDS = 900
"""For a suite, or for building it, on a busy machine that has compiled nothing of it before."""
_DAY = datetime(2026, 3, 3, 8, tzinfo=UTC)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The service on an embedded PostgreSQL of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data", SESSIONS_REQUEST_TIMEOUT="60") as running,
    ):
        yield running


@pytest.fixture(scope="session")
def sdk_environment(stack: Stack) -> dict[str, str]:
    """The environment for the suite of an SDK, with data to read; see the top of this file."""
    found = asyncio.run(_fill(stack.database_url))
    restart = [sys.executable, "-m", "tests.support.restart", str(stack.process.pid)]
    return (
        dict(os.environ)
        | found
        | {
            "SESSIONS_ADDRESS": stack.address,
            "SESSIONS_RESTART": shlex.join(restart),
            "SESSIONS_CASES": str(CASES),
            "PYTHONPATH": str(ROOT),
        }
    )


def cases_of(language: str) -> dict[str, str]:
    """The cases that hold in a language, and what they say."""
    only: dict[str, list[str]] = PLAN["only"]
    return {
        case: text for case, text in PLAN["cases"].items() if language in only.get(case, [language])
    }


def run_suite(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run the suite of an SDK in its folder; its output is shown when it fails, and returned."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{shlex.join(command)} failed, see its output"
    return done.stdout


async def _fill(database_url: str) -> dict[str, str]:
    async with open_application(database_url, Settings()) as application:
        website_id = await application.websites.create("sdk")
        await _record(application, website_id)
        everything = await application.api_keys.create("all", list(Scope))
        reading = await application.api_keys.create("read", [Scope.SESSIONS_READ])
    return {
        "SESSIONS_WEBSITE_ID": website_id,
        "SESSIONS_KEY": everything,
        "SESSIONS_READ_KEY": reading,
    }


async def _record(application: Application, website_id: str) -> None:
    website = await application.websites.get(website_id)
    sent = [
        EventInput(
            event_type="pageview",
            timestamp=_DAY + timedelta(minutes=number, seconds=second),
            visitor_id=f"visitor-{number:03}",
            url=f"https://shop.example/products/{second}",
            country="US" if number % 5 else "DE",
        )
        for number in range(SESSIONS)
        for second in range(2 if number else LONG)
    ]
    events = application.enricher.enrich_all(
        sent, website_id=website_id, received_at=_DAY + timedelta(days=1)
    )
    await application.write_events(website, events)
