"""The health of a worker (grpc.health.v1): what it reports, and the check that others make."""

from collections.abc import Iterable

import grpc
from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from sessions.domain.errors import DomainError
from sessions.storage.database import Database

_CHECK_SECONDS = 1.0
_CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Otherwise a refused connection delays the next attempts on the same address.
    ("grpc.use_local_subchannel_pool", 1),
)


async def report_health(
    status: aio.HealthServicer, database: Database, services: Iterable[str]
) -> None:
    """Report SERVING for the process and its services while the database answers."""
    try:
        await database.ping()
        serving = True
    except DomainError:
        serving = False
    states = HealthCheckResponse
    for service in ("", *services):
        await status.set(service, states.SERVING if serving else states.NOT_SERVING)


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
