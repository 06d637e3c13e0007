"""Backups of the embedded database, taken while it is written to, and restored to a moment."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sessions.standalone.cluster import binary
from sessions.standalone.console import StartError
from sessions.standalone.postgres import running_postgres
from sessions.standalone.received_log import add_received_log

from tests.support.processes import PATIENCE, SESSIONS
from tests.support.stack import Stack, running_stack


@dataclass(frozen=True)
class Written:
    """A service of which a backup was taken, and its log since then.

    Visits came from `before` it, `after` it, and `late`; `moment` lies between the last two.
    """

    backup: Path
    wal: Path
    moment: str
    website: str
    key: str


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def written(folder: Path) -> Written:
    with running_stack(folder / "data", SESSIONS_WORKERS="1") as stack:
        website = stack.command("websites", "create", "--name", "test")
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "test", *scopes)
        record(stack, website, key, "before")
        with received_log(administrator(stack), folder / "wal"):
            stack.command("backup", str(folder / "backup"))
            record(stack, website, key, "after")
            time.sleep(0.1)
            moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            time.sleep(0.1)
            record(stack, website, key, "late")
            flush(stack, folder / "wal")
    return Written(folder / "backup", folder / "wal", moment, website, key)


def record(stack: Stack, website: str, key: str, visitor: str) -> None:
    event = {"event_type": "pageview", "visitor_id": visitor, "url": "/"}
    body = json.dumps({"events": [event]}).encode()
    answer = stack.request(f"/api/websites/{website}/events", key=key, method="POST", body=body)
    assert answer.status == 200


def administrator(stack: Stack) -> str:
    return stack.database_url.replace("//sessions:", "//postgres:")


@contextmanager
def received_log(url: str, wal: Path) -> Iterator[None]:
    """What docs/operations.md has people run."""
    wal.mkdir()
    command = [str(binary("pg_receivewal")), f"--dbname={url}", f"--directory={wal}", "--slot=wal"]
    subprocess.run([*command, "--create-slot", "--if-not-exists"], check=True)
    process = subprocess.Popen([*command, "--synchronous"])
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def flush(stack: Stack, wal: Path) -> None:
    """Wait until everything written so far has been received."""
    query = """
    SELECT coalesce(bool_or(flush_lsn >= pg_current_wal_flush_lsn()), false)
      FROM pg_stat_replication WHERE application_name = 'pg_receivewal'
    """
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(administrator(stack), autocommit=True) as connection:
        while not (connection.execute(query).fetchone() or [False])[0]:
            assert time.monotonic() < deadline, list(wal.iterdir())
            time.sleep(0.05)


def sessions(data_dir: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DATABASE_URL": "",
        "SESSIONS_DATA_DIR": str(data_dir),
        **variables,
    }
    return subprocess.run(
        [*SESSIONS, *arguments], env=environment, capture_output=True, text=True, check=False
    )


async def visitors(data_dir: Path) -> set[str]:
    """Who has sessions in the database of a data directory."""
    async with running_postgres(data_dir) as url:
        connection = await psycopg.AsyncConnection.connect(url)
        async with connection:
            found = await connection.execute("SELECT visitor_id FROM sessions")
            return {visitor for (visitor,) in await found.fetchall()}


def test_the_service_goes_on_from_a_backup_with_its_keys(written: Written, folder: Path) -> None:
    done = sessions(folder / "restored", "restore", str(written.backup))
    assert done.returncode == 0, done.stderr
    with running_stack(folder / "restored", SESSIONS_WORKERS="1") as stack:
        path = f"/api/websites/{written.website}/sessions"
        found = stack.request(path, key=written.key).json["sessions"]
        assert [session["visitor_id"] for session in found] == ["before"]
        record(stack, written.website, written.key, "new")


async def test_the_log_leads_to_its_end_or_to_a_moment(written: Written, folder: Path) -> None:
    wal = ("--wal", str(written.wal))
    expected: Mapping[str, tuple[tuple[str, ...], set[str]]] = {
        "end": (wal, {"before", "after", "late"}),
        "moment": ((*wal, "--until", written.moment), {"before", "after"}),
    }
    for name, (options, found) in expected.items():
        done = sessions(folder / name, "restore", str(written.backup), *options)
        assert done.returncode == 0, done.stderr
        last = re.search(r"last transaction that was applied: (\S+)", done.stderr)
        assert last
        reached = datetime.fromisoformat(last[1])
        assert (reached > datetime.fromisoformat(written.moment)) == (name == "end")
        assert await visitors(folder / name) == found


def test_a_log_that_would_not_be_applied_whole_is_refused(
    written: Written, folder: Path, tmp_path: Path
) -> None:
    [*_, last] = sorted(path.name for path in written.wal.iterdir())
    assert last.endswith(".partial")
    later = f"{last[:16]}{int(last[16:24], 16) + 2:08X}"
    changes: list[tuple[Callable[[Path], object], str]] = [
        (lambda wal: (wal / last).rename(wal / f"{last[:24]}.gz.partial"), "is compressed"),
        (lambda wal: (wal / last).rename(wal / later), "has a gap: there are segments after"),
        (lambda wal: (wal / last[:24]).write_bytes(b"short"), "is not whole"),
        (lambda wal: (wal / "lost+found").mkdir(), "lost+found is no segment of the log"),
        (lambda wal: list(map(Path.unlink, wal.iterdir())), "holds no write-ahead log"),
    ]
    for number, (change, message) in enumerate(changes):
        wal = tmp_path / str(number)
        shutil.copytree(written.wal, wal)
        change(wal)
        done = sessions(folder / "none", "restore", str(written.backup), "--wal", str(wal))
        assert done.returncode == 1
        assert f"sessions: {wal}" in done.stderr
        assert message in done.stderr
        assert not (folder / "none" / "postgres").exists()


@pytest.mark.parametrize(
    ("own", "received", "gap"),
    [
        (["1:FE", "1:FF"], ["1:100", "1:101p"], None),
        # Older ones may be gone in part; what the backup has is whole.
        (["1:6"], ["1:2", "1:4", "1:6p", "1:7"], None),
        (["1:6"], ["1:8"], "1:7"),
        (["1:6"], ["1:7", "1:9"], "1:8"),
        (["1:6"], ["1:7p", "1:8"], "1:7"),
        (["1:6"], ["1:7", "1:7p", "1:8"], None),
        # After a restore there is another timeline.
        (["1:6"], ["1:7", "1:8p", "2:8", "2:9p"], None),
        (["1:6"], ["1:7", "2:8"], None),
        (["1:6"], ["1:7", "2:9"], "2:8"),
        (["1:6"], ["1:7", "1:8", "1:9", "2:7", "2:9"], "2:8"),
        (["2:6"], ["1:6", "1:8", "2:7p"], None),
    ],
)
def test_gaps_of_a_log_are_found(
    own: list[str], received: list[str], gap: str | None, tmp_path: Path
) -> None:
    wal, folder = tmp_path / "wal", tmp_path / "pg_wal"
    for place, names in ((wal, received), (folder, own)):
        place.mkdir()
        for name in names:
            (place / segment_name(name)).write_text(name)
    if gap:
        with pytest.raises(StartError, match=f"there are segments after {segment_name(gap)}, but"):
            add_received_log(wal, folder)
        return
    add_received_log(wal, folder)
    for name in own:
        assert (folder / segment_name(name)).read_text().startswith(name)
    assert not list(folder.glob("*.partial"))


def segment_name(short: str) -> str:
    """The file of, for example, segment 0x101 of timeline 2 that is not complete: `2:101p`."""
    timeline, _, number = short.removesuffix("p").partition(":")
    log, segment = divmod(int(number, 16), 256)
    suffix = ".partial" if short.endswith("p") else ""
    return f"{int(timeline):08X}{log:08X}{segment:08X}{suffix}"


def test_only_the_files_of_a_backup_are_checked(written: Written, folder: Path) -> None:
    more = folder / "more"
    shutil.copytree(written.backup, more)
    (more / "notes").mkdir()
    (more / "README").write_text("taken before the move")
    assert sessions(folder / "from-more", "restore", str(more)).returncode == 0
    sums = more / "SHA256SUMS"
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:-1]))
    done = sessions(folder / "none", "restore", str(more))
    assert "is damaged: SHA256SUMS lacks postgres-password" in done.stderr


def test_what_can_not_be_restored_leaves_nothing(written: Written, folder: Path) -> None:
    damaged = folder / "damaged"
    shutil.copytree(written.backup, damaged)
    base = damaged / "base.tar.gz"
    content = bytearray(base.read_bytes())
    content[len(content) // 2] ^= 1
    base.write_bytes(content)
    future = ("--wal", str(written.wal), "--until", "2999-01-01T00:00:00Z")
    refused = [
        ((str(damaged),), "is damaged"),
        ((str(folder),), "holds no backup"),
        ((str(written.backup), *future), "recovery ended before configured recovery target"),
        ((str(written.backup), "--until", written.moment), "--until needs --wal"),
    ]
    for arguments, message in refused:
        done = sessions(folder / "none", "restore", *arguments)
        assert done.returncode != 0
        assert message in done.stderr
        assert not (folder / "none" / "postgres").exists()
        assert not (folder / "none" / "postgres-password").exists()


def test_what_exists_is_not_written_over(written: Written, folder: Path) -> None:
    before = sorted(written.backup.iterdir())
    done = sessions(folder / "data", "backup", str(written.backup))
    assert "exists: name a folder that does not" in done.stderr
    assert sorted(written.backup.iterdir()) == before
    done = sessions(folder / "data", "restore", str(written.backup))
    assert "has a database: set SESSIONS_DATA_DIR to a new folder" in done.stderr
    for arguments in (("backup", str(folder / "other")), ("restore", str(written.backup))):
        done = sessions(folder / "other", *arguments, DATABASE_URL="postgresql://nowhere")
        assert "DATABASE_URL is set" in done.stderr


def test_nobody_else_can_read_a_backup(written: Written) -> None:
    for path in (written.backup, *written.backup.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_backup_without_a_running_service(written: Written, folder: Path) -> None:
    """And on a data directory of a version that allowed no connections for replication."""
    access = folder / "data" / "postgres" / "pg_hba.conf"
    access.write_text("local all all scram-sha-256\n")
    done = sessions(folder / "data", "backup", str(folder / "second"))
    assert done.returncode == 0, done.stderr
    assert (folder / "second" / "backup_manifest").exists()
