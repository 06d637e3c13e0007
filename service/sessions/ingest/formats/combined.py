"""Access logs of Apache and nginx: combined, common and vhost_combined.

Only page requests become events unless `all_requests` is set. A page request is
a GET that succeeded (status 2xx, or 304: the browser showed its own copy) of a
path whose extension isn't one of `assets`. HEAD is no visit, and a redirect is
followed by the request for the page itself.

Log times have whole seconds. To keep the order of lines within a second,
`sequence` is the ordinal of the line among the lines of its second, over all
files of an import: the same each time these files, or longer ones that start
with them, are read, and whichever lines are taken.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from sessions.domain.event_identity import Ordinals
from sessions.domain.events import EventInput
from sessions.domain.limits import MAX_URL
from sessions.domain.timestamps import after_leap_second, rfc3339
from sessions.domain.urls import split_url
from sessions.ingest.entries import Comment, Entry, Outcome, Refused, Skipped
from sessions.ingest.formats.escapes import text
from sessions.ingest.formats.log_formats import STANDARD, VALUES, LogFormat
from sessions.ingest.lines import Line

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

# Lines of one second are close to each other: servers log requests when they end.
_SECONDS_REMEMBERED = 4_096
_REQUEST = re.compile(r"([A-Z]+) (\S.*?)(?: HTTP/\d(?:\.\d)?)?\Z", re.DOTALL)
_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class Combined:
    """The format `combined`, for the files of one import.

    Args:
        hostname: of the site, where a line doesn't name it.
        all_requests: take every request, not only those for pages.
        assets: the extensions that are not pages.
        log_format: how a line is put together.
    """

    hostname: str = ""
    all_requests: bool = False
    assets: frozenset[str] = ASSETS
    log_format: LogFormat = STANDARD
    _seconds: Ordinals = field(default_factory=lambda: Ordinals(_SECONDS_REMEMBERED), init=False)

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a line."""
        for line in lines:
            if not line.is_blank:
                yield Entry(line.number, line.content, self._outcome(line.content))

    def _outcome(self, content: bytes) -> Outcome:
        if content.startswith(b"#"):
            return Comment()
        match = self.log_format.pattern.match(content)
        return self._parse(match) if match else Refused(self.log_format.mismatch)

    def _parse(self, match: re.Match[bytes]) -> Outcome:
        when, request, status, referrer, user_agent = match.group(*VALUES)
        moment = _moment(when)
        if moment is None:
            return Refused(_no_such_time(when))
        sequence = self._seconds.next(when)
        method, target = _request(request)
        if not (self.all_requests or self._is_page(method, target, status)):
            return Skipped()
        origin = self.log_format.origin(match)
        if origin is None:
            return Refused(_NO_CLIENT)
        client, host = origin
        return EventInput(
            event_type="pageview",
            timestamp=moment,
            sequence=sequence,
            client_ip=client,
            user_agent=_optional(user_agent),
            url=target,
            referrer=_optional(referrer),
            hostname=host or self.hostname,
        )

    def _is_page(self, method: str, target: str, status: bytes | None) -> bool:
        if method != "GET" or not (status is None or status[:1] == b"2" or status == b"304"):
            return False
        # as the path is stored; what follows `;` is no part of the name (RFC 3986, 3.3)
        name = split_url(target[:MAX_URL]).path.rpartition("/")[2].partition(";")[0]
        _, dot, extension = name.rpartition(".")
        return not dot or extension.lower() not in self.assets


_NO_CLIENT = (
    "must name the client by its IP address; before it only a virtual host may stand,"
    " as name or name:port"
)


def _no_such_time(when: bytes) -> str:
    # Only what is written like a time is repeated: anything else may be an address
    if _TIME.fullmatch(when):
        return f"the time {when.decode()} doesn't exist"
    return "the time isn't written like 17/May/2015:10:05:03 +0000"


def _request(request: bytes) -> tuple[str, str]:
    """Method and target; both empty for what isn't a request, such as a TLS hello."""
    match = _REQUEST.match(text(request))
    return (match[1], match[2]) if match else ("", "")


def _optional(field: bytes | None) -> str:
    return "" if field is None or field == b"-" else text(field)


@lru_cache(maxsize=4_096)
def _moment(when: bytes) -> datetime | None:
    """`17/May/2015:10:05:03 +0000` or ISO 8601; None if there is no such time."""
    try:
        return _local_time(when) or rfc3339(when.decode())
    except ValueError:
        return None


def _local_time(when: bytes) -> datetime | None:
    """None if it isn't written so; raises ValueError if it is, and there is no such time."""
    match = _TIME.fullmatch(when)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    leap = second == b"60"
    moment = datetime(
        *(int(year), _MONTHS.index(month) + 1, int(day)),
        *(int(hour), int(minute), 59 if leap else int(second)),
        tzinfo=timezone(-offset if sign == b"-" else offset),
    )
    return after_leap_second(moment) if leap else moment
