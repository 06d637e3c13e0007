"""A small gRPC server on a real socket that answers as it is told."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from analytics_sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

METHODS: dict[str, tuple[type[Message], type[Message]]] = {
    f"/{service.full_name}/{method.name}": (
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
    )
    for file in (session_service_pb2, event_service_pb2, visitor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}

_unary = grpc.unary_unary_rpc_method_handler
END = Empty()
"""As a step: a stream ends well, without an answer."""

REQUEST_ID = "one for all"
"""What answers carry in front; the running service has errors carry it in their only metadata."""


@dataclass
class Call:
    """A call that came in."""

    request: Any
    metadata: dict[str, str | bytes]
    at: float
    seconds_left: float


@dataclass
class Server(grpc.GenericRpcHandler):
    """Answers each call with the next step of its script, and with an empty message after that.

    A step is a message to answer with, a status to fail with, or seconds to say nothing for.
    """

    script: list[Message | float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    """What the next answers say of what was recorded."""
    address: str = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        request, response = METHODS[handler_call_details.method]

        def answer(message: Any, context: grpc.ServicerContext) -> Message:
            self._keep(message, context)
            told = [("x-sessions-position", position) for position in self.positions[:1]]
            del self.positions[:1]
            context.send_initial_metadata((("x-request-id", REQUEST_ID), *told))
            return self._step(context, response())

        def answers(messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Message]:
            for message in messages:
                self._keep(message, context)
                if self.script and self.script[0] is END:
                    self.script.pop(0)
                    return
                yield self._step(context, response(batch=message.batch))

        def stream(message: Any, context: grpc.ServicerContext) -> Iterator[Message]:
            self._keep(message, context)
            while self.script and self.script[0] is not END:
                step: Any = self._step(context, response())
                yield step
                # A client that has its last message leaves: what follows is for the next call.
                if step.is_last:
                    return
            del self.script[:1]

        if handler_call_details.method.endswith("/ExportSessions"):
            return grpc.unary_stream_rpc_method_handler(
                stream,
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
        streams = handler_call_details.method.endswith("/StreamEvents")
        made = grpc.stream_stream_rpc_method_handler if streams else _unary
        return made(
            answers if streams else answer,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _keep(self, message: Any, context: grpc.ServicerContext) -> None:
        metadata = dict(context.invocation_metadata())
        left = context.time_remaining() or 0.0
        self.calls.append(Call(message, metadata, time.monotonic(), left))

    def _step(self, context: grpc.ServicerContext, usual: Message) -> Message:
        step = self.script.pop(0) if self.script else usual
        if isinstance(step, Status):
            context.abort_with_status(rpc_status.to_status(step))
        if isinstance(step, int | float):
            time.sleep(step)
            return usual
        return step

    @property
    def pauses(self) -> list[float]:
        """Seconds between each call and the next."""
        return [after.at - call.at for call, after in zip(self.calls, self.calls[1:], strict=False)]


@contextmanager
def running_server(
    credentials: grpc.ServerCredentials | None = None, port: int = 0
) -> Iterator[Server]:
    """A server on this machine, at a free port unless one is named."""
    handler = Server()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    if credentials:
        port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
        handler.address = f"https://localhost:{port}"
    else:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
        handler.address = f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield handler
    finally:
        server.stop(0).wait()


def status(code: str, retry_seconds: float | None = None) -> Status:
    """A failure, with the delay that it asks for."""
    details = []
    if retry_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(int(retry_seconds * 1000))
        details.append(AnyMessage())
        details[0].Pack(RetryInfo(retry_delay=delay))
    return Status(code=Code.Value(code), message=f"this is {code}", details=details)
