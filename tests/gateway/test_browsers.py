"""Pages of other origins: shut out unless their origin is configured."""

from pathlib import Path

import pytest

from tests.gateway.harness import KEY, Gateway, Worker, eventually, running_gateway

SESSIONS = "/api/websites/site_1/sessions"
ORIGIN = "https://dashboard.example.com"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "GET",
    "access-control-request-headers": "authorization",
}


def test_without_origins_there_is_no_cors(edge: Gateway) -> None:
    preflight = edge.request(SESSIONS, method="OPTIONS", headers=PREFLIGHT)
    reply = edge.request(SESSIONS, headers=KEY | {"origin": ORIGIN})
    assert preflight.status == 401
    assert reply.status == 200
    names = {*preflight.headers, *reply.headers}
    assert not [name for name in names if name.startswith("access-control")]


@pytest.mark.parametrize("allowed", [ORIGIN, "*"])
def test_configured_origins_may_call(tmp_path: Path, worker: Worker, allowed: str) -> None:
    with running_gateway(tmp_path, [worker.port], cors_origins=[allowed]) as edge:
        eventually(lambda: edge.request("/healthz").status == 200)
        preflight = edge.request(SESSIONS, method="OPTIONS", headers=PREFLIGHT)
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        assert "GET" in preflight.headers["access-control-allow-methods"]
        # A page must be able to read errors, too.
        for headers in (KEY, {}):
            reply = edge.request(f"{SESSIONS}?limit=abc", headers={**headers, "origin": ORIGIN})
            assert reply.headers["access-control-allow-origin"] == ORIGIN
            exposed = reply.headers["access-control-expose-headers"]
            assert exposed == (
                "content-disposition, link, ratelimit, ratelimit-policy, retry-after, "
                "x-request-id, x-sessions-position"
            )
        other = edge.request(SESSIONS, headers=KEY | {"origin": "https://evil.example.com"})
        assert ("access-control-allow-origin" in other.headers) == (allowed == "*")
