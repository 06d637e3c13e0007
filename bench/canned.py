"""A worker that does nothing: every ListSessions gets the same answer.

`python -m bench.canned PORT FILE message|bytes`. With `message` it is a servicer as anybody
would write it: requests are decoded, and the one message is encoded for every call. With
`bytes` not even that: it is what grpc.aio itself costs. It runs on uvloop, as workers do.
"""

import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop
from analytics_sessions.v1 import session_service_pb2 as messages
from analytics_sessions.v1 import session_service_pb2_grpc as services
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class _Servicer(services.SessionServiceServicer):
    def __init__(self, answer: bytes) -> None:
        self._answer = messages.ListSessionsResponse.FromString(answer)

    async def ListSessions(  # noqa: N802 (the name in the protos)
        self, request: messages.ListSessionsRequest, context: Context
    ) -> messages.ListSessionsResponse:
        return self._answer

    async def GetSession(  # noqa: N802
        self, request: messages.GetSessionRequest, context: Context
    ) -> messages.GetSessionResponse:
        return messages.GetSessionResponse()


def _bytes_handler(answer: bytes) -> grpc.GenericRpcHandler:
    async def list_sessions(request: bytes, context: Context) -> bytes:
        return answer

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        list_sessions
    )
    name = messages.DESCRIPTOR.services_by_name["SessionService"].full_name
    return grpc.method_handlers_generic_handler(name, {"ListSessions": handler})


async def main(port: int, answer: bytes, mode: str) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    if mode == "bytes":
        server.add_generic_rpc_handlers((_bytes_handler(answer),))
    else:
        make: Any = _Servicer  # abstract for the stubs: it need not have all methods
        services.add_SessionServiceServicer_to_server(make(answer), server)
    status = health.aio.HealthServicer()
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), sys.argv[3]))
