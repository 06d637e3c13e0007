"""What the health checks of a worker say, by service."""

from datetime import timedelta
from typing import Any

import pytest
from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from sessions.storage.database import Database
from sessions.worker.health import BLOCKS, report_health

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize(("minutes", "expected"), [(0, SERVING), (4, SERVING), (6, NOT_SERVING)])
async def test_blocks_that_are_behind_are_told_apart(
    database_url: str, minutes: int, expected: int
) -> None:
    status = aio.HealthServicer()
    async with Database(database_url) as database:
        await report_health(status, database, ["some"], fold_lag=timedelta(minutes=minutes))
    check: Any = status.Check
    found = {
        name: (await check(HealthCheckRequest(service=name), None)).status
        for name in ("", "some", BLOCKS)
    }
    assert found == {"": SERVING, "some": SERVING, BLOCKS: expected}
