"""The pages and their files: for everybody, by Envoy alone, and sent once."""

import gzip
import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from sessions import gateway

from tests.gateway.harness import Gateway, Reply, Worker, running_gateway

FILES = {
    "/": "text/html; charset=utf-8",
    "/explorer/app.css": "text/css; charset=utf-8",
    "/explorer/app.js": "application/javascript; charset=utf-8",
    "/openapi.json": "application/json",
    "/docs": "text/html; charset=utf-8",
    "/docs/docs.css": "text/css; charset=utf-8",
    "/docs/docs.js": "application/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/docs/swagger-ui.js": "application/javascript; charset=utf-8",
}


def read(edge: Gateway, path: str, method: str = "GET", **headers: str) -> Reply:
    """The answer to a browser without a key."""
    named = {"accept": "text/html,*/*;q=0.8"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return edge.request(path, method=method, headers=named)


@pytest.mark.parametrize("path", FILES)
def test_files_are_read_without_a_key(edge: Gateway, path: str) -> None:
    reply = read(edge, path)
    assert (reply.status, reply.headers["content-type"]) == (200, FILES[path])
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-cache"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


def test_the_description_is_that_of_the_repository(edge: Gateway) -> None:
    file = Path(gateway.__file__).with_name("openapi.json")
    assert read(edge, "/openapi.json").json == json.loads(file.read_text())


def test_pages_of_every_origin_may_read_the_description(
    edge: Gateway, worker: Worker, tmp_path: Path
) -> None:
    asked = {"origin": "https://editor.example.com"}
    assert read(edge, "/openapi.json", **asked).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in read(edge, "/docs", **asked).headers
    own = "https://dashboard.example.com"
    with running_gateway(tmp_path, [worker.port], cors_origins=[own]) as other:
        for origin in (own, asked["origin"]):
            reply = read(other, "/openapi.json", origin=origin)
            assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_names_files_that_are_there(edge: Gateway, path: str) -> None:
    page = read(edge, path).body.decode()
    links = re.findall(r'(?:href|src)="(.+?)"', page)
    named = [link for link in links if not link.startswith("data:")]
    assert {urljoin(path, link) for link in named} <= FILES.keys()
    assert len(named) > 2
    markup = re.sub(r'"data:.*?"', "", page)
    assert not re.search(r"<script>|<style|style=|https?:", markup)


def test_only_browsers_get_the_explorer(edge: Gateway) -> None:
    assert read(edge, "/").headers["vary"].lower().startswith("accept")
    reply = read(edge, "/", accept="*/*")
    assert (reply.status, reply.headers["content-type"]) == (404, "application/json")
    assert read(edge, "/overview").status == 404


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_the_caller_has_is_not_sent_again(edge: Gateway, path: str) -> None:
    etag = read(edge, path).headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}'):
        for method in ("GET", "HEAD"):
            reply = read(edge, path, method, if_none_match=known)
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers["etag"] == etag
            assert reply.headers["cache-control"] == "no-cache"
            assert "location" not in reply.headers
    assert read(edge, path, if_none_match='"other"').status == 200


@pytest.mark.parametrize("path", FILES)
def test_head_is_get_without_the_body(edge: Gateway, path: str) -> None:
    whole, head = read(edge, path), read(edge, path, "HEAD")
    own = {"date", "x-request-id"}
    assert (head.status, head.body) == (200, b"")
    assert head.headers.items() - {(name, head.headers[name]) for name in own} == (
        whole.headers.items() - {(name, whole.headers[name]) for name in own}
    )


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_large_files_are_compressed_and_keep_their_tag(edge: Gateway, encoding: str) -> None:
    for path in (
        "/openapi.json",
        "/docs/swagger-ui.js",
        "/docs/swagger-ui.css",
        "/explorer/app.js",
    ):
        plain, packed = read(edge, path), read(edge, path, accept_encoding=encoding)
        assert packed.headers["content-encoding"] == encoding
        assert packed.headers["etag"] == plain.headers["etag"]
        assert len(packed.body) < len(plain.body) / 2
        if encoding == "gzip":
            assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("path", ["/docs/", "/docs/?from=a-bookmark"])
def test_other_ways_to_the_page_lead_there(edge: Gateway, path: str) -> None:
    for method in ("GET", "HEAD"):
        reply = read(edge, path, method, accept="text/html,*/*;q=0.8")
        assert (reply.status, reply.body) == (302, b"")
        assert urljoin(f"https://example.com/below{path}", reply.headers["location"]) == (
            "https://example.com/below/docs"
        )
