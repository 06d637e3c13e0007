"""Browser, system and kind of device, beside what two other collections say of them.

Their words are folded into ours where they mean the same. What is left are
differences of opinion, of which `-s` prints the most frequent.
"""

from collections import Counter

import pytest

from tests.support import corpus
from tests.support.corpus import Sample

FIELDS = ("browser", "os", "device")

_SYSTEMS = {
    "Android": [
        *("android", "Fire OS", "fire-os", "Android TV", "HarmonyOS", "MocorDroid", "CyanogenMod"),
        *("Wear OS", "YaOS", "Smartisan OS", "Lineage OS", "Meta Horizon", "PICO OS", "Yun OS"),
    ],
    "BREW": ["Brew"],
    "ChromeOS": ["Chrome OS", "chromeos"],
    "GoogleTV": ["Google TV"],
    "Linux": [
        *("linux", "GNU/Linux", "Ubuntu", "Debian", "Fedora", "Arch Linux", "Mint", "Opera TV"),
        *("VIDAA", "TiVo OS", "Whale OS", "BrightSignOS", "Orsay"),
    ],
    "Symbian": ["symbian", "Symbian^3", "Symbian OS Series 60"],
    "Windows": ["windows", "Windows CE", "Windows RT"],
    "Windows Phone": ["windows-phone", "Windows Mobile"],
    "iOS": ["ios", "iPadOS"],
    "macOS": ["Mac", "mac", "mac-os-x", "macos"],
    "": ["---", "Java ME", "MRE", "PlayStation"],
}
_BROWSERS = {
    "Amazon Silk": ["Mobile Silk", "silk"],
    "Avant": ["avant-browser"],
    "BlackBerry": ["BlackBerry Browser", "blackberry-browser"],
    "Chrome": ["Chrome Mobile", "Chrome Webview", "Chrome Mobile iOS", "Chromium", "chromium"],
    "Dolfin": ["Dolphin"],
    "Edge": ["Microsoft Edge", "edge"],
    "Epiphany": ["GNOME Web"],
    "Facebook": ["facebook-app"],
    "Firefox": ["Firefox Mobile", "Firefox Mobile iOS", "Iceweasel", "iceweasel"],
    "Google": ["google-search-app"],
    "HeyTap Browser": ["HeyTapBrowser"],
    "HiBrowser": ["Hi Browser"],
    "Huawei Browser": ["Huawei Browser Mobile"],
    "Internet Explorer": ["IE Mobile", "internet-explorer-mobile"],
    "MIUI Browser": ["Mi Browser"],
    "Netscape": ["netscape-navigator"],
    "OPPO Browser": ["Oppo Browser"],
    "Opera": [
        *("Opera Mobile", "Opera Mini", "opera-mini", "Opera Devices", "Opera GX"),
        *("Opera Touch", "Opera Next"),
    ],
    "Puffin": ["Puffin Web Browser"],
    "Qt Web Engine": ["QtWebEngine"],
    "Safari": ["Mobile Safari"],
    "Samsung Internet": ["Samsung Browser", "samsung-browser"],
    "UC Browser": ["UC Browser Turbo", "UC Browser Mini"],
    "UP.Browser": ["Openwave Mobile Browser", "openwave-mobile-browser"],
    "VivoBrowser": ["vivo Browser"],
    "Yandex Browser": ["Yandex Browser Lite"],
}
_DEVICES = {
    "desktop": ["computer"],
    "mobile": ["smartphone", "phablet", "feature phone", "mobile -> phone"],
    "tablet": ["mobile -> tablet", "mobile -> ebook-reader"],
    "": [
        *("tv", "wearable", "smart speaker", "peripheral", "console", "camera", "car browser"),
        *("portable media player", "smart display", "large-screen -> tv", "vehicle -> car", "---"),
        *("large-screen -> game-console", "mobile -> handheld-game", "mobile -> music-player"),
    ],
}
_OURS = {
    field: {word: name for name, words in table.items() for word in words}
    for field, table in zip(FIELDS, (_BROWSERS, _SYSTEMS, _DEVICES), strict=True)
}

# Apps with a browser inside: the collection names the browser, we name the app
_APPS = {"Facebook", "Facebook Messenger", "Instagram", "Apple Mail", "Outlook", "Outlook-iOS"}


@pytest.mark.parametrize(
    ("source", "browser", "os", "device"),
    [("device-detector", 0.97, 0.98, 0.90), ("random-user-agent", 0.96, 0.98, 0.98)],
)
def test_other_collections_agree(source: str, browser: float, os: float, device: float) -> None:
    samples = [each for each in corpus.people() if each.source == source]
    shares = {field: _agreement(field, samples) for field in FIELDS}
    assert shares["browser"] >= browser
    assert shares["os"] >= os
    assert shares["device"] >= device


def _agreement(field: str, samples: list[Sample]) -> float:
    """The share of those with a word for it that agree; bots are left out."""
    differences: Counter[tuple[str, str]] = Counter()
    total = 0
    for sample in samples:
        client = corpus.client(sample.user_agent)
        theirs = getattr(sample, field)
        if theirs is None or client.is_bot:
            continue
        total += 1
        ours = getattr(client, field)
        if not _same(_OURS[field].get(theirs, theirs), ours):
            differences[theirs, ours] += 1
    share = 1 - differences.total() / total
    print(f"{field}: {share:.1%} of {total:,}; {differences.most_common(12)}")
    return share


def _same(theirs: str, ours: str) -> bool:
    return ours in _APPS or _slug(theirs) == _slug(ours)


def _slug(name: str) -> str:
    return name.casefold().replace(" ", "-")
