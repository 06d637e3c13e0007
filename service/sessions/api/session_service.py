"""SessionService: each call is one use case."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from analytics_sessions.v1 import session_service_pb2 as messages
from analytics_sessions.v1 import session_service_pb2_grpc as services

from sessions.api.call import Context
from sessions.api.encoded import encoded_page
from sessions.api.exports import Exports, message_of
from sessions.api.messages import cursor_value, event_fields, selection_query
from sessions.domain.errors import InvalidArgument, Violation
from sessions.session_message import session_fields
from sessions.usecases.get_session import GetSession
from sessions.usecases.list_sessions import ListSessions, SessionList


async def list_page(
    list_sessions: ListSessions[bytes], request: messages.ListSessionsRequest
) -> SessionList[bytes]:
    """The page that a request asks for."""
    return await list_sessions(selection_query(request), limit=request.limit, cursor=request.cursor)


class SessionService(services.SessionServiceServicer):
    """Reads sessions."""

    def __init__(
        self, list_sessions: ListSessions[bytes], get_session: GetSession, exports: Exports
    ) -> None:
        self._list_sessions = list_sessions
        self._get_session = get_session
        self._exports = exports

    async def ListSessions(  # noqa: N802 (the name in the protos)
        self, request: messages.ListSessionsRequest, context: Context
    ) -> messages.ListSessionsResponse:
        """Lists the sessions of a website, newest first."""
        page = await list_page(self._list_sessions, request)
        return encoded_page(page.sessions, cursor_value(page.next_cursor))

    async def GetSession(  # noqa: N802 (the name in the protos)
        self, request: messages.GetSessionRequest, context: Context
    ) -> messages.GetSessionResponse:
        """Reads one session with its events."""
        details = await self._get_session(
            request.website_id,
            request.session_id,
            events_limit=request.events_limit,
            events_cursor=request.events_cursor,
        )
        return messages.GetSessionResponse(
            session=session_fields(details.session),
            events=map(event_fields, details.timeline.events),
            previous_view_time=details.timeline.previous_view_time,
            next_events_cursor=cursor_value(details.next_events_cursor),
        )

    async def ExportSessions(  # noqa: N802 (the name in the protos)
        self, request: messages.ExportSessionsRequest, context: Context
    ) -> AsyncGenerator[messages.ExportSessionsResponse, None]:
        """Exports the sessions of a website, oldest first."""
        if request.format:
            text = "is for REST; over gRPC the stream has messages, leave it out"
            raise InvalidArgument(Violation("format", text))
        async with aclosing(self._exports.parts(request)) as parts:
            async for part in parts:
                yield message_of(part)
