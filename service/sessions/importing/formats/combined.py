"""Access logs of Apache and nginx: combined, common and vhost_combined.

Only page requests become events unless `all_requests` is set. A page request is
a GET that succeeded (status 2xx, or 304: the browser showed its own copy) of a
path whose extension isn't one of `assets`. HEAD is no visit, and a redirect is
followed by the request for the page itself.

Log times have whole seconds. To keep the order of the file within a second,
`sequence` is the ordinal of the line among the lines of its second: the same
each time the file, or a longer one that starts with it, is read, wherever the
line stands and whichever lines are taken.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from sessions.domain.events import SentEvent
from sessions.domain.identity import Ordinals, canonical_ip
from sessions.importing.entries import Entry, Refused, Skipped
from sessions.importing.formats.escapes import text
from sessions.importing.lines import Line

_STYLES_SCRIPTS_AND_DATA = "css js mjs map wasm json xml xsl rss atom txt webmanifest csv"
_IMAGES_AND_FONTS = (
    "png jpg jpeg gif svg svgz webp avif ico bmp tif tiff cur woff woff2 ttf otf eot"
)
_SOUND_AND_FILMS = (
    "mp3 m4a ogg oga opus wav flac mp4 m4v webm ogv avi mov mkv mpg mpeg swf flv m3u8"
)
_DOWNLOADS = (
    "pdf doc docx xls xlsx ppt pptx odt zip gz tgz bz2 xz zst 7z rar tar jar exe msi dmg pkg"
    " deb rpm apk iso bin"
)
ASSETS = frozenset(
    " ".join((_STYLES_SCRIPTS_AND_DATA, _IMAGES_AND_FONTS, _SOUND_AND_FILMS, _DOWNLOADS)).split()
)
"""Extensions of what a page consists of, and of downloads: no pages."""

_SECONDS_REMEMBERED = 4_096
_QUOTED = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    rb"(\S+ .+?) \[([^\[\]]{1,64})\] " + _QUOTED + rb" (\d{3}) (?:\d+|-)"
    rb"(?: " + _QUOTED + rb" " + _QUOTED + rb"(?: .*)?)?$"
)
_REQUEST = re.compile(r"([A-Z]+) (\S.*?)(?: HTTP/\d(?:\.\d)?)?\Z", re.DOTALL)
_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_PORT = re.compile(r":\d+$")


@dataclass(frozen=True, slots=True)
class Combined:
    """The format `combined`; `hostname` is that of the site where a line doesn't name it."""

    hostname: str = ""
    all_requests: bool = False
    assets: frozenset[str] = ASSETS

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a line."""
        seconds = Ordinals(_SECONDS_REMEMBERED)
        for line in lines:
            yield Entry(line.number, line.content, self._parse(line.content, seconds))

    def _parse(self, content: bytes, seconds: Ordinals) -> SentEvent | Refused | Skipped:
        match = _LINE.match(content)
        if match is None:
            return Refused("not a line of the common or combined log format")
        who, when, request, status, referrer, user_agent = match.groups()
        moment = _moment(when)
        if moment is None:
            return Refused(f"the time {text(when)[:64]!a} doesn't exist")
        sequence = seconds.next(when)
        method, target = _request(request)
        if not (self.all_requests or self._is_page(method, target, status)):
            return Skipped()
        client, host = _client_and_host(text(who))
        return SentEvent(
            event_type="pageview",
            timestamp=moment,
            sequence=sequence,
            client_ip=client,
            user_agent=_optional(user_agent),
            url=target,
            referrer=_optional(referrer),
            hostname=host or self.hostname,
        )

    def _is_page(self, method: str, target: str, status: bytes) -> bool:
        if method != "GET" or not (status.startswith(b"2") or status == b"304"):
            return False
        name = target.partition("?")[0].rpartition("/")[2]
        _, dot, extension = name.rpartition(".")
        return not dot or extension.lower() not in self.assets


def _request(request: bytes) -> tuple[str, str]:
    """Method and target; both empty for what isn't a request, such as a TLS hello."""
    match = _REQUEST.match(text(request))
    return (match[1], match[2]) if match else ("", "")


def _client_and_host(who: str) -> tuple[str, str]:
    """The client, and the virtual host that stands before it in vhost_combined."""
    first, second, *_ = who.split(" ")
    # a user name may contain spaces, so that counting words isn't enough
    if not canonical_ip(first) and canonical_ip(second):
        return second, _PORT.sub("", first)
    return first, ""


def _optional(field: bytes | None) -> str:
    return "" if field is None or field == b"-" else text(field)


@lru_cache(maxsize=4_096)
def _moment(when: bytes) -> datetime | None:
    """`17/May/2015:10:05:03 +0000`; None if there is no such time."""
    match = _TIME.fullmatch(when)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        return datetime(
            *(int(year), _MONTHS.index(month) + 1, int(day)),
            *(int(hour), int(minute), int(second)),
            tzinfo=timezone(-offset if sign == b"-" else offset),
        )
    except ValueError:
        return None
