"""A call on its way through the interceptors."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import grpc

from sessions.api.methods import Method
from sessions.domain.api_keys import ApiKey

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

# Set by the gateway on REST calls: the id as it stands in the path, percent-encoded.
_PATH_WEBSITE = "x-path-website-id"


class Call:
    """One call and what is known of it so far.

    `key` is there once it was found; `code` and `reason` are what the log says of it.
    """

    key: ApiKey

    __slots__ = ("code", "context", "key", "metadata", "method", "reason")

    def __init__(self, method: Method, context: Context) -> None:
        self.method = method
        self.context = context
        self.metadata: Mapping[str, str | bytes] = dict(context.invocation_metadata() or ())
        # What the log says of a call whose caller goes away before there is an answer.
        self.code = grpc.StatusCode.CANCELLED
        self.reason: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header that is text."""
        value = self.metadata.get(name)
        return value if isinstance(value, str) else None

    @property
    def website_in_path(self) -> str | None:
        """The website in the path of a REST call, percent-encoded; None over gRPC."""
        return self.header(_PATH_WEBSITE)

    def deadline(self, seconds: float) -> asyncio.Timeout:
        """Give what follows as long as the service does, or as long as the caller waits."""
        # None where the caller has set no deadline.
        remaining = self.context.time_remaining()
        return asyncio.timeout(seconds if remaining is None else min(seconds, remaining))


Step: TypeAlias = Callable[[Call, Any], Awaitable[Any]]
"""What a call goes through next: takes the request as it is by then, and gives the response."""


class Interceptor(Protocol):
    """One concern: does its part, and proceeds."""

    async def __call__(self, call: Call, request: Any, /, *, proceed: Step) -> Any:
        """Returns the response, which is that of `proceed` unless this is about responses."""


def chain(interceptors: Sequence[Interceptor], last: Step) -> Step:
    """The interceptors in order, and then the last step."""
    for interceptor in reversed(interceptors):
        last = partial(interceptor, proceed=last)
    return last
