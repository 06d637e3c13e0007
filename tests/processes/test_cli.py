"""What is wrong is said in one line."""

import os
import subprocess

import pytest

from tests.processes.conftest import SESSIONS


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": "", **variables}
    return subprocess.run([*SESSIONS, *arguments], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [["--help"], ["up", "-h"], ["serve", "--help"]])
def test_help_teaches_by_example(arguments: list[str]) -> None:
    done = _run(*arguments)
    assert done.returncode == 0
    assert "\n      " in done.stdout, "examples keep their lines"


def test_it_has_a_version() -> None:
    assert _run("--version").stdout.startswith("sessions, version ")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["up"], {"SESSIONS_PORT": "many"}, "SESSIONS_PORT: Input should be a valid integer"),
        (["up"], {"SESSIONS_WORKERS": "0"}, "SESSIONS_WORKERS: Input should be greater"),
        (["up"], {"SESSIONS_DATA_DIR": "/dev/null/x"}, "can't use /dev/null/x (Not a directory)"),
        (["serve"], {}, "serve needs DATABASE_URL"),
    ],
)
def test_a_bad_setting_is_one_line(
    arguments: list[str], variables: dict[str, str], message: str
) -> None:
    done = _run(*arguments, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
