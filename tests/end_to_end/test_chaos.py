"""Writers and readers go on while everything fails: nothing is lost, nothing doubled.

Parts are killed (workers, Envoy, PostgreSQL, its backends, `up` itself), PostgreSQL and workers
stand still, and the disk is full.

TEST_SEED=<text>     repeats what is sent and what fails (the moments are never the same)
CHAOS_SECONDS=<n>    how long (`make chaos`)
"""

import asyncio
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, free_range, is_running, running_parts
from tests.support.readers import Reader
from tests.support.stack import SESSIONS, Stack
from tests.support.tools import missing
from tests.support.writers import CALM, TRANSIENT, Service, Writer, check, check_answers, prepare

SECONDS = float(os.environ.get("CHAOS_SECONDS") or 10)
SETTINGS = {
    "SESSIONS_WORKERS": "2",
    "SESSIONS_REQUEST_TIMEOUT": "5",
    "SESSIONS_STREAM_AGE": "3",
    "SESSIONS_LOG_LEVEL": "error",
    "SESSIONS_METRICS_PORT": "0",
}
WRITERS = 6
READERS = 5
VISITORS = 30 * max(1, int(SECONDS / 12))
"""More in a longer run, or all sessions would become one."""
DISK_BYTES = 4 * 2**30
"""Of a file that has no blocks until they are written to."""
_BLOCK_BYTES = 4096
STARTS = 180.0
"""Seconds that `up` may take to start, with a new database on a busy machine."""
REFUSED = ("RESOURCE_EXHAUSTED", "429")
"""What a reader may meet besides what is transient: more analyses than fit into the queue."""


class Up:
    """A `sessions up` on a port of its own, that can be killed and started again."""

    def __init__(self, data_dir: Path, log: Path) -> None:
        self._data_dir = data_dir
        self._log = log
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")
        }
        kept.pop("DATABASE_URL", None)
        ours = {"SESSIONS_DATA_DIR": str(data_dir), "SESSIONS_PORT": str(free_range(1))}
        self.environment: Mapping[str, str] = kept | SETTINGS | ours
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        with self._log.open("a") as log:
            return subprocess.Popen(
                [SESSIONS, "up"],
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )

    def stack(self) -> Stack:
        """The service, once it is up."""
        deadline = time.monotonic() + STARTS
        while True:
            assert self.process.poll() is None, self._log.read_text()[-5_000:]
            assert time.monotonic() < deadline, self._log.read_text()[-5_000:]
            with suppress(FileNotFoundError, ValueError):
                state = json.loads((self._data_dir / "up.json").read_text())
                # A process that was killed leaves its file.
                if state["pid"] == self.process.pid:
                    return Stack(
                        state["address"], state["database_url"], self.environment, self.process
                    )
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it without a chance, and start it again."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(2 * PATIENCE)


class Faults:
    """What can happen to a service: each fault lasts as long as its function."""

    def __init__(self, up: Up, disk: Path | None, rng: random.Random) -> None:
        self._up = up
        self._disk = disk
        self._rng = rng
        self.all: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._kill("worker"),
            "Envoy killed": lambda: self._kill("Envoy"),
            "PostgreSQL killed": lambda: self._kill("PostgreSQL"),
            "backend killed": lambda: self._kill("backend"),
            "`up` killed": up.kill,
            "database frozen": lambda: self._freeze("PostgreSQL", "backend"),
            "worker frozen": lambda: self._freeze("worker"),
            **({"disk full": self._fill} if disk else {}),
        }

    def _parts(self, kind: str) -> list[int]:
        return running_parts(self._up.process.pid)[kind]

    def _kill(self, kind: str) -> None:
        if parts := self._parts(kind):
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(parts), signal.SIGKILL)

    def _freeze(self, *kinds: str) -> None:
        """Stop processes in their tracks for a few seconds."""
        stopped = [pid for kind in kinds for pid in self._parts(kind)]
        stopped = stopped if len(kinds) > 1 else stopped[:1]
        try:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            time.sleep(self._rng.uniform(1, 6))
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _fill(self) -> None:
        """Leave no byte free for a few seconds."""
        assert self._disk
        ballast = self._disk / "ballast"
        try:
            with ballast.open("wb") as file:
                reserve_all(file.fileno(), free_bytes(self._disk))
            time.sleep(self._rng.uniform(2, 6))
        finally:
            ballast.unlink()


def reserve_all(descriptor: int, free: int) -> None:
    """Take what is free of a disk, without writing it: less and less at once, until all is gone."""
    end, size = 0, free
    while size >= _BLOCK_BYTES:
        try:
            os.posix_fallocate(descriptor, end, size)
            end += size
        except OSError:
            size //= 2


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system in a file, which fills up alone; None where this user can't mount one."""
    image, where = folder / "disk", folder / "mounted"
    where.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    made = ["mkfs.ext4", "-q", "-m", "0", str(image)]
    mounted = ["mount", "-o", "loop", str(image), str(where)]
    is_root = os.geteuid() == 0
    if not is_root or any(subprocess.run(each, check=False).returncode for each in (made, mounted)):
        yield None  # what test_the_disk_is_full_at_times reports
        return
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)


