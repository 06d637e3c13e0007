"""Ports for children, kept for them over their restarts."""

import re
import socket
from contextlib import AbstractContextManager, ExitStack
from typing import Self

from sessions.standalone.console import StartError

_HIGHEST_PORT = 65_535
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class ReservedPort(AbstractContextManager["ReservedPort"]):
    """A port that is ours from now on, and on which a child of ours can listen.

    The socket is bound alone, so that a port in use is noticed, and shared from then on with
    children that set SO_REUSEPORT (gRPC and Envoy do). It never listens itself.
    """

    def __init__(self, host: str, port: int, setting: str) -> None:
        """Reserve `port`, or a free one for 0; `setting` is the variable that names it.

        Raises:
            StartError: it is in use or not ours to take.
        """
        self.host = host
        try:
            self._socket = _bound(host, port)
        except OSError as error:
            problem = f"can't listen on {host}:{port} ({error.strerror})"
            raise StartError(f"{problem}: set {setting} to another port") from error
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # The one that the kernel chose, where 0 was asked for.
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def reachable_host(self) -> str:
        """The host for a client on this machine."""
        return _ANYWHERE.get(self.host, self.host)

    @property
    def address(self) -> str:
        """`host:port` for a client on this machine."""
        return shown_address(self.reachable_host, self.port)


def shown_address(host: str, port: int) -> str:
    """`host:port` as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def port_range(text: str) -> range | None:
    """The ports of `50051` or `50051-50054`; None for a text that says something else."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
    if found is None:
        return None
    lowest, highest = int(found[1]), int(found[2] or found[1])
    return range(lowest, highest + 1) if 0 < lowest <= highest <= _HIGHEST_PORT else None


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with ExitStack() as stack:
        bound = stack.enter_context(socket.socket(family))
        # Connections of an earlier run can keep the port busy for a minute (TIME_WAIT).
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Bound: it stays open. After an error the stack has closed it.
        stack.pop_all()
    return bound
