"""What the API's descriptors say: its methods, with their policies and REST paths."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analytics_sessions.v1 import options_pb2
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

DESCRIPTORS = Path(__file__).with_name("descriptors.pb")
"""What Envoy knows of the API, made from the protos by `make generate`."""


@dataclass(frozen=True)
class Method:
    """A method of the API.

    Attributes:
        path: its path over gRPC, `/<service>/<method>`.
        request: its request message.
        declaration: the method as the protos declare it.
    """

    path: str
    request: DescriptorProto
    declaration: MethodDescriptorProto

    @property
    def policy(self) -> options_pb2.MethodPolicy:
        """What the service asks of a call; see `options.proto`."""
        return self.declaration.options.Extensions[options_pb2.method_policy]  # type: ignore[index]

    @property
    def is_repeatable(self) -> bool:
        """Whether a call may be sent again although it may have been carried out."""
        return self.declaration.options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN

    @property
    def is_streaming(self) -> bool:
        """Whether the caller, the service or both send more than one message."""
        return self.declaration.client_streaming or self.declaration.server_streaming

    @property
    def is_rest_stream(self) -> bool:
        """Whether the responses are pieces of one answer over REST, as a worker makes it."""
        is_text = self.declaration.output_type == ".google.api.HttpBody"
        return is_text and self.declaration.server_streaming

    @property
    def rest(self) -> list[HttpRule]:
        """How it is called over REST; empty where it is not."""
        options = self.declaration.options
        if not options.HasExtension(annotations_pb2.http):
            return []
        rule = options.Extensions[annotations_pb2.http]
        # A method can have several paths.
        return [rule, *rule.additional_bindings]


class Contract:
    """The API as a file of descriptors describes it.

    Args:
        descriptors: the file, a serialized `FileDescriptorSet` with all imports.
    """

    def __init__(self, descriptors: Path) -> None:
        self.descriptors = descriptors
        self._files = FileDescriptorSet.FromString(descriptors.read_bytes()).file

    @cached_property
    def services(self) -> list[str]:
        """The full names of all services."""
        return [f"{file.package}.{service.name}" for file, service in self._declared()]

    @cached_property
    def packages(self) -> list[str]:
        """The packages that have services."""
        return sorted({file.package for file, _ in self._declared()})

    @cached_property
    def methods(self) -> list[Method]:
        """The methods of all services."""
        # Types are named with a leading dot in descriptors.
        messages = {
            f".{file.package}.{message.name}": message
            for file in self._files
            for message in file.message_type
        }
        return [
            Method(
                f"/{file.package}.{service.name}/{method.name}",
                messages[method.input_type],
                method,
            )
            for file, service in self._declared()
            for method in service.method
        ]

    @property
    def max_request_bytes(self) -> int:
        """The size of the largest request that any method takes."""
        return max(method.policy.max_request_bytes for method in self.methods)

    def _declared(self) -> Iterator[tuple[FileDescriptorProto, ServiceDescriptorProto]]:
        for file in self._files:
            for service in file.service:
                yield file, service
