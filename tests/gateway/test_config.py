"""The configuration itself: Envoy accepts it without a warning, and keeps its admin pages home."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from analytics_sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from sessions import gateway
from sessions.standalone import envoy

from tests.gateway.harness import Gateway, Worker, running_gateway
from tests.support.tls import Authority

PACKAGE = "/analytics.sessions.v1."


def rendered(**changes: object) -> str:
    arguments: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 8080,
        "workers": [("127.0.0.1", 50051), ("worker.example.com", 50052), ("::1", 50053)],
        "request_timeout": 10.0,
    }
    return gateway.render(**(arguments | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{}, {"host": "::", "cors_origins": ["*"]}, {"request_timeout": 0.5}, {"host": "localhost"}],
)
def test_envoy_accepts_it_without_a_warning(tmp_path: Path, changes: dict[str, object]) -> None:
    assert_accepted(tmp_path, changes)


def test_envoy_accepts_workers_and_certificates_in_files(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("envoy.example.com")
    pair = files.certificate.read_text(), files.key.read_text()
    workers, certificate, validation = (tmp_path / name for name in ("workers", "own", "other"))
    workers.write_text(gateway.worker_endpoints([("10.0.0.2", 50051), ("::1", 50052)]))
    certificate.write_text(gateway.certificate_secret(*pair))
    validation.write_text(gateway.validation_secret(pair[0], names=["worker.example.com"]))
    tls = gateway.CallerTls(certificate, validation)
    to_workers = gateway.WorkerTls(validation, certificate)
    assert_accepted(tmp_path, {"workers": workers, "tls": tls, "worker_tls": to_workers})


def assert_accepted(tmp_path: Path, changes: dict[str, object]) -> None:
    """Without a word, that is: a warning is printed."""
    config = tmp_path / "envoy.json"
    config.write_text(rendered(**changes))
    command = [*envoy.command(config), "--mode", "validate"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def routes(**changes: object) -> dict[str, Any]:
    """What Envoy does with a call, by the path of its method or by a prefix of paths."""
    listener = json.loads(rendered(**changes))["static_resources"]["listeners"][0]
    [manager] = listener["filter_chains"][0]["filters"]
    [host] = manager["typed_config"]["route_config"]["virtual_hosts"]
    actions = [route for route in host["routes"] if "route" in route]
    return {next(iter(route["match"].values())): route["route"] for route in actions}


def test_envoy_waits_a_little_longer_than_a_worker() -> None:
    for seconds, waiting in ((10, "11s"), (0.5, "1.500s"), (300, "301s")):
        timeouts = {
            path: route["timeout"] for path, route in routes(request_timeout=seconds).items()
        }
        assert timeouts[f"{PACKAGE}SessionService/ListSessions"] == waiting
        assert timeouts[f"{PACKAGE}EventService/RecordEvents"] == waiting
        assert timeouts[f"{PACKAGE}EventService/StreamEvents"] == "0s"
        assert timeouts[PACKAGE] == waiting
        erasing = timeouts[f"{PACKAGE}VisitorService/EraseVisitor"]
        assert erasing == ("301s" if seconds == 300 else "121s")


def test_what_may_have_been_carried_out_is_sent_again_only_where_the_protos_allow_it() -> None:
    reset = {
        path.rpartition("/")[2]
        for path, route in routes().items()
        if "reset" in route.get("retry_policy", {}).get("retry_on", "").split(",")
    }
    assert reset == {
        "ListSessions",
        "GetSession",
        "Summarize",
        "TimeSeries",
        "Breakdown",
        *("Funnel", "Flows", "Transitions", "Cohorts", "Patterns"),
        "EraseVisitor",
    }


def test_every_method_has_a_route() -> None:
    methods = {
        f"/{service.full_name}/{method.name}"
        for file in (event_service_pb2, session_service_pb2, visitor_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert methods < routes().keys()


def test_a_name_is_listened_on_by_its_addresses(tmp_path: Path, worker: Worker) -> None:
    with running_gateway(tmp_path, [worker.port], host="localhost") as edge:
        found = socket.getaddrinfo("localhost", edge.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        with socket.socket(family) as client:
            client.connect(address)
            assert edge.admin("/ready").status == 200


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(OSError, match="not known"):
        rendered(host="no.such.host.invalid")


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
