"""Workers on several hosts behind `sessions envoy`, with TLS: hosts come, go, die and freeze.

Each host is an address of the loopback network with a `sessions serve` of its own. What callers
met is printed: `pytest -rP tests/end_to_end/test_hosts.py` shows it.
"""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.domain.key_limits import KeyLimit
from sessions.settings import Settings

from tests.support.key_limits import answered_calls
from tests.support.load import READERS, WRITERS, load, running_database
from tests.support.processes import PATIENCE, SESSIONS, child_pids, free_range
from tests.support.stack import Stack
from tests.support.tls import Authority
from tests.support.writers import TRANSIENT, Service, check, check_answers, prepare

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SECONDS = 2.0
"""How long calls go on between two events."""


@dataclass
class Hosts:
    """Hosts of workers, and the Envoy in front of them."""

    folder: Path
    environment: Mapping[str, str]
    port: int
    running: "dict[str, subprocess.Popen[str]]" = field(default_factory=dict)
    address: str = ""

    def start(self, host: str) -> None:
        """Run a worker on a host, and wait until it serves."""
        variables = {"SESSIONS_WORKER_HOST": host, "SESSIONS_WORKER_PORTS": str(self.port)}
        assert self._run(host, "serve", **variables) == f"{host}:{self.port}"

    def start_envoy(self) -> None:
        """Run Envoy, and wait until a worker can answer."""
        self.address = self._run("envoy", "envoy")

    def _run(self, name: str, command: str, **variables: str) -> str:
        """Start a command of `sessions`; returns the first line that it prints."""
        with self._log.open("a") as log:
            self.running[name] = process = subprocess.Popen(
                [*SESSIONS, command],
                env={**self.environment, **variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout
        line = process.stdout.readline().strip()
        assert line, self._log.read_text()
        return line

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def list(self, *hosts: str) -> None:
        """Put hosts into the file of workers, at once, and wait until Envoy knows them."""
        unfinished = self.folder / "unfinished"
        unfinished.write_text("".join(f"{host}:{self.port}\n" for host in hosts))
        unfinished.rename(self.folder / "workers")
        if self.address:
            self.until("membership_total", len(hosts))

    def until(self, name: str, count: int) -> float:
        """Wait until Envoy counts so many workers; returns the seconds that it took."""
        began = time.monotonic()
        while self._count(name) != count:
            assert time.monotonic() - began < PATIENCE, self._log.read_text()
            time.sleep(0.02)
        return time.monotonic() - began

    def _count(self, name: str) -> int:
        address = (self.folder / "data" / "envoy.admin").read_text().strip()
        url = f"http://{address}/stats?filter=^cluster.workers.{name}$"
        with urlopen(url, timeout=5) as answer:
            return int(answer.read().split()[-1])

    def drain(self, host: str) -> None:
        """Stop a host in order."""
        process = self.running[host]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, self._log.read_text()

    def send(self, host: str, number: signal.Signals) -> None:
        """Send a signal to all processes of a host."""
        process = self.running[host]
        # Its parent first, which would start a worker again.
        for pid in (process.pid, *child_pids(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, host: str) -> None:
        """End all processes of a host."""
        self.send(host, signal.SIGKILL)
        self.running[host].communicate(timeout=PATIENCE)

    def end(self) -> None:
        """End everything that runs."""
        for name, process in self.running.items():
            process.send_signal(signal.SIGTERM if name == "envoy" else signal.SIGKILL)
            process.communicate(timeout=PATIENCE)


def settings(folder: Path, database_url: str) -> dict[str, str]:
    """What workers and Envoy are set up with: each shows the other a certificate."""
    authority = Authority(folder)
    worker, envoy = authority.issue("worker.example.com"), authority.issue("envoy.example.com")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")}
    return kept | {
        "DATABASE_URL": database_url,
        "SESSIONS_WORKERS": "1",
        "SESSIONS_WORKER_TLS_CERTIFICATE": str(worker.certificate),
        "SESSIONS_WORKER_TLS_KEY": str(worker.key),
        "SESSIONS_WORKER_TLS_CLIENT_CA": str(authority.file),
        "SESSIONS_DATA_DIR": str(folder / "data"),
        "SESSIONS_PORT": "0",
        "SESSIONS_WORKER_ADDRESSES_FILE": str(folder / "workers"),
        "SESSIONS_WORKER_TLS_CLIENT_CERTIFICATE": str(envoy.certificate),
        "SESSIONS_WORKER_TLS_CLIENT_KEY": str(envoy.key),
        "SESSIONS_WORKER_TLS_CA": str(authority.file),
        "SESSIONS_WORKER_TLS_NAMES": "worker.example.com",
        "SESSIONS_LOG_LEVEL": "warning",
    }


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """Workers on two hosts, and Envoy."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-")))
        folder.chmod(0o755)
        url = exits.enter_context(running_database(folder / "database"))
        made = Hosts(folder, settings(folder, url), free_range(1))
        exits.callback(made.end)
        subprocess.run([*SESSIONS, "migrate"], env=made.environment, check=True)
        for host in HOSTS[:2]:
            made.start(host)
        made.list(*HOSTS[:2])
        made.start_envoy()
        made.until("membership_healthy", 2)
        yield made


@pytest.fixture
def service(hosts: Hosts) -> Service:
    """Two websites, and a key for everything."""
    url = hosts.environment["DATABASE_URL"]
    return asyncio.run(prepare(Stack(hosts.address, url, {}, hosts.running["envoy"])))


@dataclass(frozen=True)
class Met:
    """What callers met: writers, and readers."""

    written: "Counter[str]"
    answers: "Counter[str]"
    failures: Sequence[str]


def under_load(service: Service, act: Callable[[], object], seed: str) -> Met:
    """Let something happen while everybody calls, and compare what is stored then."""
    with load(service, seed) as (ledgers, readings):
        time.sleep(SECONDS)
        act()
        time.sleep(SECONDS)
    met = Met(
        sum((ledger.counts for ledger in ledgers), Counter[str]()),
        sum((each.answers for each in readings), Counter[str]()),
        [text for each in readings for _, text in each.failures],
    )
    print(f"{seed}: {dict(met.written)}, {dict(met.answers)}, {met.failures}", flush=True)
    assert [each for ledger in ledgers for each in ledger.unexpected] == []
    assert len(met.answers) == READERS
    counts, sessions = asyncio.run(check(service, ledgers, seed))
    assert counts["stored"] >= counts["acknowledged"] > 0
    check_answers(service, sessions)
    return met


def test_hosts_are_drained_and_replaced_without_a_failed_call(
    hosts: Hosts, service: Service
) -> None:
    first, second, third = HOSTS

    def replace() -> None:
        hosts.start(third)
        hosts.list(*HOSTS)
        hosts.until("membership_healthy", 3)
        # One is stopped, and then taken out of the file; the other one the other way round.
        hosts.drain(first)
        hosts.list(second, third)
        hosts.list(third)
        hosts.drain(second)

    met = under_load(service, replace, "replaced")
    assert met.failures == []
    assert set(met.written) <= {"batches", "sent again for no reason"}
    for host in (first, second):
        hosts.start(host)
    hosts.list(*HOSTS)


def test_workers_of_all_hosts_together_keep_to_the_limit_of_a_key(
    hosts: Hosts, service: Service
) -> None:
    hosts.until("membership_healthy", 3)

    async def counted() -> int:
        async with open_application(service.stack.database_url, Settings()) as application:
            limits = {KeyLimit.CALLS: 50}
            key = await application.api_keys.create("test", [Scope.SESSIONS_READ], limits=limits)
        return await answered_calls(hosts.address, key, service.website_ids[0], SECONDS)

    found = asyncio.run(counted()) / SECONDS
    print(f"{found} of 50 calls a second")
    assert 0.8 <= found / 50 <= 1.2


def test_a_host_that_is_killed_costs_no_read(hosts: Hosts, service: Service) -> None:
    def kill() -> None:
        hosts.kill(HOSTS[0])
        print(f"unhealthy after {hosts.until('membership_healthy', 2):.2f} s")

    assert_only_writes_in_flight_fail(under_load(service, kill, "killed"))
    hosts.start(HOSTS[0])
    hosts.until("membership_healthy", 3)


def test_a_host_that_is_frozen_costs_no_read(hosts: Hosts, service: Service) -> None:
    """One that is cut off is the same for Envoy: nobody answers, and no connection is closed."""

    def freeze() -> None:
        hosts.send(HOSTS[1], signal.SIGSTOP)
        print(f"unhealthy after {hosts.until('membership_healthy', 2):.2f} s")
        time.sleep(SECONDS)
        hosts.send(HOSTS[1], signal.SIGCONT)
        print(f"healthy after {hosts.until('membership_healthy', 3):.2f} s")

    assert_only_writes_in_flight_fail(under_load(service, freeze, "frozen"))


def assert_only_writes_in_flight_fail(met: Met) -> None:
    """Each writer has one call in flight; it is told that it may send that again."""
    assert met.failures == []
    assert sum(met.written[code] for code in TRANSIENT) <= WRITERS
