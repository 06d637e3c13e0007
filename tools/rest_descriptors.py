"""Makes Envoy's view of the contract; `make generate` runs it.

A stream is text over REST, which the worker makes: Envoy only passes it on. So is a list of
sessions, of which a worker can make the JSON in less time. Each of these methods is called over
REST by a method of the same name in a derived service, with `google.api.HttpBody` in place of the
response. The public method loses its path, because Envoy answers 404 at a path that two methods
have. The other methods keep their path: Envoy makes their JSON.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

DERIVED = "analytics.sessions.rest.v1"
PRINTED = {"ListSessions"}
"""Methods with one response whose JSON the worker makes."""

_BODY_FILE, _BODY_TYPE = "google/api/httpbody.proto", ".google.api.HttpBody"


def derive(files: FileDescriptorSet) -> FileDescriptorSet:
    """The same files, and behind them those of the derived services."""
    found = FileDescriptorSet()
    found.CopyFrom(files)
    for file in files.file:
        services = [each for each in file.service if any(map(_is_printed, each.method))]
        if services:
            found.file.append(_derived(file, services))
    for method in _methods(found):
        if _is_printed(method) and method.output_type != _BODY_TYPE:
            method.options.ClearExtension(annotations_pb2.http)
    return found


def _derived(
    public: FileDescriptorProto, services: list[ServiceDescriptorProto]
) -> FileDescriptorProto:
    file = FileDescriptorProto(
        name=public.name.replace("sessions/v1/", "sessions/rest/v1/"),
        package=DERIVED,
        syntax=public.syntax,
        dependency=[*public.dependency, public.name, _BODY_FILE],
    )
    for service in services:
        derived = file.service.add(name=service.name)
        derived.method.extend(filter(_is_printed, service.method))
        for method in derived.method:
            method.output_type = _BODY_TYPE
    return file


def _methods(files: FileDescriptorSet) -> Iterator[MethodDescriptorProto]:
    for file in files.file:
        for service in file.service:
            yield from service.method


def _is_printed(method: MethodDescriptorProto) -> bool:
    by_worker = method.server_streaming or method.name in PRINTED
    return by_worker and method.options.HasExtension(annotations_pb2.http)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    descriptors = derive(FileDescriptorSet.FromString(source.read_bytes()))
    target.write_bytes(descriptors.SerializeToString(deterministic=True))
