"""Many callers at once: h2load where it is installed, or else processes of our own."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.callers import Calls

_CONNECTIONS, _STREAMS = 4, 8
"""gRPC: 32 calls in flight; REST has as many connections with one call each."""

_PROCESSES = 2
_PROBE = 500
"""Calls by which the rate of a measurement is guessed."""
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
        pages: paths to call instead, each about as often as the others; their answers can have
            other sizes.
    """

    url: str
    answer_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: bytes | None = None
    pages: tuple[str, ...] = ()


def throughput(target: Target, seconds: float) -> float:
    """Calls per second that are answered rightly.

    h2load makes a number of calls, not calls for some time: of those the last would be cut off,
    and so few errors would not show in the size of all answers.

    Raises:
        RuntimeError: some calls failed.
    """
    if tool() == _OURS:
        return _run_ours(target, seconds=seconds)
    probe = make_calls(target, _PROBE)
    return make_calls(target, max(_PROBE, round(probe * seconds)))


def at_rate(target: Target, rate: float, seconds: float) -> list[float]:
    """Begin so many calls a second, however long they take; the milliseconds of each.

    Raises:
        RuntimeError: some calls failed.
    """
    calls = _calls(target, seconds=seconds, callers=_CONNECTIONS * _STREAMS, rate=rate)
    [printed] = _print_of([calls])
    return [second * 1000 for second in json.loads(printed)]


def make_calls(target: Target, count: int) -> float:
    """So many calls, all answered rightly; gives how many there were per second.

    Raises:
        RuntimeError: some calls failed.
    """
    if tool() == _OURS:
        return _run_ours(target, count=count)
    return _run(target, "--requests", str(count // (_CONNECTIONS if target.pages else 1)))


def tool() -> str:
    """What makes the calls."""
    return "h2load" if shutil.which("h2load") else _OURS


def _run_ours(target: Target, *, seconds: float = 3600.0, count: int = 1 << 40) -> float:
    calls = _calls(
        target,
        seconds=seconds,
        callers=_CONNECTIONS * _STREAMS // _PROCESSES,
        count=count // _PROCESSES,
    )
    started = time.monotonic()
    made = _print_of([calls] * _PROCESSES)
    elapsed = time.monotonic() - started if seconds == 3600.0 else seconds
    return sum(map(int, made)) / elapsed


def _calls(
    target: Target, *, seconds: float, callers: int, count: int = 1 << 40, rate: float = 0.0
) -> Calls:
    return Calls(
        target.url,
        dict(target.headers),
        None if target.message is None else target.message.hex(),
        target.answer_bytes,
        callers=callers,
        seconds=seconds,
        count=count,
        rate=rate,
    )


def _print_of(several: Sequence[Calls]) -> list[str]:
    """What processes print that make calls at the same time."""
    with ExitStack() as stack:
        processes = []
        for calls in several:
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
            json.dump(asdict(calls), file)
            file.flush()
            argv = [sys.executable, "-m", "bench.callers", file.name]
            process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)  # noqa: S603
            stack.callback(process.kill)
            processes.append(process)
        printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"calls of {urlsplit(several[0].url).path} failed")
    return printed


def _run(target: Target, *amount: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            subprocess.Popen(  # noqa: S603
                ["h2load", *amount, *shape],  # noqa: S607
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for shape in _shapes(target, Path(folder))
        ]
        outputs = [run.communicate(timeout=3600)[0] for run in runs]
    return sum(_checked(output, target) for output in outputs)


def _shapes(target: Target, folder: Path) -> Iterator[list[str]]:
    """The arguments of each h2load; of many pages each has its own.

    All connections of one h2load go through its pages in one order: what is new to the first one
    is not to the others. With several fewer of them ask for the same.
    """
    headers = dict(target.headers)
    connections = _CONNECTIONS * _STREAMS
    shape = ["--h1"]
    if target.message is not None:
        connections = _CONNECTIONS
        shape = ["--max-concurrent-streams", str(_STREAMS)]
        body = folder / "message"
        body.write_bytes(framed(target.message))
        headers |= {"content-type": "application/grpc", "te": "trailers"}
        shape += ["--data", str(body)]
    shape += [f"--header={name}: {value}" for name, value in headers.items()]
    if not target.pages:
        yield [*shape, "--clients", str(connections), target.url]
        return
    base = urlsplit(target.url)
    for part in range(_CONNECTIONS):
        urls = [f"{base.scheme}://{base.netloc}{page}" for page in target.pages[part::_CONNECTIONS]]
        yield [*shape, "--clients", str(connections // _CONNECTIONS), *urls]


def framed(message: bytes) -> bytes:
    """A protobuf message as gRPC sends it: not compressed, its length ahead."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _checked(output: str, target: Target) -> float:
    """The rate, if every answer had a good status and the right size.

    The size matters, because the HTTP status of a failed gRPC call is 200 too: its answer is
    empty, so that one of them is enough to be noticed.
    """
    rate, counts, status = (found.search(output) for found in (_RATE, _COUNTS, _STATUS))
    data = _DATA.search(output)
    if not (rate and counts and status and data):
        raise RuntimeError(f"h2load says nothing useful:\n{output}")
    succeeded, *bad = map(int, counts.groups())
    size = int(data[1]) / max(succeeded, 1)
    right = bool(target.pages) or size == target.answer_bytes
    if any(bad) or not succeeded or int(status[1]) != succeeded or not right:
        where = urlsplit(target.url).path
        raise RuntimeError(
            f"calls of {where} failed: {json.dumps(counts.groups())}, {size:.0f} bytes each "
            f"instead of {target.answer_bytes}"
        )
    return float(rate[1])
