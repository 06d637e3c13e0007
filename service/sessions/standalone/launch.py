"""Becomes a child process that dies with its parent: `launch.py PARENT SIGNAL RUN_AS ARGV…`.

Runs as a script of its own, by path, between the parent's spawn and the child's exec: code
between fork and exec of a parent that has threads (grpc starts some) can deadlock. It imports
the standard library only, to start in milliseconds.

RUN_AS is `same`, `user:UID:GID`, or `namespace`: a user namespace in which the caller has an
ordinary user id, for programs that refuse to run as root.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
# Any number but 0; it exists inside the namespace only.
_ORDINARY_UID = 1000


def main(parent: int, death_signal: int, run_as: str, argv: list[str]) -> None:
    """Become the user `run_as`, tie this process to its parent and run the program.

    Raises:
        OSError: the program can't be run.
        SystemExit: becoming that user is refused, or the parent has ended.
    """
    if run_as != "same":
        _become(run_as)
    if sys.platform == "linux":
        # After becoming that user: a change of user clears it.
        _checked(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal))
        if os.getppid() != parent:
            sys.exit("the parent process has ended")
    os.execvp(argv[0], argv)  # noqa: S606


def _become(run_as: str) -> None:
    os.chdir("/")  # the present folder may be closed to others
    try:
        if run_as == "namespace":
            _enter_namespace()
        else:
            _, uid, gid = run_as.split(":")
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
    except OSError as error:
        sys.exit(f"becoming {run_as} is refused: {error.strerror}")


def _enter_namespace() -> None:
    uid = os.geteuid()
    _checked(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER))
    with open("/proc/self/uid_map", "w") as uid_map:
        uid_map.write(f"{_ORDINARY_UID} {uid} 1")


def _checked(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    except OSError as error:
        sys.exit(f"{sys.argv[4]}: {error.strerror}")
