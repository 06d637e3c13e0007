"""The reference page: routes by which Envoy itself answers with a few files.

`/docs` is Swagger UI over `/openapi.json`, with nothing from other hosts. The
page names its files relative to itself, so it also works below a prefix.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).parent
_SWAGGER_UI = Path(
    str(distribution("mkdocs-swagger-ui-tag").locate_file("mkdocs_swagger_ui_tag/swagger-ui"))
)


class _File(NamedTuple):
    """A file and the path at which it is read."""

    path: str
    file: Path
    content_type: str


_FILES = (
    _File("/openapi.json", _HERE / "openapi.json", "application/json"),
    _File("/docs", _HERE / "docs.html", "text/html; charset=utf-8"),
    _File("/docs/docs.css", _HERE / "docs.css", "text/css; charset=utf-8"),
    _File("/docs/docs.js", _HERE / "docs.js", "application/javascript; charset=utf-8"),
    _File(
        "/docs/swagger-ui.css",
        _SWAGGER_UI / "stylesheets/swagger-ui.css",
        "text/css; charset=utf-8",
    ),
    _File(
        "/docs/swagger-ui.js",
        _SWAGGER_UI / "javascripts/swagger-ui-bundle.js",
        "application/javascript; charset=utf-8",
    ),
)

LARGEST_FILE = max(file.stat().st_size for _, file, _ in _FILES)
"""Bytes that Envoy must let such an answer have."""

_REDIRECTS = {
    "/": ("docs", [{"name": "accept", "string_match": {"contains": "text/html"}}]),  # a browser
    "/docs/": ("../docs", []),
}
"""Relative, since only what stands in front of Envoy knows the caller's scheme and prefix."""

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

_READING = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}


def routes() -> Iterator[Mapping[str, Any]]:
    """Envoy's routes to the files, which need no key; another verb finds nothing here."""
    for file in _FILES:
        yield from _file_routes(file)
    for path, (target, matches) in _REDIRECTS.items():
        yield _route(path, matches, {"status": 302}, {"location": target})


def yaml(indent: int) -> str:
    """The routes as items of a YAML list, one on a line."""
    return f"\n{' ' * indent}".join(f"- {json.dumps(route)}" for route in routes())


def _file_routes(file: _File) -> Iterator[Mapping[str, Any]]:
    """First the route for callers who have the file already."""
    digest = hashlib.sha256(file.file.read_bytes()).hexdigest()[:32]
    # Weak, because the answer may be compressed.
    headers = _HEADERS | {"etag": f'W/"{digest}"'}
    has_it = {"name": "if-none-match", "string_match": {"contains": f'"{digest}"'}}
    # Envoy gives each 3xx a location.
    yield _route(file.path, [has_it], {"status": 304}, headers) | {
        "response_headers_to_remove": ["location"]
    }
    body = {"status": 200, "body": {"filename": str(file.file)}}
    yield _route(file.path, [], body, headers | {"content-type": file.content_type})


def _route(
    path: str,
    matches: Iterable[Mapping[str, Any]],
    answer: Mapping[str, Any],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """A route on which Envoy answers GET and HEAD by itself."""
    return {
        "match": {"path": path, "headers": [_READING, *matches]},
        "direct_response": answer,
        "response_headers_to_add": [
            {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for name, value in headers.items()
        ],
        # It would answer first: the path is none of the API's.
        "typed_per_filter_config": {
            "transcoder": {
                "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                "disabled": True,
                "config": {},
            }
        },
    }
