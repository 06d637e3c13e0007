"""Where a running `up` can be reached: a file that one-shot commands read."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sessions.processes.files import write_private
from sessions.processes.lock import is_alive


@dataclass(frozen=True)
class State:
    """A running `up`."""

    pid: int
    database_url: str = field(repr=False)
    address: str


def write_state(data_dir: Path, state: State) -> None:
    """Say that `up` runs."""
    write_private(_path(data_dir), json.dumps(asdict(state)))


def remove_state(data_dir: Path) -> None:
    """Say that it does not, or clear away what a crash left; only under the directory's lock."""
    _path(data_dir).unlink(missing_ok=True)


def read_state(data_dir: Path) -> State | None:
    """The `up` that runs on this directory, if any; means something only while it is locked."""
    with suppress(FileNotFoundError):
        state = State(**json.loads(_path(data_dir).read_text()))
        return state if is_alive(state.pid) else None
    return None


def _path(data_dir: Path) -> Path:
    return data_dir / "up.json"
