"""Browser, operating system, kind of device and bot, from a user agent.

The recognition is that of two libraries whose data is released monthly:
ua-parser for names, crawler-user-agents (and ua-parser's "Spider") for bots.
What is ours is the vocabulary, `BROWSERS` and `SYSTEMS`: it folds the parser's
words into the ones that are stored. A family that isn't in them keeps the
parser's own name.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

import ua_parser
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]
from ua_parser.core import Matcher
from ua_parser.lazy import UserAgentMatcher

from sessions.domain.limits import MAX_FAMILY

_CACHED = 8_192  # distinct user agents; at most 4 KiB each


class Client(NamedTuple):
    """What a user agent tells; `''` is unknown."""

    browser: str
    os: str
    device: str
    is_bot: bool


UNKNOWN = Client("", "", "", False)
"""No user agent: nothing is known, and that alone doesn't make a bot."""


def _fold(table: dict[str, Iterable[str]]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words}


BROWSERS = _fold(
    {
        "": ["Other"],
        "Android Browser": ["Android"],
        "BlackBerry": ["BlackBerry WebKit"],
        "Chrome": [
            "Chrome Frame",
            "Chrome Mobile",
            "Chrome Mobile WebView",
            "Chrome Mobile iOS",
            "Chromium",
            "HeadlessChrome",
        ],
        "DuckDuckGo": ["DuckDuckGo Mobile"],
        "Ecosia": ["Ecosia Android", "Ecosia iOS"],
        "Edge": ["Edge Mobile"],
        "Firefox": [
            "Bon Echo",
            "Fennec",
            "Firefox (Minefield)",
            "Firefox (Namoroka)",
            "Firefox (Shiretoko)",
            "Firefox Alpha",
            "Firefox Beta",
            "Firefox Mobile",
            "Firefox iOS",
            "GranParadiso",
            "IceWeasel",
            "Iceweasel",
            "MozillaDeveloperPreview",
        ],
        "Internet Explorer": ["IE", "IE Large Screen", "IE Mobile"],
        "MIUI Browser": ["MiuiBrowser"],
        "Opera": [
            "Opera Coast",
            "Opera GX",
            "Opera Mini",
            "Opera Mobile",
            "Opera Neon",
            "Opera Tablet",
            "Opera Touch",
        ],
        "QQ Browser": ["QQ Browser Mini", "QQ Browser Mobile"],
        "Safari": ["Mobile Safari", "Mobile Safari UI/WKWebView", "WebKit Nightly"],
    }
)
"""The parser's browser family → ours."""

SYSTEMS = _fold(
    {
        "": ["Other"],
        "ChromeOS": ["Chrome OS"],
        "Chromecast": [
            "Chromecast Android",
            "Chromecast Fuchsia",
            "Chromecast Linux",
            "Chromecast SmartSpeaker",
        ],
        "Linux": [
            "Arch Linux",
            "BackTrack",
            "CentOS",
            "Debian",
            "Fedora",
            "Gentoo",
            "Kubuntu",
            "Linux Mint",
            "Lubuntu",
            "Mageia",
            "Mandriva",
            "PCLinuxOS",
            "Puppy",
            "Red Hat",
            "SUSE",
            "Slackware",
            "Ubuntu",
            "openSUSE",
        ],
        "Symbian": ["Symbian OS", "Symbian^3", "Symbian^3 Anna", "Symbian^3 Belle"],
        "Windows Phone": ["Windows Mobile"],
        "macOS": ["Mac OS", "Mac OS X"],
        "tvOS": ["ATV OS X"],
        "watchOS": ["WatchOS"],
        "webOS": ["Web0S"],
    }
)
"""The parser's system family → ours."""

