"""VisitorService: each call is one use case."""

from analytics_sessions.v1 import visitor_service_pb2 as messages
from analytics_sessions.v1 import visitor_service_pb2_grpc as services

from sessions.api.call import Context
from sessions.usecases.erase_visitor import EraseVisitor


class VisitorService(services.VisitorServiceServicer):
    """Erases visitors."""

    def __init__(self, erase_visitor: EraseVisitor) -> None:
        self._erase_visitor = erase_visitor

    async def EraseVisitor(  # noqa: N802 (the name in the protos)
        self, request: messages.EraseVisitorRequest, context: Context
    ) -> messages.EraseVisitorResponse:
        """Erases one visitor."""
        erased = await self._erase_visitor(
            request.website_id,
            visitor_id=request.visitor_id,
            client_ip=request.client_ip,
            user_agent=request.user_agent,
        )
        response = messages.EraseVisitorResponse(
            erased_sessions=erased.sessions, erased_events=erased.events
        )
        response.erased_until.FromDatetime(erased.erased_until)
        return response
