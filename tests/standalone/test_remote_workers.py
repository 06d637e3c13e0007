"""`sessions envoy`: how it is told where workers are, and what it says when it is told wrong."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from sessions.standalone.console import StartError
from sessions.standalone.data_dir import DataDirLock
from sessions.standalone.worker_addresses import WorkerAddressesFile, parse_addresses

from tests.gateway.harness import running_worker
from tests.support.processes import PATIENCE, SESSIONS, eventually


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("10.0.0.2:50051", [("10.0.0.2", 50051)]),
        ("a-1.example.com:1, [fd00::2]:2", [("a-1.example.com", 1), ("fd00::2", 2)]),
        ("worker:50051-50053", [("worker", 50051), ("worker", 50052), ("worker", 50053)]),
    ],
)
def test_addresses_are_hosts_and_ports(text: str, addresses: list[tuple[str, int]]) -> None:
    assert parse_addresses(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.2",
        "10.0.0.2:",
        ":50051",
        "10.0.0.2:0",
        "10.0.0.2:70000",
        "10.0.0.2:50052-50051",
        "10.0.0.2:grpc",
        "fd00::2:50051",
        "[10.0.0.2]:50051",
        "http://10.0.0.2:50051",
        "worker..example.com:50051",
        f"{'a' * 64}.example.com:50051",
    ],
)
def test_an_address_that_is_none_is_shown_beside_ones_that_are(text: str) -> None:
    problem = f"'{text}' is no address: write 10.0.0.2:50051, [fd00::2]:50051-50054 or worker."
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_addresses(f"10.0.0.1:50051,{text}")


def endpoints(text: str) -> list[tuple[str, int]]:
    """What Envoy takes from its file."""
    [assignment] = json.loads(text)["resources"]
    [locality] = assignment["endpoints"]
    found = [each["endpoint"]["address"]["socket_address"] for each in locality["lb_endpoints"]]
    return [(each["address"], each["port_value"]) for each in found]


async def test_a_file_is_followed_and_what_is_wrong_with_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, made = tmp_path / "workers", tmp_path / "made.json"
    file.write_text("# two hosts\n\n10.0.0.2:50051-50052  # one\n[fd00::2]:50051\n")
    workers = WorkerAddressesFile(file, made)
    before = [("10.0.0.2", 50051), ("10.0.0.2", 50052), ("fd00::2", 50051)]
    assert endpoints(made.read_text()) == before
    following = asyncio.create_task(workers.follow())
    stay = "sessions: the addresses of workers in use stay: "
    wrong = {
        "10.0.0.3:50051\n10.0.0.4\n": f"{file}:2: '10.0.0.4' is no address: write 10.0.0.2:50051",
        "a.example.com:50051": f"{file}:1: a.example.com is no IP address: names can be in SESSI",
        "# nobody\n": f"{file} has no addresses",
    }
    try:
        for text, problem in wrong.items():
            file.write_text(text)
            await said(capsys, stay + problem)
        file.unlink()
        await said(capsys, f"{stay}can't read {file}: No such file or directory")
        assert endpoints(made.read_text()) == before
        file.write_text("[fd00::3]:50051\n10.0.0.3:50051\n")
        await said(capsys, "sessions: the workers are now [fd00::3]:50051, 10.0.0.3:50051\n")
        assert endpoints(made.read_text()) == [("fd00::3", 50051), ("10.0.0.3", 50051)]
    finally:
        following.cancel()


async def said(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Wait until a text is on stderr."""
    await eventually(lambda: text in capsys.readouterr().err)


@pytest.mark.parametrize("content", [b"\xff", b"", b"nonsense"])
def test_a_file_that_can_not_be_used_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "workers"
    file.write_bytes(content)
    with pytest.raises(StartError, match=re.escape(str(file))):
        WorkerAddressesFile(file, tmp_path / "made.json")


@contextmanager
def running_envoy(
    environment: Mapping[str, str], errors: Path
) -> Iterator["subprocess.Popen[str]"]:
    """A running `sessions envoy`, which has to end in order."""
    with (
        errors.open("w") as log,
        subprocess.Popen(
            [*SESSIONS, "envoy"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0, errors.read_text()


def test_a_name_is_enough(tmp_path: Path, private_dir: Path) -> None:
    errors = tmp_path / "errors"
    with running_worker() as worker:
        addresses = f"no.such.host.invalid:50051, localhost:{worker.port}"
        environment = settings(private_dir, SESSIONS_WORKER_ADDRESSES=addresses)
        with running_envoy(environment, errors) as process:
            assert process.stdout
            address = process.stdout.readline().strip()
            with urlopen(f"{address}/healthz", timeout=10) as answer:  # noqa: S310 - a test's own
                assert answer.status == 200
    unknown = "sessions: can't look up no.such.host.invalid (Name or service not known); Envoy "
    assert unknown in errors.read_text()


def settings(data_dir: Path, **variables: str) -> dict[str, str]:
    """The environment of `sessions envoy`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")}
    return kept | {"SESSIONS_DATA_DIR": str(data_dir), "SESSIONS_PORT": "0"} | variables


def test_it_refuses_a_data_directory_that_is_in_use(private_dir: Path) -> None:
    lock = DataDirLock.try_acquire(private_dir, is_up=True)
    assert lock
    with lock:
        done = subprocess.run(
            [*SESSIONS, "envoy"],
            env=settings(private_dir, SESSIONS_WORKER_ADDRESSES="10.0.0.2:50051"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"uses {private_dir}: set SESSIONS_DATA_DIR to another folder\n" in done.stderr
