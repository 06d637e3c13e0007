"""One worker and one Envoy for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.harness import Gateway, Worker, eventually, running_gateway, running_worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker() as worker:
        yield worker


@pytest.fixture(scope="module")
def edge(folder: Path, worker: Worker) -> Iterator[Gateway]:
    with running_gateway(folder, [worker.port]) as edge:
        eventually(lambda: edge.request("/healthz").status == 200)
        yield edge
