"""The TypeScript SDK: its own suite, and its package as a stranger installs it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.conftest import ROOT, SUITE_SECONDS, cases_of, run_suite
from tests.support.tools import missing

pytestmark = pytest.mark.timeout(SUITE_SECONDS)

SDK = ROOT / "sdk/typescript"
NODE = 20
_NOT_COPIED = shutil.ignore_patterns("node_modules", "build", "dist")


_TYPED = """
import { Client, NotFound, restClient, type Session } from "analytics-sessions";
import { EventService } from "analytics-sessions/gen/event_service";

const client = new Client({ address: "here:1", key: "k", timeoutMs: 1_000, retryMs: 0 });
export const session: Promise<Session> = client.session("site", "sess");
export const sessions = client.sessions("site", { filterOs: ["iOS"], filterCity: "" });
// @ts-expect-error: there is no such parameter
export const misspelt = client.sessions("site", { filterColour: "red" });
// @ts-expect-error: a moment is no text
export const recorded = client.record("site", [{ eventType: "pageview", timestamp: "now" }]);
export const listed = () => {
  const params = { path: { website_id: "site" }, query: { limit: 1 } };
  return restClient().GET("/api/websites/{website_id}/sessions", { params });
};
// @ts-expect-error: there is no such path
export const wrong = () => restClient().GET("/api/websites");
export const reason = (error: NotFound): string => `${error.reason} ${error.requestId}`;
export const name: string = EventService.typeName;
"""


def _node_version() -> int:
    """The major version of Node, 0 where it or npm is missing."""
    if not shutil.which("node") or not shutil.which("npm"):
        return 0
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(printed.stdout.removeprefix("v").partition(".")[0])


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the SDK with what `package-lock.json` names; where there is no Node, none."""
    if _node_version() < NODE:
        missing(f"sdk/typescript: its suite and its package did not run, they need Node {NODE}")
    folder = tmp_path_factory.mktemp("typescript") / "sdk"
    shutil.copytree(SDK, folder, ignore=_NOT_COPIED)
    run_suite(["npm", "ci"], folder, dict(os.environ))
    yield folder
    shutil.rmtree(folder)


def test_lock_has_the_version() -> None:
    version = json.loads((SDK / "package.json").read_text())["version"]
    lock = json.loads((SDK / "package-lock.json").read_text())
    assert lock["version"] == lock["packages"][""]["version"] == version


def test_lock_names_no_registry() -> None:
    assert '"resolved"' not in (SDK / "package-lock.json").read_text()


def test_license() -> None:
    assert (SDK / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_readme_names_all_filters() -> None:
    readme = (SDK / "README.md").read_text()
    protos = (ROOT / "protos/analytics/sessions/v1/session_service.proto").read_text()
    filters = {*re.findall(r"repeated string (filter_\w+)", protos)}
    assert len(filters) == 13
    for name in filters:
        assert f"`{re.sub(r'_(.)', lambda match: match[1].upper(), name)}`" in readme


def test_suite(sdk: Path, sdk_environment: dict[str, str]) -> None:
    run_suite(["npm", "run", "lint"], sdk, sdk_environment)
    printed = run_suite(["npm", "test"], sdk, sdk_environment)
    passed = re.findall(r"^ok \d+ - (\w+)(?!.*# SKIP)", printed, re.MULTILINE)
    for case, text in cases_of("typescript").items():
        assert case in passed, f"{case}: {text}"


@pytest.fixture(scope="module")
def project(sdk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty project with nothing but the package, installed from its tarball."""
    folder = tmp_path_factory.mktemp("project")
    run_suite(["npm", "pack", "--pack-destination", str(folder)], sdk, dict(os.environ))
    (folder / "package.json").write_text("{}")
    (tarball,) = folder.glob("*.tgz")
    run_suite(["npm", "install", tarball.name], folder, dict(os.environ))
    return folder


def test_package(sdk: Path, project: Path, sdk_environment: dict[str, str]) -> None:
    check_holds_what_users_need(project / "node_modules/analytics-sessions")
    check_runs_the_readme(project, sdk_environment)
    check_has_types(sdk, project)


def check_holds_what_users_need(package: Path) -> None:
    held = {path.name for path in package.iterdir() if path.name != "node_modules"}
    assert held == {"LICENSE", "README.md", "dist", "package.json"}
    dependencies = json.loads((package / "package.json").read_text())["dependencies"]
    assert len(dependencies) == 4


def check_runs_the_readme(project: Path, sdk_environment: dict[str, str]) -> None:
    blocks = re.findall(r"^```js\n(.*?)^```$", (SDK / "README.md").read_text(), re.M | re.S)
    (project / "readme.mjs").write_text("\n".join(blocks))
    done = subprocess.run(
        ["node", "readme.mjs"],
        cwd=project,
        env=sdk_environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^sess_\w+ DE \d+$", done.stdout, re.M)) == 50


def check_has_types(sdk: Path, project: Path) -> None:
    (project / "typed.mts").write_text(_TYPED)
    compiler = [str(sdk / "node_modules/.bin/tsc"), "--noEmit", "--strict", "--module", "nodenext"]
    roots = ["--typeRoots", str(sdk / "node_modules/@types"), "--types", "node"]
    run_suite([*compiler, *roots, "--lib", "es2023,dom", "typed.mts"], project, dict(os.environ))
