"""The files in deploy/ are right, as the programs that read them see it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tools import missing

ROOT = Path(__file__).parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"


def promtool(*arguments: str) -> None:
    if not shutil.which("promtool"):
        missing("promtool is not installed (package prometheus)")
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "check config prometheus.yml",
        "check rules --lint-fatal alerts.yml",
        "test rules alerts_test.yml",
    ],
)
def test_prometheus_takes_its_files(arguments: str) -> None:
    promtool(*arguments.split())


def dashboard_expressions() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            expression: str = target["expr"]
            yield expression.replace("$__rate_interval", "5m").replace("$instance", ".*")


def test_prometheus_can_parse_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": "x", "expr": expression} for expression in dashboard_expressions()]
    assert len(rules) > 20
    for number, rule in enumerate(rules):
        rule["record"] = f"panel:{number}"
    file = tmp_path / "rules.yml"
    # JSON is YAML, too.
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_dashboard_and_alerts_use_metrics_that_there_are() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    names = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    histograms = re.findall(r"^\| `(\w+)` \| histogram \|", page, re.MULTILINE)
    series = {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    labels = set(re.findall(r"`(\w+)`(?=[,` \w]* \| [A-Z1])", page))
    text = "\n".join([*dashboard_expressions(), (PROMETHEUS / "alerts.yml").read_text()])
    used = set(re.findall(r"\b(?:sessions|envoy|rpc|db)_\w+", text)) - labels
    assert len(used) > 20
    assert used <= {*names, *series}


def test_every_alert_is_documented() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    documented = re.findall(r"^\| `(Sessions\w+)` \| (\w+) \|", page, re.MULTILINE)
    alerts = (PROMETHEUS / "alerts.yml").read_text()
    found = re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", alerts, re.DOTALL)
    assert documented == found


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze is not installed (package systemd)")
    installed = str(Path(sys.executable).parent)
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        text = unit.read_text().replace("/opt/sessions/.venv/bin", installed)
        (tmp_path / unit.name.replace("@", "@50051")).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == 5
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    # What it says of units of the machine itself is none of ours.
    ours = [line for line in done.stderr.splitlines() if "sessions" in line]
    assert (done.returncode, ours) == (0, [])
