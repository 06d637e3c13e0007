"""Links from one page to the next, for REST callers: `Link: <?…>; rel="next"` (RFC 8288)."""

from typing import Any
from urllib.parse import urlencode

from google.protobuf.message import Message

from sessions.api.call import Call
from sessions.api.methods import Method

# Characters that proxies let through in one header.
_LONGEST = 2_048

_IN_PATH = {"website_id", "session_id"}


def link_next_page(call: Call, request: Message, response: Any) -> None:
    """Add a link to the next page, relative to the request: a proxy can have led it here."""
    if call.website_in_path is not None and (query := _next_query(call.method, request, response)):
        link = f'<?{query}>; rel="next"'
        if len(link) <= _LONGEST:
            call.headers["link"] = link


def _next_query(method: Method, request: Message, response: Any) -> str:
    """The query of the next page: that of this one with another cursor; empty on the last."""
    for name, parameter in method.cursors:
        if cursor := getattr(response, name).string_value:
            # Variables of the path are not parameters, and only one cursor can lead to the next
            # page.
            left_out = {*_IN_PATH, *(each for _, each in method.cursors)}
            fields = {
                field.name: _texts(value)
                for field, value in request.ListFields()
                if field.name not in left_out
            }
            return urlencode({**fields, parameter: cursor}, doseq=True)
    return ""


def _texts(value: Any) -> Any:
    """The values of a parameter as JSON has them."""
    return "true" if value is True else value
