"""Files that Envoy follows: it reads one again when another file is renamed to its name.

https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api#subscriptions
"""

from pathlib import Path

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import ConfigSource, PathConfigSource
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryResponse
from envoy_data_plane.google.protobuf import Any


def to_json(message: betterproto2.Message) -> str:
    """Returns a message as Envoy reads it."""
    # Fields as they are named: SNAKE would make `consecutive_5_xx` of `consecutive_5xx`.
    return message.to_json(indent=2, casing=str)  # type: ignore[arg-type]


def discovery_file(resource: betterproto2.Message) -> str:
    """Returns the content of a file with one resource."""
    return to_json(DiscoveryResponse(resources=[Any.pack(resource)]))


def followed(file: Path) -> ConfigSource:
    """Returns what the configuration says of such a file."""
    return ConfigSource(path_config_source=PathConfigSource(path=str(file.absolute())))
