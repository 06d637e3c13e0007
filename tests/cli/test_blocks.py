"""Blocks from the command line: imported and generated data leave nothing to fold."""

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import SESSIONS


def run(database_url: str, *arguments: str, status: int = 0) -> str:
    """What a command prints on stdout."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    done = subprocess.run([*SESSIONS, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_what_is_imported_or_generated_is_folded(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "events.ndjson"
    event = {"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z", "visitor_id": "anna"}
    log.write_text(json.dumps(event | {"url": "/pricing"}) + "\n")
    imported = run(database_url, "websites", "create", "--name", "imported").strip()
    run(database_url, "import", "--website", imported, "--format", "ndjson", str(log))
    generated = run(
        database_url, "generate", "--sessions", "200", "--days", "3", "--until", "2026-03-04"
    ).strip()
    found = json.loads(run(database_url, "blocks", "status", "--json"))
    counts = {each["website_id"]: (each["sessions"], each["changed_hours"]) for each in found}
    assert counts == {imported: (1, 0), generated: (200, 0)}
    assert "folded_at" in run(database_url, "blocks", "status", "--website", imported)


@pytest.mark.parametrize("command", ["verify", "fold"])
def test_a_damaged_block_is_built_again(database_url: str, command: str) -> None:
    website = run(
        database_url, "generate", "--sessions", "50", "--days", "1", "--until", "2026-03-04"
    ).strip()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE blocks SET format = 0")
    run(database_url, "blocks", command, status=1 if command == "verify" else 0)
    assert run(database_url, "blocks", "verify", "--website", website) == (
        f"{website}: 50 sessions compared, 0 hours were wrong\n"
    )
