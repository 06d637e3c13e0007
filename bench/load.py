"""Many callers at once: h2load where it is installed, or else processes of our own."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.callers import Calls

_CONNECTIONS, _STREAMS = 4, 8
"""gRPC: 32 calls in flight; REST has as many connections with one call each."""

_PROCESSES = 2
_OURS = "callers in Python (h2load is not installed: apt-get install nghttp2-client)"

_RATE = re.compile(r"finished in [^,]+, ([\d.]+) req/s")
_COUNTS = re.compile(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_STATUS = re.compile(r"status codes: (\d+) 2xx")
_DATA = re.compile(r"\((\d+)\) data")


@dataclass(frozen=True)
class Target:
    """One call, made over and over.

    Args:
        url: with scheme, host, port and path.
        answer_bytes: size of the body of each right answer.
        headers: those of the call.
        message: the request's protobuf bytes; None for REST.
    """

    url: str
    answer_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: bytes | None = None


def throughput(target: Target, seconds: float) -> float:
    """Calls per second that are answered rightly.

    Raises:
        RuntimeError: some calls failed.
    """
    if tool() == _OURS:
        return _run_ours(target, seconds=seconds)
    return _run(target, "--duration", f"{max(1, round(seconds))}")


def make_calls(target: Target, count: int) -> float:
    """So many calls, all answered rightly; gives how many there were per second.

    Raises:
        RuntimeError: some calls failed.
    """
    if tool() == _OURS:
        return _run_ours(target, count=count)
    return _run(target, "--requests", str(count))


def tool() -> str:
    """What makes the calls."""
    return "h2load" if shutil.which("h2load") else _OURS


def _run_ours(target: Target, *, seconds: float = 3600.0, count: int = 1 << 40) -> float:
    calls = Calls(
        target.url,
        dict(target.headers),
        None if target.message is None else target.message.hex(),
        target.answer_bytes,
        callers=_CONNECTIONS * _STREAMS // _PROCESSES,
        seconds=seconds,
        count=count // _PROCESSES,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(calls), file)
        file.flush()
        argv = [sys.executable, "-m", "bench.callers", file.name]
        started = time.monotonic()
        processes = [
            subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)  # noqa: S603
            for _ in range(_PROCESSES)
        ]
        try:
            made = [process.communicate()[0] for process in processes]
        finally:
            for process in processes:
                process.kill()
        elapsed = time.monotonic() - started if seconds == 3600.0 else seconds
    if any(process.returncode for process in processes):
        raise RuntimeError(f"calls of {urlsplit(target.url).path} failed")
    return sum(map(int, made)) / elapsed


def _run(target: Target, *amount: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        argv = ["h2load", *amount, *_shape(target, Path(folder)), target.url]
        done = subprocess.run(  # noqa: S603
            argv, capture_output=True, text=True, check=False, timeout=3600
        )
    return _checked(done.stdout + done.stderr, target)


def _shape(target: Target, folder: Path) -> list[str]:
    headers = dict(target.headers)
    if target.message is None:
        shape = ["--h1", "--clients", str(_CONNECTIONS * _STREAMS)]
    else:
        body = folder / "message"
        body.write_bytes(framed(target.message))
        headers |= {"content-type": "application/grpc", "te": "trailers"}
        shape = ["--clients", str(_CONNECTIONS), "--max-concurrent-streams", str(_STREAMS)]
        shape += ["--data", str(body)]
    return shape + [f"--header={name}: {value}" for name, value in headers.items()]


def framed(message: bytes) -> bytes:
    """A protobuf message as gRPC sends it: not compressed, its length ahead."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _checked(output: str, target: Target) -> float:
    """The rate, if every answer had a good status and the right size.

    The size matters, because the HTTP status of a failed gRPC call is 200 too.
    """
    rate, counts, status = (found.search(output) for found in (_RATE, _COUNTS, _STATUS))
    data = _DATA.search(output)
    if not (rate and counts and status and data):
        raise RuntimeError(f"h2load says nothing useful:\n{output}")
    succeeded, *bad = map(int, counts.groups())
    size = int(data[1]) / max(succeeded, 1)
    # Calls cut off at the end of the time have sent a part of their answers.
    right = target.answer_bytes * 0.98 <= size <= target.answer_bytes * 1.1
    if any(bad) or not succeeded or int(status[1]) < succeeded or not right:
        where = urlsplit(target.url).path
        raise RuntimeError(
            f"calls of {where} failed: {json.dumps(counts.groups())}, {size:.0f} bytes each "
            f"instead of {target.answer_bytes}"
        )
    return float(rate[1])
