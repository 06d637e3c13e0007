"""The user of the operating system that PostgreSQL runs as: it refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from sessions.standalone.child import Child, run
from sessions.standalone.console import StartError


@dataclass(frozen=True)
class OsUser:
    """A user of this machine, and how to become it: `run_as` of `sessions.standalone.launch`."""

    uid: int
    gid: int
    run_as: str

    def own(self, path: Path) -> None:
        """Make a private folder of this user out of `path`, a folder or nothing yet."""
        path.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


async def choose_os_user(data_dir: Path, cluster: Path, postgres: Path) -> OsUser:
    """Settle who owns and runs the cluster, and try it out.

    Anybody but root runs it as themselves. For root it is a system user where that user can
    reach the files, and otherwise root behind a user namespace, where it looks like an ordinary
    user. A cluster that exists keeps its owner. `data_dir` is made passable if need be.

    Raises:
        StartError: this user can't run it; says what to do.
    """
    user = _choose(data_dir, cluster, postgres)
    if user.run_as.startswith("user:"):
        _make_passable(data_dir)
    argv = ["/bin/sh", "-c", 'cd "$1" && exec "$2" --version', "sh", str(data_dir), str(postgres)]
    status, output = await run(Child(name="probe", argv=argv, run_as=user.run_as))
    if status != 0:
        raise StartError(_refusal(data_dir, output))
    return user


def _choose(data_dir: Path, cluster: Path, postgres: Path) -> OsUser:
    if os.geteuid() != 0:
        return OsUser(os.geteuid(), os.getegid(), "same")
    namespace = OsUser(0, 0, "namespace")
    # Its files belong to somebody already, whatever could be chosen now.
    if cluster.exists():
        owner = cluster.stat()
        return namespace if owner.st_uid == 0 else _user(owner.st_uid, owner.st_gid)
    # Both the programs and the data have to be reachable for that user.
    found = _system_user()
    if found and _is_passable(postgres.parent) and _is_passable(data_dir.parent):
        return _user(found.pw_uid, found.pw_gid)
    return namespace


def _user(uid: int, gid: int) -> OsUser:
    return OsUser(uid, gid, f"user:{uid}:{gid}")


def _system_user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _is_passable(folder: Path) -> bool:
    """Whether everybody may pass through the folder and all folders above it."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def _make_passable(data_dir: Path) -> None:
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if not mode & stat.S_IXOTH:
        data_dir.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def _refusal(data_dir: Path, output: str) -> str:
    reason = output.strip() or "no reason given"
    if os.geteuid() != 0:
        return f"the embedded PostgreSQL does not run here: {reason}"
    return (
        f"PostgreSQL can't run as root, and no other user can run it in {data_dir} ({reason}): "
        "run this as an ordinary user, set SESSIONS_DATA_DIR to a folder that every user can "
        "reach, or set DATABASE_URL to your own PostgreSQL"
    )
