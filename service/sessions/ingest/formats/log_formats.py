"""How the lines of an access log are put together: the usual formats, or one of your own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from sessions.domain import urls
from sessions.domain.client_addresses import canonical_ip
from sessions.ingest.formats.escapes import text

VALUES = ("when", "request", "status", "referrer", "user_agent")
"""What a line tells; None where the format leaves it out."""

_QUOTED = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
# Quotation marks in pairs around whole fields; any other belongs to the user agent before them
_MORE = rf"""(?:[^"]|(?<=[\s=:,{{\[(])"{_QUOTED}"(?=[\s,:;}}\])]|$))*+"""
_STANDARD = (
    rf'(?P<who>\S+ .+?) \[(?P<when>[^\[\]]{{1,64}})\] "(?P<request>{_QUOTED})"'
    rf" (?P<status>\d{{3}}) (?:\d+|-)"
    rf'(?: "(?P<referrer>{_QUOTED})" "(?P<user_agent>{_QUOTED})"(?: {_MORE})?)?$'
)

_LONGEST_ORIGIN = 512  # bytes: a host and an address; all else there is passed over
_NO_HOST = ("-", "_")  # "_" is the name of nginx's default server
# An address in front of another one may be the client's, so that a host must have a letter
_HOST = re.compile(
    r"\[[0-9A-Fa-f:.]+\](?::[1-9]\d*)?|(?=[^:]*[^\W\d_])[^\s:/@,\[\]]+(?::[1-9]\d*)?"
)

_DIRECTIVE = re.compile(
    r"%[!\d,<>]*(?:\{(?P<argument>[^{}]*)\})?(?P<letter>\^[A-Za-z]{2}|[A-Za-z%])"
    r"|\$(?:\{(?P<braced>\w+)\}|(?P<variable>\w+))"
)
_NAMES = {
    "%h": "client",
    "%a": "client",
    "$remote_addr": "client",
    "%{x-forwarded-for}i": "forwarded",
    "$http_x_forwarded_for": "forwarded",
    "%v": "host",
    "%V": "host",
    "%{host}i": "host",
    "$host": "host",
    "$http_host": "host",
    "$server_name": "host",
    "%t": "when",
    "$time_local": "when",
    "$time_iso8601": "when",
    "%r": "request",
    "$request": "request",
    "%s": "status",
    "$status": "status",
    "%{referer}i": "referrer",
    "$http_referer": "referrer",
    "%{user-agent}i": "user_agent",
    "$http_user_agent": "user_agent",
    "%u": "user",
    "$remote_user": "user",
}
"""Apache's directive or nginx's variable → what it tells; all others are passed over."""
_PATTERNS = {
    "client": r"[^\s,\"]+(?:, ?[^\s,\"]+)*",
    "forwarded": r"[^\s,\"]+(?:, ?[^\s,\"]+)*",
    "when": r"[^\[\]\"]{1,64}",
    "request": r"[^\"]{1,8192}?",
    "user": r".{0,256}?",  # may hold blanks
}
_REQUIRED = {
    "client": "the client's address: %h, %a or %{X-Forwarded-For}i;"
    " $remote_addr or $http_x_forwarded_for",
    "when": "the time: %t; $time_local or $time_iso8601",
    "request": "the request: %r; $request",
}


Origin = tuple[str, str]
"""The client's address, and the virtual host, `''` where a line doesn't name it."""


@dataclass(frozen=True, slots=True)
class LogFormat:
    """Takes lines apart.

    Args:
        pattern: matches a line; has the groups `VALUES`.
        origin: tells of a match where the request came from; None if that isn't clear.
        mismatch: why a line is refused that isn't of this format.
    """

    pattern: re.Pattern[bytes]
    origin: Callable[[re.Match[bytes]], Origin | None]
    mismatch: str


def _standard_origin(match: re.Match[bytes]) -> Origin | None:
    return _origin(match["who"][:_LONGEST_ORIGIN])


@lru_cache(maxsize=8_192)
def _origin(who: bytes) -> Origin | None:
    """Of what stands before the time: `[host] address[, proxy…] identity user`."""
    first, _, rest = text(who).partition(" ")
    # Without a virtual host the identity follows the address, and is nearly always `-`.
    second = "" if rest.startswith("- ") else _first(rest.partition(" ")[0])
    # After a comma the second address is a proxy's.
    if not canonical_ip(second) or first.endswith(","):
        client = _first(first)
        return (client, "") if canonical_ip(client) else None
    if first in _NO_HOST:
        return second, ""
    host = urls.host(first) if _HOST.fullmatch(first) else ""
    return (second, host) if host else None


def _named_origin(match: re.Match[bytes]) -> Origin | None:
    """Of a format that says which field is the host, and which the address."""
    groups = match.group("host", "client", "forwarded")
    host, client, forwarded = ("" if each is None else text(each) for each in groups)
    # Behind a proxy only the forwarded address is the client's.
    addresses = [_first(each) for each in (forwarded, client) if canonical_ip(_first(each))]
    name = "" if host in _NO_HOST else urls.host(host)
    return (addresses[0], name) if addresses else None


def _first(addresses: str) -> str:
    """The first of a list as in X-Forwarded-For: the client; those behind it are proxies."""
    return addresses.partition(",")[0]


def log_format(written: str) -> LogFormat:
    """A format as Apache's LogFormat or nginx's log_format has it.

    Raises ValueError with what it lacks.
    """
    plain = written.replace('\\"', '"').replace("\\t", "\t")
    named: set[str] = set()
    pattern = "".join(_parts(plain, named))
    for name, what in _REQUIRED.items():
        if name not in named and not (name == "client" and "forwarded" in named):
            raise ValueError(f"lacks {what}")
    groups = (*VALUES, "host", "client", "forwarded")
    unnamed = "".join(f"(?P<{name}>(?!))?" for name in groups if name not in named)
    return LogFormat(
        re.compile(rf"{unnamed}{pattern}\s*$".encode(), re.DOTALL),
        _named_origin,
        "not a line of the format that --log-format gives",
    )


def _parts(written: str, named: set[str]) -> Iterator[str]:
    """The pattern, piece by piece; `named` takes the names of its groups."""
    end = 0
    for found in _DIRECTIVE.finditer(written):
        yield re.escape(written[end : found.start()])
        end = found.end()
        yield _part(found, quoted=written[: found.start()].endswith('"'), named=named)
    yield re.escape(written[end:])


def _part(found: re.Match[str], *, quoted: bool, named: set[str]) -> str:
    letter, argument = found["letter"], found["argument"]
    if letter == "%":
        return "%"
    variable = found["braced"] or found["variable"]
    written = f"%{{{argument.lower()}}}{letter}" if argument else f"%{letter}"
    name = _NAMES.get(f"${variable}" if variable else written, "")
    pattern = _QUOTED if quoted else _PATTERNS.get(name, r"\S*")
    if name and name != "user" and name not in named:
        named.add(name)
        pattern = f"(?P<{name}>{pattern})"
    return rf"\[{pattern}\]" if written == "%t" and not variable else pattern


STANDARD = LogFormat(
    re.compile(_STANDARD.encode(), re.DOTALL),
    _standard_origin,
    "not a line of the common or combined log format",
)
"""common, combined and vhost_combined, with or without further fields at the end."""
