"""Questions to Envoy over HTTP."""

import asyncio
import http.client

_TIMEOUT = 1.0


async def http_get(address: str, path: str) -> tuple[int, str]:
    """Status and body of the answer from `host:port`; status 0 if there is no answer."""
    return await asyncio.to_thread(_request, "GET", address, path)


async def http_post(address: str, path: str) -> tuple[int, str]:
    """The same, for a POST without a body."""
    return await asyncio.to_thread(_request, "POST", address, path)


def _request(method: str, address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
