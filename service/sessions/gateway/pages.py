"""The pages: routes by which Envoy itself answers with a few files.

`/` is the explorer, for browsers; `/docs` is Swagger UI over `/openapi.json`.
Neither takes anything from other hosts. A page names its files relative to
itself, so it also works below a prefix.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    HeaderMatcher,
    Route,
    RouteMatch,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from sessions.gateway.routes import TRANSCODER, disabled

_HERE = Path(__file__).parent
_HTML = "text/html; charset=utf-8"
_CSS = "text/css; charset=utf-8"
_JAVASCRIPT = "application/javascript; charset=utf-8"
_ANY_ORIGIN = {"access-control-allow-origin": "*"}


# To everybody else `/` is a path that is not there.
_BY_BROWSER = HeaderMatcher(name="accept", string_match=StringMatcher(contains="text/html"))


class _File(NamedTuple):
    """A file, the path at which it is read, headers of its own, and which requests get it."""

    path: str
    file: Path
    content_type: str
    headers: Mapping[str, str] = {}
    matches: Sequence[HeaderMatcher] = ()


_FILES = (
    _File("/", _HERE / "explorer/index.html", _HTML, {"vary": "accept"}, [_BY_BROWSER]),
    _File("/explorer/app.css", _HERE / "explorer/app.css", _CSS),
    _File("/explorer/app.js", _HERE / "explorer/app.js", _JAVASCRIPT),
    # Public, and read by tools that run in pages of other origins.
    _File("/openapi.json", _HERE / "openapi.json", "application/json", _ANY_ORIGIN),
    _File("/docs", _HERE / "docs.html", _HTML),
    _File("/docs/docs.css", _HERE / "docs.css", _CSS),
    _File("/docs/docs.js", _HERE / "docs.js", _JAVASCRIPT),
    _File("/docs/swagger-ui.css", _HERE / "swagger_ui/swagger-ui.css", _CSS),
    _File("/docs/swagger-ui.js", _HERE / "swagger_ui/swagger-ui-bundle.js", _JAVASCRIPT),
)

LARGEST_FILE = max(each.file.stat().st_size for each in _FILES)
"""Bytes that Envoy must let such an answer have."""

# Relative, since only what stands in front of Envoy knows the caller's scheme and prefix.
_REDIRECTS = {"/docs/": "../docs"}

_HEADERS = {
    # Asked for again each time, and mostly answered with 304: no mix of versions after an upgrade.
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_READING = HeaderMatcher(
    name=":method", string_match=StringMatcher(safe_regex=RegexMatcher(regex="GET|HEAD"))
)


def page_routes() -> Iterator[Route]:
    """Envoy's routes to the files, which need no key; another verb finds nothing here."""
    for file in _FILES:
        yield from _file_routes(file)
    for path, target in _REDIRECTS.items():
        yield _route(path, [], DirectResponseAction(status=302), {"location": target})


def _file_routes(file: _File) -> Iterator[Route]:
    """First the route for callers who have the file already."""
    # The content alone decides: the files change with an upgrade only.
    digest = hashlib.sha256(file.file.read_bytes()).hexdigest()[:32]
    # Weak, because the answer may be compressed.
    headers = {**_HEADERS, **file.headers, "etag": f'W/"{digest}"'}
    has_it = HeaderMatcher(name="if-none-match", string_match=StringMatcher(contains=f'"{digest}"'))
    unchanged = _route(
        file.path, [*file.matches, has_it], DirectResponseAction(status=304), headers
    )
    unchanged.response_headers_to_remove = ["location"]  # Envoy gives each 3xx one
    yield unchanged
    whole = DirectResponseAction(status=200, body=DataSource(filename=str(file.file)))
    yield _route(file.path, file.matches, whole, headers | {"content-type": file.content_type})


def _route(
    path: str,
    matches: Iterable[HeaderMatcher],
    answer: DirectResponseAction,
    headers: Mapping[str, str],
) -> Route:
    """A route on which Envoy answers GET and HEAD by itself."""
    return Route(
        match=RouteMatch(path=path, headers=[_READING, *matches]),
        direct_response=answer,
        response_headers_to_add=[
            HeaderValueOption(
                header=HeaderValue(key=name, value=value),
                append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
            )
            for name, value in headers.items()
        ],
        # It would answer first: the path is none of the API's.
        typed_per_filter_config={TRANSCODER: disabled()},
    )
