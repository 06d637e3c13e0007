"""Questions to a child over the network: are you ready?"""

import asyncio
import http.client

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

_TIMEOUT = 1.0
_CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Otherwise a refused connection delays the next attempts on the same address.
    ("grpc.use_local_subchannel_pool", 1),
)


async def is_serving(address: str) -> bool:
    """Whether the gRPC server at `host:port` says that it is healthy."""
    async with grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        try:
            reply = await check(HealthCheckRequest(), timeout=_TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
    return bool(reply.status == HealthCheckResponse.SERVING)


async def http_get(address: str, path: str) -> tuple[int, str]:
    """Status and body of the answer from `host:port`; status 0 if there is no answer."""
    return await asyncio.to_thread(_request, "GET", address, path)


async def http_post(address: str, path: str) -> tuple[int, str]:
    """The same, for a POST without a body."""
    return await asyncio.to_thread(_request, "POST", address, path)


def _request(method: str, address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
