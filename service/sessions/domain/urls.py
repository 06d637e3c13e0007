"""What an event's `url`, `referrer` and `hostname` say: path, host, utm parameters.

URLs in logs and events are often broken, so nothing here raises: what can't be
taken apart is kept as it is, or counts as unknown (`''`). Parsing is by hand because
`urllib.parse.urlsplit` raises on some inputs, drops characters from others and
takes several times as long. White space is treated as the URL Standard of WHATWG
does (https://url.spec.whatwg.org/#url-parsing).
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import idna

from sessions.domain.limits import MAX_HOSTNAME, MAX_URL

_CACHED = 4_096  # distinct URLs; at most 8 KiB each
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_CONTROLS_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE = re.compile(r"[\t\n\r]+")
# `amp;`: a link that was escaped for HTML once too often
_UTM = re.compile(
    r"(?:^|&)(?:amp(?:;|%3B))?utm(?:_|%5F)(source|medium|campaign)(?:=([^&]*))?(?![^&])",
    re.IGNORECASE,
)
_END_OF_AUTHORITY = re.compile(r"[/\\?#]")
_IN_BRACKETS = re.compile(r"\[([^\]]*)\](?::\d*)?", re.ASCII)
_NOT_IN_A_HOST = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
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
    address, _, query = _trim(url).partition("#")[0].partition("?")
    absolute = _SCHEME.match(address)
    if absolute:
        authority, slash, rest = address[absolute.end() :].partition("/")
        # An absolute URL without a path names the root.
        path, hostname = _decode(slash + rest) or "/", _host(authority)
    else:
        path, hostname = _decode(address), ""
    # `in` first: most URLs have no utm parameter at all
    utm = _utm(query) if "utm" in query.lower() else NO_UTM
    return Url(path, hostname, *utm)


@lru_cache(maxsize=_CACHED)
def referrer_host(referrer: str) -> str:
    """The host of a referrer; `''` for one without a host, or a relative one."""
    url = _trim(referrer)
    return host(url) if url.startswith("//") or _SCHEME.match(url) else ""


@lru_cache(maxsize=_CACHED)
def host(text: str) -> str:
    """The host in a text that names one, alone or with what may stand around it in a URL.

    A domain in lower case, as A-labels (IDNA 2008 after the mapping of UTS 46), without
    trailing dot; an IPv6 address in its shortest form, in brackets. `''` if there is none.

    >>> host("https://user:secret@MÜNCHEN.example.:8080/a"), host("[2001:DB8:0::1]"), host("a b")
    ('xn--mnchen-3ya.example', '[2001:db8::1]', '')
    """
    url = _trim(text)
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 2 * url.startswith("//")
    return _host(_END_OF_AUTHORITY.split(url[start:], maxsplit=1)[0])


def fold_host(text: str) -> str:
    """A host as it is stored; a text that is none stays as it is, and so equals none."""
    return (host(text) or text) if len(text) <= MAX_URL else text


def fold_host_part(text: str, any_before: bool, any_after: bool) -> str:
    """A part of a host as it is stored, of which anything may stand before or after it.

    Raises:
        ValueError: the part of a label has letters beyond ASCII: its A-label can't be told.
    """
    if text.isascii():
        return text.lower()
    try:
        first, *labels = idna.uts46_remap(text, std3_rules=False).split(".")
    except idna.IDNAError:
        return text
    cut = (first if any_before else "") + ((labels or [first])[-1] if any_after else "")
    if not cut.isascii():
        raise ValueError("part of a label with letters beyond ASCII; write the whole label")
    # Letters may fold to nothing, which as a pattern would be any host.
    return ".".join(map(_a_label, (first, *labels))) or text


def is_same_site(host: str, other: str) -> bool:
    """Whether two hosts, in the form that `host` gives, differ by a leading `www.` at most."""
    return host.removeprefix("www.") == other.removeprefix("www.")


def _host(authority: str) -> str:
    """The host of `user:secret@host:port`."""
    # The last @, because a password can contain others.
    address = authority.rpartition("@")[2]
    name, colon, port = address.partition(":")
    # More than one colon: an IPv6 address without brackets.
    if address.startswith("[") or (colon and ":" in port):
        return _ipv6_host(address)
    if not name.isascii() or "%" in name:
        name = _a_labels(name)
    name = name.rstrip(".").lower()
    return "" if len(name) > MAX_HOSTNAME or _NOT_IN_A_HOST.search(name) else name


def _ipv6_host(address: str) -> str:
    """`[2001:db8::1]` of an IPv6 address, with or without brackets and a port behind them."""
    bracketed = _IN_BRACKETS.fullmatch(address)
    try:
        parsed = IPv6Address(bracketed[1] if bracketed else address)
    except ValueError:
        return ""
    # Which of the two forms `str` gives depends on the version of Python
    text = f"::ffff:{parsed.ipv4_mapped}" if parsed.ipv4_mapped else str(parsed)
    return "" if parsed.scope_id else f"[{text}]"


def _a_labels(name: str) -> str:
    """A domain as browsers look it up; `''` if it holds what no domain can."""
    if len(name) > MAX_HOSTNAME:  # what is slow below is slow for long labels only
        return ""
    try:
        mapped = idna.uts46_remap(_decode(name), std3_rules=False)
    except idna.IDNAError:
        return ""
    return ".".join(map(_a_label, mapped.split(".")))


def _a_label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError:
        # Browsers do look up what UTS 46 allows and IDNA 2008 does not, such as emoji
        return f"xn--{label.encode('punycode').decode()}"


def _trim(url: str) -> str:
    """Without white space around it, and without tabs and line ends inside."""
    return _TAB_OR_NEWLINE.sub("", url.strip(_CONTROLS_AND_SPACE))


def _utm(query: str) -> tuple[str, str, str]:
    """utm_source, utm_medium and utm_campaign; the first of repeated ones counts."""
    found: dict[str, str] = {}
    for name, value in _UTM.findall(query):
        found.setdefault(name.lower(), _decode(value.replace("+", " ")))
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
