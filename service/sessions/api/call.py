"""A call and what is known of it."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc

from sessions.api.methods import Method
from sessions.domain.api_keys import ApiKey
from sessions.domain.client_addresses import canonical_ip

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

# Set by the gateway on REST calls: the id as it stands in the path, percent-encoded.
_PATH_WEBSITE = "x-path-website-id"

_REQUEST_ID = re.compile(r"[!-~]{1,128}")


class Call:
    """One call and what is known of it so far.

    `key` is there once it was found; `headers` go out with the answer; `code` and `reason` are
    what the log says of it.
    """

    key: ApiKey

    __slots__ = ("code", "context", "headers", "key", "metadata", "method", "reason", "started")

    def __init__(self, method: Method, context: Context) -> None:
        self.method = method
        self.context = context
        self.metadata: Mapping[str, str | bytes] = dict(context.invocation_metadata() or ())
        self.headers: dict[str, str] = {}
        self.started = time.perf_counter()
        # What the log says of a call whose caller goes away before there is an answer.
        self.code = grpc.StatusCode.CANCELLED
        self.reason: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header that is text."""
        value = self.metadata.get(name)
        return value if isinstance(value, str) else None

    @property
    def request_id(self) -> str | None:
        """The id that the gateway or the caller gave it; None where that is no printable text."""
        found = self.header("x-request-id")
        return found if found and _REQUEST_ID.fullmatch(found) else None

    @property
    def website_in_path(self) -> str | None:
        """The website in the path of a REST call, percent-encoded; None over gRPC."""
        return self.header(_PATH_WEBSITE)

    def address(self, trusted_proxies: int) -> str:
        """Where the caller is: as the first trusted proxy, or the gateway, saw it.

        Without them it is who has called the worker.
        """
        # From the right: what stands further left is what the caller says.
        forwarded = (self.header("x-forwarded-for") or "").split(",")[-1 - trusted_proxies :]
        return canonical_ip(forwarded[0].strip()) or str(self.context.peer()).rpartition(":")[0]

    async def send_headers(self) -> None:
        """Send the headers of the answer, which is about to follow."""
        if self.headers:
            await self.context.send_initial_metadata(tuple(self.headers.items()))

    def deadline(self, seconds: float) -> asyncio.Timeout:
        """Give what follows as long as the service does, or as long as the caller waits."""
        # None where the caller has set no deadline.
        remaining = self.context.time_remaining()
        return asyncio.timeout(seconds if remaining is None else min(seconds, remaining))
