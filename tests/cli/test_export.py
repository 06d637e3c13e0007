"""`sessions export`: what it refuses before it looks at a database, and where it goes on."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sessions.cli.export import export


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(export, ["--website", "site_x", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "csv", "--include-events"], "are for --format ndjson"),
        (["--format", "csv", "--resume", "--output", "x"], "are for --format ndjson"),
        (["--resume"], "--resume needs --output"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "export.ndjson"
    file.write_text("mine\n")
    result = run("--output", file)
    assert result.exit_code == 1
    assert "exists: remove it, or go on with it by --resume" in result.stderr
    assert file.read_text() == "mine\n"


def test_a_complete_file_needs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "export.ndjson"
    text = '{"session":{}}\n{"cursor":"a"}\n{"end":{"sessions":1}}\n'
    file.write_text(text)
    result = run("--output", file, "--resume")
    assert (result.exit_code, result.stderr) == (0, f"{file} is complete\n")
    assert file.read_text() == text