_DESKTOP_SYSTEMS = {
    *("ChromeOS", "FreeBSD", "Linux", "NetBSD", "OpenBSD", "Solaris", "Windows", "macOS"),
}
# Televisions, consoles, watches and headsets are none of the three kinds.
_NO_KIND = re.compile(
    r"TV\b|SmartTV|SMART-TV|TV Safari|AppleTV|BRAVIA|\bAFT[A-Z]|Roku|CrKey|Web0S|NetCast"
    r"|PlayStation|PLAYSTATION|Xbox|Nintendo|\bWii\b|Watch|OculusBrowser|Tesla"
)
_TABLET = re.compile(r"iPad|Tablet(?! PC)|PlayBook|Kindle|Silk/|\bKF[A-Z]{2,}|TouchPad")
_MOBILE = re.compile(
    r"Mobi|iPhone|iPod|Windows Phone|IEMobile|Windows CE|BlackBerry|BB10|Opera Mini|UCWEB"
    r"|MIDP|Symbian|SymbOS|Series ?[46]0|Nokia|KAIOS|webOS/"
)
# Bots that neither library knows: by what they do, or because they say whom to ask about them.
_BOT_WORD = re.compile(
    r"bot\b|crawl|spider|slurp|scrap(?:er|y)|monitoring|headless|fetch|validator"
    r"|feed ?pars|http_?(?:client|request)|\+https?://|\w@\w",
    re.IGNORECASE,
)
# People's browsers that look like bots to the libraries.
_NOT_A_BOT = re.compile(
    r"CUBOT|Silk/\d.*like Chrome|SogouMobileBrowser|MQQBrowser|Coc_Coc|coc_coc_browser",
    re.IGNORECASE,
)


@lru_cache(maxsize=_CACHED)
def describe(user_agent: str) -> Client:
    """What is known about the client that calls itself so."""
    if not user_agent:
        return UNKNOWN
    parsed = _parser()(user_agent, ua_parser.Domain.ALL)
    browser = _name(parsed.user_agent, BROWSERS)
    system = _name(parsed.os, SYSTEMS)
    spider = parsed.device is not None and parsed.device.family == "Spider"
    return Client(browser, system, _device(user_agent, system), _is_bot(user_agent, spider))


def _name(parsed: ua_parser.UserAgent | ua_parser.OS | None, table: dict[str, str]) -> str:
    if parsed is None:
        return ""
    name = table.get(parsed.family, parsed.family)
    # Some families are copied out of the user agent: no name is that long
    return name if len(name.encode(errors="replace")) <= MAX_FAMILY else ""


def _device(user_agent: str, system: str) -> str:
    """`desktop`, `mobile`, `tablet`, or `''` for anything else and for what doesn't tell."""
    if _NO_KIND.search(user_agent):
        return ""
    if _TABLET.search(user_agent):
        return "tablet"
    if _MOBILE.search(user_agent):
        return "mobile"
    if system == "Android":  # its browsers say "Mobile" on phones only; other apps never do
        return "tablet" if user_agent.startswith("Mozilla/") else "mobile"
    return "desktop" if system in _DESKTOP_SYSTEMS else ""


def _is_bot(user_agent: str, spider: bool) -> bool:
    if _NOT_A_BOT.search(user_agent):
        return False
    if spider or _BOT_WORD.search(user_agent):
        return True
    return _crawlers()(user_agent, ua_parser.Domain.USER_AGENT).user_agent is not None


@cache
def _parser() -> ua_parser.Resolver:
    """The parser's own rules, compiled on first use (0.2 s)."""
    return ua_parser.BestAvailableResolver(ua_parser.load_lazy_builtins())


@cache
def _crawlers() -> ua_parser.Resolver:
    """All crawler patterns in the parser's matcher: 1 µs instead of 250 µs for one alternation."""
    patterns: list[Matcher[ua_parser.UserAgent]] = [
        UserAgentMatcher(each["pattern"], "bot") for each in CRAWLER_USER_AGENTS_DATA
    ]
    return ua_parser.BestAvailableResolver((patterns, [], []))
