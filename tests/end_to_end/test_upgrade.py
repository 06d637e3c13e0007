"""Workers are replaced one after the other, by another version and back, and no caller notices.

The other version is the release before, out of the history of this repository. The schema is
migrated meanwhile; afterwards the older workers run on the newer schema.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import pytest
from sessions.standalone.envoy import command
from sessions.worker.health import is_serving

from tests.support.load import READERS, load, running_database
from tests.support.processes import PATIENCE, free_range
from tests.support.stack import Stack
from tests.support.tools import missing
from tests.support.writers import Service, check, check_answers, check_lists

ROOT = Path(__file__).parents[2]
PREVIOUS = "69614ccf09839248987d77a3617eddf183911f84"
"""The last commit of the release before; this one's migrations came after it."""
WORKERS = 2
RENDER = """
import sys
from sessions import gateway
ports = [int(port) for port in sys.argv[2:]]
print(gateway.render(host="127.0.0.1", port=int(sys.argv[1]), request_timeout=10,
                     workers=[("127.0.0.1", port) for port in ports]))
"""


@dataclass(frozen=True)
class Version:
    """The environment in which a version of the service runs."""

    name: str
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """What a Python command of this version prints."""
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def serve(self, port: int, log: Path) -> "subprocess.Popen[str]":
        """Start one worker."""
        environment = {**self.environment, "SESSIONS_WORKER_PORTS": str(port)}
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "sessions", "serve"],
                env=environment,
                stdout=output,
                stderr=output,
                text=True,
            )


@pytest.fixture(scope="module")
def previous_code() -> Iterator[Path]:
    """The code of the release before."""
    done = subprocess.run(
        ["git", "archive", PREVIOUS, "service", "sdk/python"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        missing(f"the history of the repository is not here: {done.stderr.decode()}")
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as folder:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            # There are no filters before Python 3.11.4.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder)  # noqa: S202 - of this repository
        yield Path(folder)


def versions(database_url: str, code: Path) -> tuple[Version, Version]:
    """The release before, and this one."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")},
        "DATABASE_URL": database_url,
        "SESSIONS_WORKERS": "1",
        "SESSIONS_LOG_LEVEL": "warning",
    }
    path = os.pathsep.join([str(code / "service"), str(code / "sdk" / "python")])
    return (
        Version("previous", {**environment, "PYTHONPATH": path}),
        Version("this", environment),
    )


class Workers:
    """The workers behind Envoy, each a `sessions serve` of its own."""

    def __init__(self, ports: Sequence[int], folder: Path) -> None:
        self._ports = ports
        self._folder, self._log = folder, folder / "workers.log"
        self._running: dict[int, subprocess.Popen[str]] = {}

    def start(self, version: Version) -> None:
        for port in self._ports:
            self._running[port] = version.serve(port, self._log)
        for port in self._ports:
            self._wait(port)

    def replace(self, version: Version) -> None:
        """One after the other, as docs/operations.md says."""
        for port in self._ports:
            self._running[port].send_signal(signal.SIGTERM)
            assert self._running[port].wait(PATIENCE) == 0, self._log.read_text()
            self._running[port] = version.serve(port, self._log)
            self._wait(port)
            self._wait_for_envoy()

    def _wait_for_envoy(self) -> None:
        """Wait until Envoy, which asks once a second, sends calls to all of them."""
        address = (self._folder / "envoy.admin").read_text().strip()
        url = f"http://{address}/stats?filter=cluster.workers.membership_healthy"
        deadline = time.monotonic() + PATIENCE
        healthy = 0
        while healthy < len(self._ports):
            assert time.monotonic() < deadline
            with urlopen(url, timeout=5) as answer:
                healthy = int(answer.read().split()[-1])
            time.sleep(0.1)

    @property
    def address(self) -> str:
        """Where the first one listens, without Envoy."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def any(self) -> "subprocess.Popen[str]":
        """The process of one of them."""
        return next(iter(self._running.values()))

    def stop(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            process.wait(PATIENCE)

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while not asyncio.run(is_serving(f"127.0.0.1:{port}")):
            assert self._running[port].poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)


@contextmanager
def running_envoy(
    folder: Path, version: Version, port: int, workers: Sequence[int]
) -> Iterator[str]:
    """An Envoy of one's own; yields its address."""
    config = folder / "envoy.json"
    config.write_text(version.run("-c", RENDER, str(port), *map(str, workers)))
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command(config), stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def new_service(stack: Stack, version: Version) -> Service:
    """Two websites and a key for everything."""
    create = ("websites", "create", "--name", "test")
    websites = [version.run("-m", "sessions", *create).strip() for _ in range(2)]
    scopes = ("--scope", "sessions:read", "--scope", "events:write")
    key = version.run("-m", "sessions", "keys", "create", "--name", "test", *scopes).strip()
    return Service(stack, websites, key)


@pytest.mark.timeout(900)  # a minute, but for a busy machine
def test_no_call_fails_during_an_upgrade_and_the_way_back(previous_code: Path) -> None:
    seed = "upgrade"
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-")))
        folder.chmod(0o755)
        url = exits.enter_context(running_database(folder))
        previous, this = versions(url, previous_code)
        assert str(previous_code) in previous.run("-c", "import sessions; print(sessions.__file__)")
        previous.run("-m", "sessions", "migrate")
        first = free_range(WORKERS + 1)
        ports = range(first + 1, first + 1 + WORKERS)
        workers = Workers(ports, folder)
        exits.callback(workers.stop)
        workers.start(previous)
        # Envoy is upgraded last, and taken back first.
        address = exits.enter_context(running_envoy(folder, previous, first, ports))
        service = new_service(Stack(address, url, {}, workers.any), previous)
        with load(service, seed) as (ledgers, readings):
            this.run("-m", "sessions", "migrate")
            workers.replace(this)
            workers.replace(previous)
        failures = [text for each in readings for _, text in each.failures]
        met = sum((ledger.counts for ledger in ledgers), Counter[str]())
        answers = sum((each.answers for each in readings), Counter[str]())
        print(f"{dict(met)}, {dict(answers)}", flush=True)
        assert failures == []
        assert [each for ledger in ledgers for each in ledger.unexpected] == []
        assert set(met) == {"batches", "sent again for no reason"}
        assert len(answers) == READERS
        counts, sessions = asyncio.run(check(service, ledgers, seed))
        assert counts["acknowledged"] == counts["stored"] > 0
        check_answers(service, sessions)
        # What the older workers have changed is right for the newer ones, too.
        newer = Workers([free_range(1)], folder)
        exits.callback(newer.stop)
        newer.start(this)
        for website, expected in sessions.items():
            check_lists(newer.address, service.key, website, expected)
