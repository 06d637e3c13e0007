"""Streams over REST: services like the public ones, whose methods answer with text.

Envoy passes the text on as it is; see `tools/rest_descriptors.py`.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from analytics_sessions.v1 import session_service_pb2 as messages
from google.api.httpbody_pb2 import HttpBody

from sessions.api.call import Call
from sessions.api.exports import Exports, form_of


class RestSessionService:
    """Streams of `SessionService`."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def ExportSessions(  # noqa: N802 (the name in the protos)
        self, request: messages.ExportSessionsRequest, call: Call
    ) -> AsyncGenerator[HttpBody, None]:
        """Exports sessions as NDJSON or CSV, as a file."""
        form = form_of(request)
        name = f"sessions-{request.website_id}.{form.extension}"
        is_first = True
        async with aclosing(self._exports.parts(request)) as parts:
            async for part in parts:
                if is_first:
                    # Not earlier: until now the answer could be an error.
                    call.headers["content-disposition"] = f'attachment; filename="{name}"'
                data = form.text(part)
                yield HttpBody(content_type=form.media_type, data=form.head * is_first + data)
                is_first = False
