"""Browser, operating system, kind of device and bot, from a user agent.

Names are those of ua-parser, whose data is released monthly. What is ours is
the vocabulary, `BROWSERS` and `SYSTEMS`: it folds the parser's words into the
ones that are stored. A family that isn't in them keeps the parser's own name.
Bots are told from people in `bots`.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

import ua_parser

from sessions.domain import bots
from sessions.domain.limits import MAX_FAMILY
from sessions.domain.patterns import Patterns

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

_SAYS_CHROME = {"Chrome", "Android Browser"}
# Browsers that the parser takes for the one that they are built on.
_HIDDEN = {
    "MZBrowser": "Meizu Browser",
    "MiuiBrowser": "MIUI Browser",
    "OPR": "Opera",
    "OppoBrowser": "OPPO Browser",
    "Quark": "Quark",
    "SogouMobileBrowser": "Sogou Mobile Browser",
    "YaBrowser": "Yandex Browser",
    "YaSearchBrowser": "Yandex Browser",
}

_HIDDEN_BROWSER = re.compile(rf"\b({'|'.join(_HIDDEN)})/")
_NAMED_LIKE_BOT = re.compile(r"bot\b|spider", re.IGNORECASE)
_TELEVISION_SYSTEMS = {"Android", "Chromecast", "Linux", "Roku", "Tizen", "Windows", "webOS"}
_MAC = re.compile(r"Macintosh|Mac OS\b|Mac_PowerPC")

_DESKTOP_SYSTEMS = {
    *("ChromeOS", "FreeBSD", "Linux", "NetBSD", "OpenBSD", "Solaris", "Windows", "macOS"),
}
# Televisions, consoles, watches, headsets and cars are none of the three kinds. Names end where
# they end: AirWatch is a browser on phones, Tesla also a make of phones, BTV and DTV are no TV.
_NO_KIND = Patterns(
    r"(?:^|[^BD])TV\b|SmartTV|InettvBrowser|DTVNetBrowser|BRAVIA|Roku",
    r"\bAFT[A-Z]|; aft[a-z]|\bAEO[A-Z]{2}\b",
    r"CrKey|Web0S|NetCast|\bOMI/|VSTVB|TiVo|CE-HTML|BrightSign|Linux mips|Sonos",
    r"PlayStation|PLAYSTATION|Xbox|Nintendo|\bWii\b|OculusBrowser|Tesla/|QtCarBrowser",
    r"Apple ?Watch|watchOS|Watch ?OS|\bWatch\d|\bSM-R[7-9]\d\d",
)
_TABLET = Patterns(
    r"iPad|Tablet(?:$|[^ ]| [^P])|PlayBook|Kindle|Silk/|\bKF[A-Z]{2,}|TouchPad|Nokia[ _]T\d",
)
_MOBILE = Patterns(
    r"\bMobi(?:le)?\b|iPhone|iPod|\biPh\d|Windows Phone|WPDesktop|Lumia|IEMobile|Windows CE",
    r"BlackBerry|BB10|Opera Mini|UCWEB|MIDP|MAUI|UP\.Browser|WAP[- ]Browser|Palm(?:OS|Source)",
    r"Symbian|SymbOS|Series ?[46]0|Nokia|KAIOS|webOS/",
)

# Words of the parser's rules as browsers write them.
#
# Some proxies and logs put user agents in lower case.
_WORDS = """
Mozilla AppleWebKit KHTML Gecko Trident Presto Version Mobile Safari Chrome Chromium Firefox MSIE
Opera Mini Mobi OPR OPT Edge Edg EdgA EdgiOS CriOS FxiOS GSA Focus Klar Vivaldi Whale Silk Puffin
YaBrowser YaSearchBrowser YaApp_Android YaApp_iOS BroPP YandexSearch SamsungBrowser UCBrowser UCWEB
MiuiBrowser MQQBrowser QQBrowser HuaweiBrowser VivoBrowser HeyTapBrowser OculusBrowser OviBrowser
Maxthon DuckDuckGo Ddg Ecosia Brave Electron Konqueror Epiphany SeaMonkey PaleMoon Iceweasel Dolfin
Lynx AOL Avant Browser Thunderbird NetFront Obigo UP Profile Configuration MIDP CLDC IEMobile Steam
GameOverlay MicroMessenger Instagram Pinterest Snapchat Twitter WhatsApp Viber Telegram Line FBAN
FBAV FBIOS FB_IAB FB4A FBDV FBSN FBSV Orca MESSENGER Messenger Dalvik CFNetwork Darwin
HeadlessChrome Windows NT Phone CE PC Macintosh Intel Mac OS X PPC iPhone iPad iPod iPadOS CPU
iOS Linux Ubuntu Fedora CentOS Debian Android Adr CrOS X11 FreeBSD OpenBSD NetBSD SunOS Tizen KAIOS
Maemo BlackBerry BB10 PlayBook Symbian SymbianOS Series Series40 Series60 Nokia NOKIA Bada BREW
MeeGo SMART TV SmartTV MiTV GoogleTV AppleTV Web0S webOS NetCast BRAVIA CrKey Roku HbbTV PlayStation
Xbox Nintendo Tablet Kindle Tesla AirWatch Watch watchOS Apple WOW64 Win64 Build
"""

_AS_WRITTEN = {word.lower(): word for word in _WORDS.split()}
_LOWER_WORD = re.compile(r"[a-z_]+(?:\d\d?)?[a-z]?\b")


@lru_cache(maxsize=_CACHED)
def describe(user_agent: str) -> Client:
    """What is known about the client that calls itself so."""
    if not user_agent:
        return UNKNOWN
    written = user_agent
    # The parser's rules distinguish case.
    if user_agent.islower():
        written = _LOWER_WORD.sub(_restore_case, user_agent)
    parsed = _parser()(written, ua_parser.Domain.ALL)
    spider = parsed.device is not None and parsed.device.family == "Spider"
    is_bot = bots.is_bot(user_agent, is_spider=spider)
    system = _system(_name(parsed.os, SYSTEMS), written)
    browser = _browser(written, parsed.user_agent, is_bot)
    return Client(browser, system, _device(written, system), is_bot)


def _restore_case(lower: re.Match[str]) -> str:
    return _AS_WRITTEN.get(lower[0], lower[0])


def _name(parsed: ua_parser.UserAgent | ua_parser.OS | None, table: dict[str, str]) -> str:
    if parsed is None:
        return ""
    name = table.get(parsed.family, parsed.family)
    # Some families are copied out of the user agent: no name is that long
    return name if len(name.encode(errors="replace")) <= MAX_FAMILY else ""


def _browser(user_agent: str, parsed: ua_parser.UserAgent | None, is_bot: bool) -> str:
    name = _name(parsed, BROWSERS)
    if name == "HbbTV":  # a standard, which hides the browser
        name = _browser_in(user_agent.replace("HbbTV", ""))
    elif not is_bot and _NAMED_LIKE_BOT.search(name):  # a phone's name: "M bot 54"
        name = _browser_in(bots.without_device(user_agent))
    hidden = _HIDDEN_BROWSER.search(user_agent) if name in _SAYS_CHROME else None
    return _HIDDEN[hidden[1]] if hidden else name


def _browser_in(user_agent: str) -> str:
    return _name(_parser()(user_agent, ua_parser.Domain.USER_AGENT).user_agent, BROWSERS)


def _system(name: str, user_agent: str) -> str:
    if not name:
        return "macOS" if _MAC.search(user_agent) else "iOS" if "dv(iPh" in user_agent else ""
    # Of televisions the parser gives the maker
    return "" if "HbbTV" in user_agent and name not in _TELEVISION_SYSTEMS else name


def _device(user_agent: str, system: str) -> str:
    """`desktop`, `mobile`, `tablet`, or `''` for anything else and for what doesn't tell."""
    if _NO_KIND.found_in(user_agent):
        return ""
    # Before mobile, because many tablets also say Mobile.
    if _TABLET.found_in(user_agent):
        return "tablet"
    if _MOBILE.found_in(user_agent):
        return "mobile"
    if system == "Android":  # its browsers say "Mobile" on phones only; other apps never do
        return "tablet" if user_agent.startswith("Mozilla/") else "mobile"
    return "desktop" if system in _DESKTOP_SYSTEMS else ""


@cache
def _parser() -> ua_parser.Resolver:
    """The parser's own rules, compiled on first use (0.2 s)."""
    return ua_parser.BestAvailableResolver(ua_parser.load_lazy_builtins())
