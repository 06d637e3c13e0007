"""Backups of the embedded database: taken while it runs, and restored, to a moment if wanted.

A backup is a folder with what `pg_basebackup` writes in its tar format, the password of the roles,
and checksums of these files. It holds the whole cluster, secrets and keys included.
"""

import hashlib
import os
import re
import shutil
import tarfile
from datetime import datetime
from pathlib import Path

from sessions.settings import Settings
from sessions.standalone.child import Child, run
from sessions.standalone.cluster import (
    ENVIRONMENT,
    binary,
    move_cluster,
    open_cluster,
    password_file,
)
from sessions.standalone.command_database import command_database
from sessions.standalone.console import StartError, poll
from sessions.standalone.data_dir import DataDirLock, lock_holder, write_private
from sessions.standalone.os_user import OsUser, choose_os_user
from sessions.standalone.postgres import running_postgres
from sessions.standalone.received_log import add_received_log, check_received_log
from sessions.storage.database import Database

_BASE, _WAL = "base.tar.gz", "pg_wal.tar.gz"
_SUMS = "SHA256SUMS"
_SUM_LINE = re.compile(r"^([0-9a-f]{64})  (.+)$", re.MULTILINE)
_PASSWORD = "postgres-password"  # noqa: S105 - the name of a file
_NEEDED = {_BASE, _WAL, _PASSWORD}


async def take_backup(settings: Settings, target: Path) -> None:
    """Write a backup of the embedded database to a new folder, whole or not at all.

    Raises:
        StartError: the folder exists, the database is not the embedded one, or the backup failed.
    """
    _check_embedded(settings, "pg_basebackup or pg_dump")
    unfinished = _place_for(target)
    async with command_database(settings):
        cluster = await open_cluster(settings.data_dir)
        await _run(
            *("pg_basebackup", f"--pgdata={unfinished}", "--format=tar", "--compress=gzip:1"),
            *("--wal-method=stream", "--checkpoint=fast", "--no-password"),
            env=cluster.administrator,
        )
    # What was received is what the server sent. The log in a tar file can't be looked at.
    await _run("pg_verifybackup", "--no-parse-wal", str(unfinished), env=ENVIRONMENT)
    write_private(unfinished / _PASSWORD, cluster.password)
    write_private(unfinished / _SUMS, _sums(unfinished))
    unfinished.rename(target)
    _sync(target.parent)


async def restore_backup(
    settings: Settings, backup: Path, wal: Path | None, until: datetime | None
) -> datetime | None:
    """Make the database of a backup that of a data directory which has none.

    Args:
        settings: tells the data directory.
        backup: the folder of the backup.
        wal: folder with the write-ahead log since then, as `pg_receivewal` keeps it: all of it is
            applied.
        until: apply it up to this moment only.

    Returns:
        When the last transaction that was applied was committed; None if there was none since the
        backup began.

    Raises:
        StartError: the backup or the log is damaged, the data directory has a database, or the log
            does not lead to that moment; nothing is left of the attempt.
    """
    _check_embedded(settings, "the tools of your own PostgreSQL")
    _check_source(backup, wal)
    data_dir = settings.data_dir.absolute()
    with await _lock(data_dir):
        _check_empty(data_dir)
        user = await choose_os_user(data_dir, data_dir / "postgres", binary("postgres"))
        try:
            _unpack(backup, wal, data_dir, user)
            recovery = _recovery(until) if wal else None
            async with running_postgres(data_dir, recovery=recovery) as url:
                # It is ready when it has recovered.
                return await _last_commit(url)
        except BaseException:
            _remove(data_dir)
            raise


def _check_embedded(settings: Settings, instead: str) -> None:
    if settings.database_url:
        problem = "backup and restore are for the embedded PostgreSQL, and DATABASE_URL is set"
        raise StartError(f"{problem}: use {instead}")


