"""Answers over REST that workers print: methods like the public ones that answer with text.

Envoy passes the text on as it is; see `tools/rest_descriptors.py`.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from analytics_sessions.v1 import session_service_pb2 as messages
from google.api.httpbody_pb2 import HttpBody

from sessions.api.call import Call, Context
from sessions.api.exports import Exports, form_of
from sessions.api.messages import cursor_value
from sessions.api.printer import page_text
from sessions.api.session_service import list_page
from sessions.usecases.list_sessions import ListSessions, SessionList


class PageText:
    """A page as the body of an answer, with as much of its message as links look at."""

    def __init__(self, page: SessionList[bytes]) -> None:
        self.next_cursor = cursor_value(page.next_cursor)
        text = page_text(page.sessions, page.next_cursor)
        self._body = HttpBody(content_type="application/json", data=text)

    def SerializeToString(self) -> bytes:  # noqa: N802 (as that of messages)
        """The bytes of `google.api.HttpBody`."""
        return self._body.SerializeToString()  # type: ignore[no-any-return]


class RestSessionService:
    """Lists and streams of `SessionService`."""

    def __init__(self, list_sessions: ListSessions[bytes], exports: Exports) -> None:
        self._list_sessions = list_sessions
        self._exports = exports

    async def ListSessions(  # noqa: N802 (the name in the protos)
        self, request: messages.ListSessionsRequest, context: Context
    ) -> PageText:
        """Lists the sessions of a website, newest first."""
        return PageText(await list_page(self._list_sessions, request))

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
