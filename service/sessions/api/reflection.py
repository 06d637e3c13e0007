"""Server reflection, by which clients such as grpcurl learn the API without its proto files.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from collections.abc import Sequence
from typing import Any

import grpc

# grpcurl may ask for what no service imports.
from analytics_sessions.v1 import error_reason_pb2  # noqa: F401
from google.protobuf import json_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from grpc_reflection.v1alpha import reflection, reflection_pb2

_ALPHA = "grpc.reflection.v1alpha"
_V1 = "grpc.reflection.v1"
_SERVICE = "ServerReflection"
_METHOD = "ServerReflectionInfo"


class _Symbols:
    """The pool of descriptors, which finds methods and values of enums too, by their parents."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 (the pool's)
        """The file of a symbol; KeyError where there is none."""
        try:
            found: FileDescriptor = self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            # The pool knows methods and values of enums by their parents only.
            parent = symbol.rpartition(".")[0]
            found = self._pool.FindFileContainingSymbol(parent)
        return found


def reflection_handlers(services: Sequence[str]) -> list[grpc.GenericRpcHandler]:
    """Handlers of reflection, which answers for some services and for itself.

    Its versions v1 and v1alpha differ in nothing but their names; the package has v1alpha only.
    """
    names = [f"{package}.{_SERVICE}" for package in (_ALPHA, _V1)]
    pool: Any = Default()
    alpha = json_format.MessageToJson(_file())
    v1 = alpha.replace(_ALPHA, _V1).replace("v1alpha/", "v1/")
    pool.Add(json_format.Parse(v1, FileDescriptorProto()))
    servicer = reflection.aio.ReflectionServicer([*services, *names], pool=_Symbols(pool))
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [grpc.method_handlers_generic_handler(name, {_METHOD: method}) for name in names]


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    return file
