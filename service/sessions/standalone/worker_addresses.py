"""Where the workers on other hosts are, as people write it."""

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from sessions import gateway
from sessions.standalone.console import StartError, report
from sessions.standalone.data_dir import write_private
from sessions.standalone.following import follow
from sessions.standalone.ports import port_range, shown_address

Address = tuple[str, int]
"""Host and port."""

# An IPv6 address, or labels of a name or an IPv4 address; then ports.
_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:]+)\]|((?:[\w-]{1,63}\.)*[\w-]{1,63})):([\d-]+)", re.ASCII)
_EXAMPLES = "10.0.0.2:50051, [fd00::2]:50051-50054 or worker.example.com:50051"


def parse_addresses(text: str) -> list[Address]:
    """The addresses in a list with commas; a range of ports stands for an address of each.

    Raises:
        ValueError: one is written differently; says how to write it.
    """
    return [address for part in text.split(",") for address in _parse(part.strip())]


def _parse(text: str) -> list[Address]:
    found = _ADDRESS.fullmatch(text)
    ports = port_range(found[3]) if found else None
    if not (found and ports) or (found[1] and not _is_ip_address(found[1])):
        raise ValueError(f"{text!r} is no address: write {_EXAMPLES}")
    return [(found[1] or found[2], port) for port in ports]


async def report_unknown(addresses: Iterable[Address]) -> None:
    """Report names that nobody knows; Envoy goes on asking for them."""
    for host in dict.fromkeys(host for host, _ in addresses):
        try:
            await asyncio.to_thread(socket.getaddrinfo, host, None)
        except OSError as error:
            report(f"can't look up {host} ({error.strerror}); Envoy tries again every 5 seconds")


class WorkerAddressesFile:
    """Hands the addresses in a file on to Envoy, and again when they change.

    Attributes:
        endpoints: the file that Envoy follows.

    Raises:
        StartError: the file can't be used; says why.
    """

    def __init__(self, file: Path, endpoints: Path) -> None:
        self._file = file
        self.endpoints = endpoints
        try:
            self._write(self._read())
        except ValueError as error:
            raise StartError(str(error)) from error

    async def follow(self) -> None:
        """Look every second whether the file has changed; what can't be used is reported."""
        await follow(self._renew, "the addresses of workers in use stay")

    async def _renew(self) -> None:
        found = self._read()
        if found != self._current:
            self._write(found)
            report(f"the workers are now {', '.join(shown_address(*each) for each in found)}")

    def _read(self) -> list[Address]:
        try:
            lines = self._file.read_text().splitlines()
        except OSError as error:
            raise ValueError(f"can't read {self._file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{self._file} is no text") from error
        texts = [line.partition("#")[0].strip() for line in lines]
        found = [
            address
            for number, text in enumerate(texts, start=1)
            for address in (self._parse_line(number, text) if text else ())
        ]
        if not found:
            raise ValueError(f"{self._file} has no addresses")
        return found

    def _parse_line(self, number: int, text: str) -> list[Address]:
        try:
            addresses = _parse(text)
        except ValueError as error:
            raise ValueError(f"{self._file}:{number}: {error}") from error
        host, _ = addresses[0]
        if not _is_ip_address(host):
            # Envoy looks no names up that come from a file.
            problem = f"{host} is no IP address: names can be in SESSIONS_WORKER_ADDRESSES"
            raise ValueError(f"{self._file}:{number}: {problem}")
        return addresses

    def _write(self, addresses: list[Address]) -> None:
        write_private(self.endpoints, gateway.worker_endpoints(addresses))
        # Only now: what could not be written is tried again.
        self._current = addresses


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
