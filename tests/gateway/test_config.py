"""The configuration itself: Envoy accepts it without a warning, and keeps its admin pages home."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import gateway
from sessions.standalone import envoy

from tests.gateway.harness import Gateway, Worker, running_gateway


def rendered(**changes: object) -> str:
    arguments: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 8080,
        "workers": [("127.0.0.1", 50051), ("worker.example.com", 50052), ("::1", 50053)],
        "request_timeout": 10.0,
    }
    return gateway.render(**(arguments | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{}, {"host": "::", "cors_origins": ["*"]}, {"request_timeout": 0.5}]
)
def test_envoy_accepts_it_without_a_warning(tmp_path: Path, changes: dict[str, object]) -> None:
    config = tmp_path / "envoy.yaml"
    config.write_text(rendered(**changes))
    command = [*envoy.command(config), "--mode", "validate"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_envoy_waits_a_little_longer_than_a_worker() -> None:
    assert "timeout: 11s" in rendered(request_timeout=10)
    assert "timeout: 1.5s" in rendered(request_timeout=0.5)


def listening(process_id: int) -> Iterator[str]:
    """The addresses on which a process listens, in the kernel's notation."""
    handles = Path(f"/proc/{process_id}/fd").iterdir()
    sockets = {str(handle.readlink())[8:-1] for handle in handles if handle.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                yield fields[1]


def test_envoy_listens_on_two_ports_of_loopback_only(edge: Gateway) -> None:
    ports = {f"0100007F:{port:04X}" for port in (edge.port, edge.admin_port)}
    assert set(listening(edge.process.pid)) == ports


def test_admin_pages_that_change_or_reveal_are_shut(edge: Gateway) -> None:
    shut = [("POST", "/quitquitquit"), ("POST", "/logging"), ("GET", "/config_dump")]
    replies = [edge.request(path, method=method, port=edge.admin_port) for method, path in shut]
    assert [reply.status for reply in replies] == [403, 403, 403]
    assert edge.admin("/ready").status == 200


def test_two_envoys_run_side_by_side(edge: Gateway, worker: Worker, tmp_path: Path) -> None:
    with running_gateway(tmp_path, [worker.port]) as other:
        assert other.port != edge.port
        assert [one.admin("/ready").status for one in (edge, other)] == [200, 200]
