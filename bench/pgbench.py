"""A statement run by pgbench, which costs next to nothing beside PostgreSQL itself."""

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from sessions.standalone.cluster import binary

from bench.programs import find_program
from bench.statements import Statement

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


def p50(statement: Statement, database_url: str, seconds: float) -> float:
    """Median latency of one client that runs it prepared, in milliseconds."""
    script, options = statement.for_pgbench()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "statement.sql"
        file.write_text(script)
        subprocess.run(  # noqa: S603
            [
                *(_program(), "--no-vacuum", "--protocol=prepared", "--client=1"),
                *(f"--time={max(1, round(seconds))}", f"--file={file}", *options),
                *("--log", f"--log-prefix={folder}/log"),
            ],
            env=_environment(database_url),
            check=True,
            capture_output=True,
        )
        logs = list(Path(folder).glob("log.*"))
        lines = [line for log in logs for line in log.read_text().splitlines()]
    return statistics.median(int(line.split()[2]) for line in lines) / 1000


def _program() -> str:
    ours = binary("pgbench")
    return str(ours) if ours.exists() else find_program("pgbench", "postgresql-contrib")


def _environment(database_url: str) -> dict[str, str]:
    """How to connect; not on the command line, where others can read the password."""
    parts = conninfo_to_dict(database_url)
    connection = {_VARIABLES[name]: str(parts[name]) for name in _VARIABLES if name in parts}
    return {**os.environ, **connection, "PGOPTIONS": "-c jit=off -c timezone=UTC"}
