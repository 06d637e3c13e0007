"""Processor time of what takes part in a call: Envoy, workers, PostgreSQL, and who calls."""

import os
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.load import Target, make_calls

_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Microseconds of the processor that a call takes, by who takes them."""

    what: str
    rate: float
    envoy: float
    workers: float
    postgres: float
    callers: float


def cost(what: str, target: Target, calls: int, is_worker: Callable[[str], bool]) -> Cost:
    """What so many calls take.

    Args:
        what: the name of the row.
        target: what is called.
        calls: how often.
        is_worker: whether a command line is that of a process that answers.
    """
    before, callers = _seconds(is_worker), _of_children()
    rate = make_calls(target, calls)
    after = _seconds(is_worker)
    of_callers = (_of_children() - callers) / calls * 1_000_000
    parts = {name: (after[name] - before[name]) / calls * 1_000_000 for name in after}
    return Cost(what, rate, callers=of_callers, **parts)


def of_trees(roots: Mapping[str, int]) -> dict[str, float]:
    """Processor time until now of each process by name, with those that it has started."""
    parents, used = _processes()
    found = dict.fromkeys(roots, 0.0)
    for pid, seconds in used.items():
        line = {pid, *_ancestors(pid, parents)}
        for name, root in roots.items():
            found[name] += seconds * (str(root) in line)
    return found


def _processes() -> tuple[dict[str, str], dict[str, float]]:
    parents: dict[str, str] = {}
    used: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may have ended meanwhile
            # Behind the name: state, parent, and so on up to user and system time.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[folder.name] = fields[1]
            used[folder.name] = (int(fields[11]) + int(fields[12])) / _TICKS
    return parents, used


def _seconds(is_worker: Callable[[str], bool]) -> dict[str, float]:
    """Processor time until now of each part, of what this process has started."""
    parents, used = _processes()
    found = dict.fromkeys(("envoy", "workers", "postgres"), 0.0)
    for pid, seconds in used.items():
        with suppress(OSError):  # it may have ended meanwhile
            line = (Path("/proc") / pid / "cmdline").read_bytes().replace(b"\0", b" ")
            name = _part(line.decode(errors="replace"), is_worker)
            if name and str(os.getpid()) in _ancestors(pid, parents):
                found[name] += seconds
    return found


def _ancestors(pid: str, parents: Mapping[str, str]) -> Iterator[str]:
    while found := parents.get(pid):
        yield found
        pid = found


def _part(line: str, is_worker: Callable[[str], bool]) -> str | None:
    if is_worker(line):
        return "workers"
    if "postgres" in line.partition(" ")[0]:
        return "postgres"
    return "envoy" if Path(line.partition(" ")[0]).name.startswith("envoy") else None


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
