"""What is published of the Python SDK works where nothing else is installed."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sdk.conftest import ROOT, SUITE_SECONDS
from tests.sdk.python.examples import check_examples
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(SUITE_SECONDS)

TYPED = """\
from analytics_sessions import AsyncClient, Client, Event, Page, Session

def days(client: Client) -> list[str]:
    reveal_type(client.record("site", [Event(url="/"), {"sequence": 1}]))
    page: Page[Session] = client.sessions("site", cursor=None, page_size=7).page()
    return [found.session_id for found in client.sessions("site", filter_os=["iOS", ""])]

async def walk(client: AsyncClient) -> None:
    async for event in client.events("site", "sess"):
        reveal_type(event.url)
    client.sessions("site", filter_so="iOS")
    client.sessions("site", filter_os=None)
    client.sessions("site", start_date=3)
    await client.record("site", [{"even_name": "x"}])
"""
TYPES = [
    (4, 'Revealed type is "tuple[int, fallback=analytics_sessions._messages.Recorded]"'),
    (10, 'Revealed type is "str"'),
    (11, "call-arg"),
    (12, "arg-type"),
    (13, "arg-type"),
    (14, "list-item"),
]

OWN_MODULES = """\
import analytics, pickle, sessions
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1 import event_service_pb2_grpc, session_service_pb2_grpc
from analytics_sessions.v1 import visitor_service_pb2_grpc

event = pickle.loads(pickle.dumps(Event(url="as sent")))
print(analytics.WHOSE, sessions.WHOSE, event.url, sep=", ")
"""


def pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, timeout=600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the SDK."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT / "sdk/python")
    [made] = folder.glob("analytics_sessions-*.whl")
    return made


def oldest(folder: Path) -> Path:
    """Constraints to the lowest version that the SDK allows of each of its dependencies."""
    project = tomllib.loads((ROOT / "sdk/python/pyproject.toml").read_text())["project"]
    lowest = [re.sub(">=([^,]+),.*", r"==\1", each) for each in project["dependencies"]]
    found = [each for each in lowest if ";" not in each]
    assert all("==" in each for each in found)
    (folder / "oldest.txt").write_text("\n".join(found))
    return folder / "oldest.txt"


def newest(_: Path) -> Path:
    """The versions that the service is tested with."""
    return ROOT / "constraints.txt"


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
        metadata = packed.read(f"{wheel.name.rsplit('-', 3)[0]}.dist-info/METADATA").decode()
    assert {name.split("/")[0] for name in names} == {"analytics_sessions"}
    assert "analytics_sessions/py.typed" in names
    assert "License-File: LICENSE" in metadata
    assert "# analytics-sessions" in metadata


@pytest.mark.parametrize("versions", [newest, oldest])
def test_wheel_in_an_empty_environment(
    wheel: Path,
    versions: Callable[[Path], Path],
    stack: Stack,
    sdk_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    python = installed(wheel, tmp_path / "venv", versions(tmp_path))
    project = tmp_path / "project"
    shadowed(project)
    environment = {name: text for name, text in sdk_environment.items() if name != "PYTHONPATH"}
    website = stack.command("websites", "create", "--name", "wheel")
    assert check_examples(python, environment, website, project) >= 10
    assert ran(python, project, OWN_MODULES) == "own analytics, own sessions, as sent\n"
    if versions is newest:
        assert mypy_finds(python, project) == TYPES


def installed(wheel: Path, environment: Path, versions: Path) -> Path:
    """The interpreter of a new environment that has the wheel and what it depends on."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    pip("--python", python, "install", "--constraint", versions, wheel)
    return python


def shadowed(project: Path) -> None:
    """A project with modules of its own that are named as parts of the API's proto package are."""
    (project / "analytics").mkdir(parents=True)
    (project / "analytics/__init__.py").write_text("WHOSE = 'own analytics'\n")
    (project / "sessions.py").write_text("WHOSE = 'own sessions'\n")


def ran(python: Path, folder: Path, script: str) -> str:
    return subprocess.run(
        [python, "-W", "error", "-c", script],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def mypy_finds(python: Path, folder: Path) -> list[tuple[int, str]]:
    """The lines that mypy has something to say about: the type to reveal, or the error's code."""
    (folder / "typed.py").write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "typed.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = re.findall(r":(\d+): (?:error: .*\[(.+)\]|note: (Revealed .*))", done.stdout)
    return [(int(line), code or revealed) for line, code, revealed in said]
