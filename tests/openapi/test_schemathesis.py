"""Schemathesis sends what the document allows, and what it does not, and checks each answer.

No answer is a server error, and each has a status, headers and a body as documented. TEST_SEED
repeats another run than the usual one; `pytest -rP` shows the figures.

Not checked: whether every request that fits the schema is accepted (no schema says which cursor
or time zone there is), whether every other one is refused (the service takes a `limit` of 1,000),
and whether another verb is 405 (it is 404 here).
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from openapi.build import DOCUMENT, Json
from tests.openapi.recording import RECORD, Recorder
from tests.openapi.service import Service, running_service

SEED = os.environ.get("TEST_SEED", "20260303")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
pytestmark = pytest.mark.timeout(1_000)

CAUSED = {200, 400, 401, 404}
"""What one key on one website can bring about."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service of its own: visitors are erased."""
    with running_service() as running:
        yield running


def test_on_a_website_with_a_session(service: Service, tmp_path: Path) -> None:
    recorder = Recorder(service)
    recorder.send("visit", RECORD)
    ids = {"website_id": service.website_id, "session_id": recorder.find_session()}
    statuses = run(service, tmp_path, ids, most=150)
    assert {200, 400, 401} <= statuses.keys()


def test_on_any_website(service: Service, tmp_path: Path) -> None:
    statuses = run(service, tmp_path, {}, most=40)
    assert statuses.keys() == CAUSED


def run(service: Service, folder: Path, ids: dict[str, str], most: int) -> Counter[int]:
    """Run schemathesis with some ids fixed; returns how many answers had which status."""
    config = folder / "schemathesis.toml"
    fixed = (f'"path.{name}" = "{value}"\n' for name, value in ids.items())
    config.write_text("".join(["[parameters]\n", *fixed]))
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--no-color"),
            *("--config-file", str(config), "run", str(DOCUMENT), "--url", service.stack.address),
            *("--header", f"Authorization: Bearer {service.key}", "--checks", ",".join(CHECKS)),
            *("--seed", SEED, "--max-examples", str(most), "--request-timeout", "30"),
            *("--report", "json,ndjson", "--report-json-path", "report.json"),
            *("--report-ndjson-path", "report.ndjson"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((folder / "report.json").read_text())
    statuses = Counter(_statuses(folder / "report.ndjson"))
    cases, seconds = report["test_cases"]["generated"], report["running_time"]
    print(f"seed {SEED}: {cases} cases in {seconds:.0f} s, {dict(sorted(statuses.items()))}")
    assert report["operations"]["tested"] == report["operations"]["total"]
    return statuses


def _statuses(report: Path) -> Iterator[int]:
    with report.open() as lines:
        for event in map(json.loads, lines):
            recorder: Json = event.get("ScenarioFinished", {}).get("recorder", {})
            for exchange in recorder.get("interactions", {}).values():
                yield exchange["response"]["status_code"]
