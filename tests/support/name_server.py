"""A name server that knows one name."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_HEADER = struct.Struct("!2sHHHHH")
_RECORD = struct.Struct("!HHHIH4s")
_A, _IN = 1, 1
_RESPONSE = 0x8580  # of an authority, and without an error
_NAME_OF_THE_QUESTION = 0xC00C


class NameServer:
    """Answers every question for addresses with `addresses`, which can be set meanwhile."""

    def __init__(self, listener: socket.socket, addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.port: int = listener.getsockname()[1]
        self._listener = listener

    def run(self) -> None:
        """Answer until the end of the server; an empty message ends it."""
        while True:
            question, sender = self._listener.recvfrom(4_096)
            if not question:
                return
            self._listener.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        # https://www.rfc-editor.org/rfc/rfc1035#section-4.1
        end = question.index(0, _HEADER.size) + 5
        is_for_addresses = struct.unpack("!H", question[end - 4 : end - 2])[0] == _A
        records = [
            _RECORD.pack(_NAME_OF_THE_QUESTION, _A, _IN, 1, 4, socket.inet_aton(address))
            for address in (self.addresses if is_for_addresses else ())
        ]
        header = _HEADER.pack(question[:2], _RESPONSE, 1, len(records), 0, 0)
        return b"".join([header, question[_HEADER.size : end], *records])


@contextmanager
def running_name_server(addresses: Sequence[str]) -> Iterator[NameServer]:
    """A name server on a free port of 127.0.0.1, for the length of the block."""
    with socket.socket(type=socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server = NameServer(listener, addresses)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server
        finally:
            listener.sendto(b"", listener.getsockname())
            thread.join()
