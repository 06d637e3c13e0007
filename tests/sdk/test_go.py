"""The Go SDK: its own suite against the service, and the module as its users get it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.sdk.conftest import ROOT, SUITE_SECONDS, cases_of, run_suite
from tests.support.tools import missing

pytestmark = pytest.mark.timeout(SUITE_SECONDS)

SDK = ROOT / "sdk" / "go"
README = (SDK / "README.md").read_text()
MODULE = re.findall(r"^module (\S+)", (SDK / "go.mod").read_text())[0]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def go() -> str:
    """The go command; without it the tests are skipped, but in CI they fail."""
    found = shutil.which("go")
    if found is None:
        missing("Go is missing: the suite of sdk/go and the tests of its module did not run")
    return found


def block(language: str, number: int = 0) -> str:
    """One of the README's blocks in a language."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```\n", README, re.DOTALL)
    return found[number]


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command prints; its errors are shown when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def export(folder: Path) -> Path:
    """A copy of what git has of the SDK, without the module of its tools."""
    listed = subprocess.run(
        ["git", "ls-files", "--", ".", ":!tools"],
        cwd=SDK,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SDK / name, folder / name)
    return folder


def proxy(folder: Path, exported: Path) -> str:
    """A module proxy of files that has the SDK only; returns its URL."""
    versions = folder / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text(f"v{VERSION}\n")
    (versions / f"v{VERSION}.info").write_text(json.dumps({"Version": f"v{VERSION}"}))
    shutil.copy(exported / "go.mod", versions / f"v{VERSION}.mod")
    with zipfile.ZipFile(versions / f"v{VERSION}.zip", "w") as archive:
        for path in sorted(exported.rglob("*")):
            if path.is_file():
                archive.write(path, f"{MODULE}@v{VERSION}/{path.relative_to(exported)}")
    return folder.as_uri()


@pytest.fixture
def consumer(go: str, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A fresh module beside a copy of the SDK, and an environment with caches of its own.

    What other modules need comes from what is downloaded already, or else as usual.
    """
    exported = export(tmp_path / "analytics" / "sdk" / "go")
    usual, downloaded = run([go, "env", "GOPROXY", "GOMODCACHE"], SDK, os.environ).splitlines()
    cache = Path(downloaded, "cache", "download").as_uri()
    environment = dict(os.environ) | {
        "GOPROXY": f"{proxy(tmp_path / 'proxy', exported)},{cache},{usual}",
        "GOMODCACHE": str(tmp_path / "modules"),
        "GOFLAGS": "-mod=mod -modcacherw -trimpath",  # the build cache is of use in any folder
        "GOWORK": "off",
        "GOSUMDB": "off",
    }
    app = tmp_path / "app"
    app.mkdir()
    run([go, "mod", "init", "app.example/app"], app, environment)
    (app / "main.go").write_text(block("go"))
    return app, environment


def test_suite(go: str, sdk_environment: dict[str, str]) -> None:
    assert run([str(Path(go).with_name("gofmt")), "-l", "."], SDK, os.environ) == ""
    run_suite([go, "vet", "./..."], SDK, sdk_environment)
    enabled, compiler = run([go, "env", "CGO_ENABLED", "CC"], SDK, os.environ).splitlines()
    race = ["-race"] if enabled == "1" and shutil.which(compiler) else []
    printed = run_suite([go, "test", *race, "-v", "-count=1", "./..."], SDK, sdk_environment)
    passed = re.findall(r"^--- PASS: Test(\w+)", printed, re.MULTILINE)
    for case, text in cases_of("go").items():
        name = case.title().replace("_", "")
        assert any(re.match(rf"{name}(?![a-z])", each) for each in passed), f"{case}: {text}"


def test_version() -> None:
    client = (SDK / "client.go").read_text()
    assert re.findall(r'^const Version = "(.*)"$', client, re.MULTILINE) == [VERSION]


def test_example_with_the_module_from_a_proxy(
    go: str, consumer: tuple[Path, dict[str, str]], sdk_environment: dict[str, str]
) -> None:
    app, environment = consumer
    run([go, "get", f"{MODULE}@v{VERSION}"], app, environment)
    printed = run([go, "run", "."], app, sdk_environment | environment)
    assert printed == block("text")


def test_installation_of_the_readme(go: str, consumer: tuple[Path, dict[str, str]]) -> None:
    app, environment = consumer
    run(["sh", "-euc", block("sh")], app, environment)
    run([go, "vet", "."], app, environment)
    assert "analytics/sdk/go" in run([go, "list", "-m", MODULE], app, environment)


def test_example_is_formatted(go: str, consumer: tuple[Path, dict[str, str]]) -> None:
    app, environment = consumer
    assert run([str(Path(go).with_name("gofmt")), "-l", "."], app, environment) == ""


def test_the_module_may_have_another_name(go: str, tmp_path: Path) -> None:
    exported = export(tmp_path / "module")
    run([go, "mod", "edit", "-module", "elsewhere.example/renamed"], exported, os.environ)
    run([go, "vet", "./..."], exported, os.environ)
