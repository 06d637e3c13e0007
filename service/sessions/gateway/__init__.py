"""The front door: Envoy, one port for REST and gRPC, one shape for every error.

`render` makes Envoy's configuration:

    config.write_text(render(host="127.0.0.1", port=8080, workers=[("127.0.0.1", 50051)],
                             request_timeout=10))
    subprocess.run(["envoy", "--config-path", str(config)])
"""

from sessions.gateway.config import DESCRIPTORS, admin_address_file, render

__all__ = ["DESCRIPTORS", "admin_address_file", "render"]
