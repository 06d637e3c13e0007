"""The page of metrics: what runs is what docs/monitoring.md lists, and the numbers are right."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from sessions.settings import Settings
from sessions.standalone.metrics_page import metrics_page

from tests.support.processes import PATIENCE, running_parts
from tests.support.stack import Stack, running_stack

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
RECORD = "analytics.sessions.v1.EventService/RecordEvents"
LIST = "analytics.sessions.v1.SessionService/ListSessions"
Row = tuple[str, str, frozenset[str], str]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("metrics")
    settings = {"METRICS_PORT": "0", "WORKERS": "2", "LOG_LEVEL": "error"}
    variables = {f"SESSIONS_{name}": value for name, value in settings.items()}
    with running_stack(folder / "data", **variables) as running:
        yield running


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    assert stack.process.stdout
    for line in stack.process.stdout:
        if found := re.fullmatch(
            r"Metrics for Prometheus: (http://127\.0\.0\.1:\d+/metrics)\n", line
        ):
            return found[1]
    raise AssertionError("`up` does not say where the page is")


def scrape(address: str) -> dict[str, Metric]:
    """The families of the page, by name as it is written there."""
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - a test's own
        families = text_string_to_metric_families(answer.read().decode())
    return {
        family.name + ("_total" if family.type == "counter" else ""): family for family in families
    }


def value(families: Mapping[str, Metric], name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    samples = [sample for family in families.values() for sample in family.samples]
    found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    return sum(found)


def documented() -> set[Row]:
    row = re.compile(r"^\| `(\w+)` \| (\w+) \|(.*)\| (.+) \|$", re.MULTILINE)
    return {
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in row.findall(PAGE.read_text())
    }


def shown(families: Mapping[str, Metric]) -> set[Row]:
    return {
        (
            name,
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
            family.documentation,
        )
        for name, family in families.items()
    }


def event(event_id: str, minute: int, **fields: Any) -> dict[str, Any]:
    moment = f"2026-03-03T10:{minute:02}:00Z"
    return {
        "event_type": "pageview",
        "timestamp": moment,
        "event_id": event_id,
        "visitor_id": "anna",
        "url": "/",
        **fields,
    }


@pytest.fixture(scope="module")
def used(stack: Stack, address: str) -> dict[str, Metric]:
    """What the page shows after a merge, a repeat, an event that is refused, and a bad key."""
    website = stack.command("websites", "create", "--name", "test")
    scopes = ("--scope", "sessions:read", "--scope", "events:write")
    key = stack.command("keys", "create", "--name", "test", *scopes)
    batches = [[event("a", 1)], [event("b", 50), event("a", 1)], [event("c", 25)]]
    for batch in [*batches, [event("d", 1), event("e", 1, event_type="nonsense")]]:
        body = json.dumps({"events": batch}).encode()
        stack.request(f"/api/websites/{website}/events", key=key, method="POST", body=body)
    for _ in range(10):
        stack.request(f"/api/websites/{website}/sessions", key=key)
    stack.request(f"/api/websites/{website}/sessions", key="nonsense")
    deadline = time.monotonic() + PATIENCE
    # Some of it is measured every few seconds.
    while shown(found := scrape(address)) != documented() and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def test_what_runs_is_what_is_documented(used: dict[str, Metric]) -> None:
    assert shown(used) == documented()


def test_events_and_calls_are_counted(used: dict[str, Metric]) -> None:
    counts = {
        outcome: value(used, "sessions_events_total", outcome=outcome)
        for outcome in ("new", "known", "refused")
    }
    assert counts == {"new": 3, "known": 1, "refused": 2}
    assert value(used, "sessions_merged_total") == 1
    calls = "rpc_server_call_duration_seconds_count"
    assert value(used, calls, rpc_method=RECORD, rpc_response_status_code="OK") == 3
    assert value(used, calls, rpc_method=RECORD, rpc_response_status_code="INVALID_ARGUMENT") == 1
    assert value(used, calls, rpc_method=LIST, rpc_response_status_code="OK") == 10
    reason = "ERROR_REASON_CREDENTIALS_INVALID"
    assert value(used, "sessions_call_errors_total", rpc_method=LIST, reason=reason) == 1
    statements = "db_client_operation_duration_seconds_count"
    assert value(used, statements, db_query_summary="PIPELINE") >= 3
    assert value(used, statements, db_query_summary="SELECT sessions") >= 10
    assert value(used, "db_client_connection_wait_time_seconds_count") >= 13
    assert value(used, "sessions_database_size_bytes") > 1_000_000


def test_a_worker_that_is_started_again_goes_on_counting(
    stack: Stack, address: str, used: dict[str, Metric]
) -> None:
    [first, _] = running_parts(stack.process.pid)["worker"]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while not value(now := scrape(address), "sessions_process_restarts_total"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for outcome in ("new", "known", "refused"):
        before = value(used, "sessions_events_total", outcome=outcome)
        assert value(now, "sessions_events_total", outcome=outcome) == before


def test_the_page_answers_while_the_database_and_envoy_do_not(stack: Stack, address: str) -> None:
    parts = running_parts(stack.process.pid)
    with stopped([*parts["PostgreSQL"], *parts["backend"], *parts["Envoy"]]):
        began = time.monotonic()
        found = scrape(address)
        assert time.monotonic() - began < 5
    assert value(found, "sessions_database_size_bytes") > 1_000_000
    assert "envoy_server_uptime" not in found


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that stand still for the length of the block."""
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_a_port_in_use_is_said(stack: Stack, address: str, tmp_path: Path) -> None:
    port = address.rpartition(":")[2].removesuffix("/metrics")
    with (
        pytest.raises(AssertionError, match="set SESSIONS_METRICS_PORT to another port"),
        running_stack(tmp_path / "data", SESSIONS_METRICS_PORT=port),
    ):
        pass


def test_the_values_of_a_process_that_was_killed_are_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SESSIONS_METRICS_PORT", "0")
    settings = Settings()
    script = (
        "import os; from sessions.settings import Settings\n"
        "from sessions.standalone.metrics_page import metrics_page\n"
        "with metrics_page(Settings()) as page:\n"
        "    print(page.environment('worker-1')['PROMETHEUS_MULTIPROC_DIR'], flush=True)\n"
        "    os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip())
    assert left.name == "worker-1"
    assert left.is_dir()
    with metrics_page(settings) as first:
        assert not left.parent.exists()
        with metrics_page(settings):
            pass
        own = Path(first.environment("worker-1")["PROMETHEUS_MULTIPROC_DIR"])
        assert own.is_dir()
    assert not own.parent.exists()
