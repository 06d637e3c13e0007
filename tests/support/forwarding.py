"""Connections that come from another address of this machine: gRPC's clients can't choose one."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarded(address: str, source: str) -> Iterator[str]:
    """An address whose connections go on to another one, and come from `source` there."""
    host, _, port = address.rpartition(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port)), source_address=(source, 0)) as onward:
                back = threading.Thread(target=_copy, args=(onward, self.request))
                back.start()
                _copy(self.request, onward)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    # Either side may be gone.
    with suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
