"""What an event's `url` and `referrer` say: path, host, utm parameters.

URLs in logs and events are often broken, so nothing here raises: what can't be
taken apart is kept as it is, or counts as unknown (`''`). Parsing is by hand because
`urllib.parse.urlsplit` raises on some inputs, drops characters from others and
takes several times as long.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from sessions.domain.limits import MAX_HOSTNAME

_CACHED = 4_096  # distinct URLs; at most 8 KiB each
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_UTM = re.compile(r"(?:^|&)utm(?:_|%5[Ff])(source|medium|campaign)(?:=([^&]*))?(?![^&])")
_END_OF_AUTHORITY = re.compile(r"[/?#]")
NO_UTM = ("", "", "")
"""Source, medium and campaign of a URL that names none."""


class Url(NamedTuple):
    """The parts of a URL that are stored; `''` is unknown."""

    path: str
    hostname: str
    utm_source: str
    utm_medium: str
    utm_campaign: str


@lru_cache(maxsize=_CACHED)
def split_url(url: str) -> Url:
    """Take apart the URL of a page: absolute, or a mere path, each with or without query.

    Whatever starts with a slash is a path, two slashes included: that is what
    access logs hold.
    """
    address, _, query = url.partition("#")[0].partition("?")
    absolute = _SCHEME.match(address)
    if absolute:
        authority, slash, rest = address[absolute.end() :].partition("/")
        path, hostname = _decode(slash + rest) or "/", host(authority)
    else:
        path, hostname = _decode(address), ""
    # `in` first: most URLs have no utm parameter at all
    utm = _utm(query) if "utm" in query else NO_UTM
    return Url(path, hostname, *utm)


@lru_cache(maxsize=_CACHED)
def referrer_host(referrer: str) -> str:
    """The lower-cased host of a referrer; `''` for one without a host, or a relative one."""
    absolute = _SCHEME.match(referrer)
    if absolute:
        start = absolute.end()
    elif referrer.startswith("//"):
        start = 2
    else:
        return ""
    return host(_END_OF_AUTHORITY.split(referrer[start:], maxsplit=1)[0])


def host(authority: str) -> str:
    """The host alone: `user:secret@Example.com:8080` is `example.com`.

    An IPv6 address keeps its brackets.
    """
    address = authority.rpartition("@")[2]
    if address.startswith("["):
        inside, bracket, _ = address.partition("]")
        host = inside + bracket
    else:
        host = address.partition(":")[0]
    host = host.lower()
    return host if len(host.encode(errors="replace")) <= MAX_HOSTNAME else ""


def _utm(query: str) -> tuple[str, str, str]:
    """utm_source, utm_medium and utm_campaign; the first of repeated ones counts."""
    found: dict[str, str] = {}
    for name, value in _UTM.findall(query):
        if name not in found:
            found[name] = _decode(value.replace("+", " "))
    return found.get("source", ""), found.get("medium", ""), found.get("campaign", "")


def _decode(text: str) -> str:
    """Percent-decode once where that gives valid UTF-8 without NUL, otherwise as it is."""
    if "%" not in text:
        return text
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeError:
        return text
    return text if "\0" in decoded else decoded
