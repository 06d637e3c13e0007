"""The health of a worker (grpc.health.v1): what it reports, and the check that others make."""

from collections.abc import Iterable
from datetime import timedelta

import grpc
from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from sessions.domain.errors import DomainError
from sessions.storage.database import Database
from sessions.usecases.fold_blocks import LAG_LIMIT

_CHECK_SECONDS = 1.0
_CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Otherwise a refused connection delays the next attempts on the same address.
    ("grpc.use_local_subchannel_pool", 1),
)


BLOCKS = "blocks"
"""What is asked for to hear whether blocks are brought up to date in time."""


async def report_health(
    status: aio.HealthServicer, database: Database, services: Iterable[str], *, fold_lag: timedelta
) -> None:
    """Report SERVING for the process and its services while the database answers.

    Of blocks, report SERVING while no fold is overdue.
    """
    try:
        await database.ping()
        serving = True
    except DomainError:
        serving = False
    states = HealthCheckResponse
    # The empty name stands for the process, which Envoy asks for.
    for service in ("", *services):
        await status.set(service, states.SERVING if serving else states.NOT_SERVING)
    in_time = serving and fold_lag < LAG_LIMIT
    await status.set(BLOCKS, states.SERVING if in_time else states.NOT_SERVING)


async def is_serving(address: str) -> bool:
    """Whether the gRPC server at `host:port` reports SERVING within a second."""
    async with grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        try:
            reply = await check(HealthCheckRequest(), timeout=_CHECK_SECONDS)
        except grpc.aio.AioRpcError:
            return False
    return bool(reply.status == HealthCheckResponse.SERVING)
