"""A worker that does nothing: every ListSessions gets the same bytes.

`python -m bench.canned PORT FILE`; what gRPC in Python costs where nothing is asked, decoded,
read or encoded.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


async def main(port: int, answer: bytes) -> None:
    """Serve until the process is ended."""

    async def list_sessions(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        return answer

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        list_sessions
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "analytics.sessions.v1.SessionService", {"ListSessions": handler}
            ),
        )
    )
    status = health.aio.HealthServicer()
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