def recovered(service: Service, began: float) -> float:
    """Wait until calls are answered again, five in a row; the seconds to the first of them."""
    successes: list[float] = []
    while len(successes) < 5:
        assert time.monotonic() < began + STARTS, "it does not recover"
        if answers(service):
            successes.append(time.monotonic())
        else:
            successes.clear()
        time.sleep(0.02)
    return successes[0] - began


def answers(service: Service) -> bool:
    """Whether a list is answered now."""
    path = f"/api/websites/{service.website_ids[0]}/sessions"
    try:
        return service.stack.request(path, key=service.key, timeout=3).status == 200
    except (OSError, http.client.HTTPException):
        return False


def break_for(
    seconds: float, service: Service, faults: Faults, rng: random.Random
) -> dict[str, list[float]]:
    """One fault after the other; the seconds from the end of each until calls are answered."""
    took: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds
    names = list(faults.all)
    # Each of them once, and then at random: kills more often, for they take less time.
    order = rng.sample(names, len(names))
    while time.monotonic() < end or order:
        name = order.pop() if order else rng.choice([*names, *names[:4]])
        began = time.monotonic()
        faults.all[name]()
        ended = time.monotonic() if "frozen" in name or "full" in name else began
        took[name].append(recovered(service, ended))
        # Sometimes the next one comes before everything has settled.
        time.sleep(rng.choice([0, 0.2, 1.5]))
    return took


@pytest.mark.timeout(900)  # a minute, but for a busy machine
def test_chaos_loses_and_doubles_nothing() -> None:
    seed = os.environ.get("TEST_SEED") or f"{random.getrandbits(32):08x}"
    rng = random.Random(seed)  # noqa: S311
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-")))
        folder.chmod(0o755)
        disk = exits.enter_context(small_disk(folder))
        up = Up((disk or folder) / "data", folder / "up.log")
        exits.callback(up.stop)
        service = asyncio.run(prepare(up.stack()))
        stop = threading.Event()
        patience = SECONDS + CALM
        writers = [
            Writer(number, seed, service, stop, visitors=VISITORS, patience=patience)
            for number in range(WRITERS)
        ]
        readers = [Reader(number, service, stop) for number in range(READERS)]
        with ThreadPoolExecutor(WRITERS + READERS) as pool:
            running: list[Future[object]] = [pool.submit(writer) for writer in writers]
            running += [pool.submit(reader) for reader in readers]
            try:
                took = break_for(SECONDS, service, Faults(up, disk, rng), rng)
            finally:
                stop.set()
        for each in running:
            each.result()
        answered = sum((reader.readings.answers for reader in readers), Counter[str]())
        print(f"TEST_SEED={seed}, {SECONDS:g} s: answers {dict(answered)}", flush=True)
        report(took)
        ledgers = [writer.ledger for writer in writers]
        counts, sessions = asyncio.run(check(service, ledgers, seed))
        check_answers(service, sessions)
        assert is_running(up.process.pid), f"TEST_SEED={seed}: `up` ended"
    met = sum((ledger.counts for ledger in ledgers), counts)
    print(f"recorded: {dict(met)}", flush=True)
    assert [each for ledger in ledgers for each in ledger.unexpected] == [], f"TEST_SEED={seed}"
    assert set(strange(readers)) == set(), f"TEST_SEED={seed}"
    assert counts["acknowledged"] > 0
    assert len(answered) == READERS


def test_the_disk_is_full_at_times(tmp_path: Path) -> None:
    """A part of the test above, which it leaves out where it can't be done."""
    with small_disk(tmp_path) as disk:
        if disk is None:
            missing("no file system can be mounted here, so the disk is never full: run as root")
        assert disk.is_mount()


def report(took: Mapping[str, list[float]]) -> None:
    """Print how soon calls were answered again after each fault."""
    for name, times in sorted(took.items()):
        median, longest = statistics.median(times), max(times)
        print(
            f"{name}: {len(times)} times, answers after {median:.2f} s, {longest:.2f} s at most",
            flush=True,
        )


def strange(readers: list[Reader]) -> Iterator[str]:
    """Failures of readers that a part that fails does not explain."""
    expected = (
        *TRANSIENT,
        *REFUSED,
        "503",
        "504",
        "Errno",
        "timed out",
        "Remote end closed",
        "RST",
    )
    for reader in readers:
        for _, text in reader.readings.failures:
            if not any(each in text for each in expected):
                yield text
