"""The gateway: Envoy, one port for REST and gRPC, one shape for every error.

`render` makes Envoy's configuration:

    config.write_text(render(host="127.0.0.1", port=8080, workers=[("127.0.0.1", 50051)],
                             request_timeout=10))
    subprocess.run(["envoy", "--config-path", str(config)])

Routes, timeouts, retries, parameters and error texts come from the descriptors
of the API, which `make generate` makes from the protos.
"""

from sessions.gateway.bootstrap import admin_address_file, render
from sessions.gateway.cluster import worker_endpoints
from sessions.gateway.contract import DESCRIPTORS
from sessions.gateway.tls import CallerTls, WorkerTls, certificate_secret, validation_secret

__all__ = [
    "DESCRIPTORS",
    "CallerTls",
    "WorkerTls",
    "admin_address_file",
    "certificate_secret",
    "render",
    "validation_secret",
    "worker_endpoints",
]
