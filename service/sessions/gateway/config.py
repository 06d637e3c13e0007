"""Envoy's configuration: `envoy.yaml` with the few things that differ."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from sessions.gateway import docs, errors

_HERE = Path(__file__).parent

DESCRIPTORS = _HERE / "descriptors.pb"
"""What Envoy knows of the API, made from the protos by `make generate`."""

_MARGIN = 1.0
"""Seconds that Envoy waits beyond a worker's own deadline, so that the worker's answer wins."""


def render(
    *,
    host: str,
    port: int,
    workers: Iterable[tuple[str, int]],
    request_timeout: float,
    cors_origins: Sequence[str] = (),
    admin_port: int = 0,
    descriptors: Path = DESCRIPTORS,
) -> str:
    """Returns the configuration (YAML) of an Envoy in front of the workers.

    Args:
        host: IP address to listen on.
        port: Port for REST and gRPC; 0 takes a free one.
        workers: Host and port of each gRPC worker.
        request_timeout: Seconds that a worker gives one call.
        cors_origins: Origins that browsers may call from; `*` is any, none turns CORS off.
        admin_port: Port of the admin pages on 127.0.0.1; 0 takes a free one.
        descriptors: The descriptor set of the API.
    """
    return Template((_HERE / "envoy.yaml").read_text()).substitute(
        host=json.dumps(host),
        port=port,
        admin_port=admin_port,
        descriptors=json.dumps(str(descriptors)),
        services=json.dumps(_services(descriptors)),
        lua=json.dumps(_lua(request_timeout)),
        cors=json.dumps(_cors(cors_origins)),
        docs=docs.yaml(indent=14),
        largest_file=docs.LARGEST_FILE,
        timeout=f"{request_timeout + _MARGIN:g}s",
        endpoints=json.dumps([_endpoint(*worker) for worker in workers]),
    )


def admin_address_file(config: Path) -> Path:
    """Returns the file in which a running Envoy leaves `127.0.0.1:<admin port>`."""
    return config.with_suffix(".admin")


def _services(descriptors: Path) -> list[str]:
    """All services of the API, so that a new one needs no change here."""
    files = FileDescriptorSet.FromString(descriptors.read_bytes()).file
    return [f"{file.package}.{service.name}" for file in files for service in file.service]


def _lua(request_timeout: float) -> str:
    return errors.lua_tables(request_timeout) + (_HERE / "errors.lua").read_text()


def _cors(origins: Sequence[str]) -> dict[str, object]:
    """The CORS policy; without origins there is none, and Envoy's filter does nothing."""
    if not origins:
        return {}
    return {
        "cors": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [{"exact": origin} for origin in origins],
            "allow_methods": "GET, POST",
            "allow_headers": "authorization, content-type, x-request-id",
            "expose_headers": "link, retry-after, x-request-id",
            "max_age": "86400",
        }
    }


def _endpoint(host: str, port: int) -> dict[str, object]:
    address = {"socket_address": {"address": host, "port_value": port}}
    return {"endpoint": {"address": address}}
