"""User agents of people and of programs, out of the development dependencies.

Nothing of them is kept here: their licences differ, and what a newer release
holds is to be tested too.

| package | licence | what it has |
|---|---|---|
| device-detector | MIT | the fixtures of Matomo's library (LGPL-3.0): what each user agent is |
| fake-useragent | Apache-2.0 | the most frequent browsers of a few large websites |
| apify-fingerprint-datapoints | Apache-2.0 | browsers that visited Apify's pages |
| random-user-agent | MIT | what whatismybrowser.com had collected by 2018, with kinds |
| crawler-user-agents | MIT | an example or more of each pattern |
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import yaml
from sessions.domain import user_agents

KINDS = {
    "AI": ["AI Agent", "AI Assistant", "AI Data Scraper", "AI Search Crawler", "ai-crawler"],
    "crawlers": ["Crawler", "bot -> crawler", "archiver", "academic", "seo", "advertising"],
    "search engines": ["Search bot", "Search tools", "Security search bot", "search-engine"],
    "monitors": [
        *("Site Monitor", "Network Monitor", "Benchmark", "monitoring"),
        *("bot -> site-monitor", "bot -> analyser"),
    ],
    "security and validators": [
        *("Security Checker", "Validator", "scanner", "bot -> security-analyser"),
    ],
    "feeds, previews, services": [
        *("Feed Fetcher", "Feed Parser", "Feed Reader", "Read-it-later Service", "Service Agent"),
        *("Service bot", "Social Media Agent", "feed-reader", "social-preview"),
    ],
    "libraries and tools": ["library", "http-library", "browser-automation", "bot -> tool", "tool"],
}
_KIND = {name: kind for kind, names in KINDS.items() for name in names}
NO_KIND = "no kind given"

# What random-user-agent names "application": of these, tools and libraries
_TOOLS = {
    *("curl", "wget", "library-for-www-in-perl", "python-urllib", "okhttp", "httpclient"),
    *("jakarta-commons-httpclient", "pecl-http-library", "spraycan"),
}
# Neither people at a browser nor bots: players, feed readers, and libraries inside of apps
_NEITHER = {"feed_reader", "mediaplayer", "podcasting", "clienthints", "clienthints-app"}
_POPULAR = {"very common", "common", "average"}


class Sample(NamedTuple):
    """A user agent and what its source says of it; None is not said."""

    source: str
    user_agent: str
    kind: str = ""  # of a program
    browser: str | None = None
    os: str | None = None
    device: str | None = None


client = cache(user_agents.describe)
"""What the service says of a user agent; its own cache is too small for all of these."""


@cache
def people() -> tuple[Sample, ...]:
    """Each user agent once for each source."""
    return tuple(_distinct(_device_detector_people(), _frequent(), _fingerprints(), _popular()))


@cache
def programs() -> tuple[Sample, ...]:
    """Bots, tools, monitors and libraries."""
    return tuple(_distinct(_device_detector_programs(), _examples(), _collected_programs()))


def _distinct(*sources: Iterator[Sample]) -> Iterator[Sample]:
    seen = set()
    for source in sources:
        for sample in source:
            key = sample.source, sample.user_agent
            if key not in seen:
                seen.add(key)
                yield sample


def _folder(package: str) -> Path:
    """Where a package is, without importing it."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is missing: make install"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@cache
def _fixtures() -> dict[str, list[dict[str, Any]]]:
    folder = _folder("device_detector") / "tests" / "fixtures" / "upstream"
    return {
        path.stem: yaml.load(path.read_bytes(), yaml.CSafeLoader)
        for path in sorted(folder.glob("*.yml"))
    }


def _device_detector_people() -> Iterator[Sample]:
    for name, entries in _fixtures().items():
        if name == "bots" or name in _NEITHER:
            continue
        for entry in entries:
            client = entry.get("client") or {}
            if client.get("type") == "library":
                continue
            yield Sample(
                "device-detector",
                entry["user_agent"],
                browser=client.get("name") if client.get("type") == "browser" else None,
                os=(entry.get("os") or {}).get("name"),
                device=(entry.get("device") or {}).get("type"),
            )


def _device_detector_programs() -> Iterator[Sample]:
    for entry in _fixtures()["bots"]:
        kind = _KIND.get(entry["bot"].get("category") or "", NO_KIND)
        yield Sample("device-detector", entry["user_agent"], kind)
    for name, entries in _fixtures().items():
        for entry in entries:
            if name not in _NEITHER and (entry.get("client") or {}).get("type") == "library":
                yield Sample("device-detector", entry["user_agent"], _KIND["library"])


def _frequent() -> Iterator[Sample]:
    lines = (_folder("fake_useragent") / "data" / "browsers.jsonl").read_text().splitlines()
    for line in lines:
        yield Sample("fake-useragent", json.loads(line)["useragent"])


def _fingerprints() -> Iterator[Sample]:
    path = _folder("apify_fingerprint_datapoints") / "data" / "fingerprint-network-definition.zip"
    with ZipFile(path) as archive:
        network = json.loads(archive.read("network.json"))
    values = {node["name"]: node["possibleValues"] for node in network["nodes"]}
    for user_agent in values["userAgent"]:
        yield Sample("apify-fingerprint-datapoints", user_agent)


@cache
def _collection() -> list[dict[str, str]]:
    """What of the 326,132 entries is used here; decoding all takes longer than the tests."""
    path = _folder("random_user_agent") / "data" / "user_agents.zip"
    with ZipFile(path) as archive, archive.open("user_agents.jl") as lines:
        return [
            json.loads(line)
            for line in lines
            if b'"popularity": "uncommon"' not in line or b'"software_type": "browser' not in line
        ]


def _popular() -> Iterator[Sample]:
    for entry in _collection():
        if entry["software_type"].startswith("browser") and entry["popularity"] in _POPULAR:
            yield Sample(
                "random-user-agent",
                entry["user_agent"],
                browser=entry["software_name"],
                os=entry["operating_system"],
                device=entry["hardware_type"],
            )


def _collected_programs() -> Iterator[Sample]:
    for entry in _collection():
        name, kind = entry["software_name"], entry["software_type"]
        if name in _TOOLS:
            kind = "tool"
        if kind in _KIND:
            yield Sample("random-user-agent", entry["user_agent"], _KIND[kind])


def _examples() -> Iterator[Sample]:
    path = _folder("crawleruseragents") / "crawler-user-agents.json"
    for entry in json.loads(path.read_text()):
        kind = _KIND[entry["tags"][0]]
        for user_agent in entry["instances"]:
            yield Sample("crawler-user-agents", user_agent, kind)