def _place_for(target: Path) -> Path:
    """Where a backup is written before it is whole."""
    if target.exists():
        raise StartError(f"{target} exists: name a folder that does not")
    unfinished = target.with_name(f"{target.name}.unfinished")
    # Of a backup that was interrupted.
    shutil.rmtree(unfinished, ignore_errors=True)
    return unfinished


def _check_source(backup: Path, wal: Path | None) -> None:
    if not (backup / _SUMS).is_file():
        raise StartError(f"{backup} holds no backup: name a folder that `sessions backup` wrote")
    # Not by pg_verifybackup, which does not check what compresses the files.
    sums = {name: digest for digest, name in _SUM_LINE.findall((backup / _SUMS).read_text())}
    if lacking := _NEEDED - sums.keys():
        raise StartError(f"{backup} is damaged: {_SUMS} lacks {', '.join(sorted(lacking))}")
    if any(_sum(backup / name) != digest for name, digest in sums.items()):
        raise StartError(f"{backup} is damaged: `sha256sum --check {_SUMS}` in it says where")
    if wal:
        check_received_log(wal)


def _sums(folder: Path) -> str:
    """The checksums of the other files in a folder, as `sha256sum` writes them."""
    files = sorted(path for path in folder.iterdir() if path.name != _SUMS)
    return "".join(f"{_sum(path)}  {path.name}\n" for path in files)


def _sum(path: Path) -> str:
    """The checksum of a file; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _lock(data_dir: Path) -> DataDirLock:
    return await poll(
        lambda: DataDirLock.try_acquire(data_dir, is_up=False),
        lambda: f"{lock_holder(data_dir)} to finish",
    )


def _check_empty(data_dir: Path) -> None:
    if (data_dir / "postgres").exists() or password_file(data_dir).exists():
        raise StartError(f"{data_dir} has a database: set SESSIONS_DATA_DIR to a new folder")


async def _run(program: str, *arguments: str, env: dict[str, str]) -> None:
    argv = [str(binary(program)), *arguments]
    status, output = await run(Child(name=program, argv=argv, env=env))
    if status != 0:
        raise StartError(f"{program} failed: {output}")


def _unpack(backup: Path, wal: Path | None, data_dir: Path, user: OsUser) -> None:
    """Lay the files of a cluster next to its place and move it there."""
    unfinished = data_dir / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    user.own(unfinished)
    for archive, folder in ((_BASE, unfinished), (_WAL, unfinished / "pg_wal")):
        with tarfile.open(backup / archive) as files:
            # There are no filters before Python 3.11.4.
            files.extraction_filter = getattr(tarfile, "data_filter", None)
            files.extractall(folder)  # noqa: S202 - they have the checksums of our backup
    if wal:
        add_received_log(wal, unfinished / "pg_wal")
        # Tells the server to apply all of the log, not just that of the backup.
        (unfinished / "recovery.signal").touch()
    _give(unfinished, user)
    write_private(password_file(data_dir), (backup / _PASSWORD).read_text())
    move_cluster(unfinished, data_dir / "postgres")


async def _last_commit(url: str) -> datetime | None:
    async with Database(url, pool_size=1) as database:
        [[moment]] = await database.fetch("SELECT pg_last_xact_replay_timestamp()", {})
        found: datetime | None = moment
        return found


def _give(folder: Path, user: OsUser) -> None:
    """Make everything in it files of a user that nobody else can read."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            os.chown(path, user.uid, user.gid)


def _recovery(until: datetime | None) -> dict[str, str]:
    settings = {
        # The whole log lies where the server looks next.
        "restore_command": "false",
        "recovery_target_action": "promote",
        # Otherwise it counts as ready before it has recovered.
        "hot_standby": "off",
    }
    return settings | ({"recovery_target_time": until.isoformat()} if until else {})


def _remove(data_dir: Path) -> None:
    """Leave nothing of a database that was not restored."""
    for folder in ("postgres", "postgres.new"):
        shutil.rmtree(data_dir / folder, ignore_errors=True)
    password_file(data_dir).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have a rename in this folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
