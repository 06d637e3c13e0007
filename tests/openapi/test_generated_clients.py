"""Clients that generators make of the document compile, and their typed calls are answered.

ogen makes one of Go; openapi-generator, from its Maven plugin, makes one of Java and one of
TypeScript. Each records an event and lists the session; see `generated_clients`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from openapi.build import DOCUMENT
from tests.openapi.service import running_service
from tests.support.tools import missing

CLIENTS = Path(__file__).with_name("generated_clients")
TYPESCRIPT_SDK = Path(__file__).parents[2] / "sdk/typescript"
SECONDS = 600
"""For downloading and compiling what a generator needs, on a busy machine for the first time."""
EXPECTED = "1 {} 1 true null"
"""The line of a client; its generator may print others."""

pytestmark = [pytest.mark.timeout(3 * SECONDS), pytest.mark.xdist_group("generated_clients")]


@pytest.fixture(scope="module")
def environment() -> Iterator[Mapping[str, str]]:
    """The environment of a client: a running service, with a website and a key."""
    with running_service() as service:
        yield os.environ | {
            "SESSIONS_ADDRESS": service.stack.address,
            "SESSIONS_KEY": service.key,
            "SESSIONS_WEBSITE_ID": service.website_id,
        }


@dataclass(frozen=True)
class Made:
    """What openapi-generator made, and what its client of Java printed."""

    folder: Path
    printed_by_java: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, environment: Mapping[str, str]) -> Made:
    """One run of Maven: it generates both clients, and compiles and runs that of Java."""
    need("mvn", "javac")
    folder = tmp_path_factory.mktemp("maven")
    command = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", CLIENTS / "maven/pom.xml"]
    goals = [f"-Dmade={folder}", f"-Ddocument={DOCUMENT}", "compile", "exec:java"]
    return Made(folder, run([*command, *goals], folder, environment))


def test_go(tmp_path: Path, environment: Mapping[str, str]) -> None:
    need("go")
    shutil.copytree(CLIENTS / "go", tmp_path, dirs_exist_ok=True)
    run(["go", "tool", "ogen", "--target", "api", "--package", "api", DOCUMENT], tmp_path)
    assert EXPECTED.format("go") in run(["go", "run", "."], tmp_path, environment).splitlines()


def test_java(made: Made) -> None:
    assert EXPECTED.format("java") in made.printed_by_java.splitlines()


def test_typescript(made: Made, environment: Mapping[str, str]) -> None:
    need("npm")
    folder, modules = made.folder, TYPESCRIPT_SDK / "node_modules"
    if not modules.is_dir():
        run(["npm", "ci"], TYPESCRIPT_SDK)
    shutil.copy(CLIENTS / "typescript/call.ts", folder)
    (folder / "typescript-fetch").rename(folder / "client")
    options = ["--strict", "--target", "es2022", "--module", "commonjs", "--types", "node"]
    roots = ["--typeRoots", modules / "@types", "--outDir", "built"]
    run([modules / ".bin/tsc", *options, *roots, "call.ts"], folder)
    printed = run(["node", "built/call.js"], folder, environment)
    assert EXPECTED.format("typescript") in printed.splitlines()


def need(*programs: str) -> None:
    """Skips, or fails in CI, without these programs."""
    for program in programs:
        if not shutil.which(program):
            missing(f"{program} is missing: clients that generators make were not tried")


def run(
    command: Sequence[object], folder: Path, environment: Mapping[str, str] = os.environ
) -> str:
    """What a command prints; it is shown when it fails."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-4_000:]}{done.stderr[-4_000:]}"
    return done.stdout
