"""User agents: browser, system, device and bot, in the stored vocabulary."""

import gzip
import re
from collections import Counter

import pytest
from sessions.domain import user_agents
from sessions.domain.limits import MAX_FAMILY

from tests.support.real_data import real_file

W = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
LINUX = "Mozilla/5.0 (X11; Linux x86_64) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) "
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) "
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) "
TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X906B) "
KIT = "AppleWebKit/537.36 (KHTML, like Gecko) "
IKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) "


def android(device: str, rest: str = "") -> str:
    browser = KIT + "Chrome/126.0.0.0 Mobile Safari/537.36"
    return f"Mozilla/5.0 (Linux; Android 14; {device}) {browser}{rest}"


# (user agent, browser, os, device)
PEOPLE = [
    # Windows
    (W + KIT + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "Windows", "desktop"),
    (W + KIT + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87", "Edge", "Windows", "desktop"),
    (W + KIT + "Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", "Edge", "Windows", "desktop"),
    (W + KIT + "Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0", "Opera", "Windows", "desktop"),
    (
        W + KIT + "Chrome/124.0.0.0 YaBrowser/24.6.0 Safari/537.36",
        *("Yandex Browser", "Windows", "desktop"),
    ),
    (
        W + KIT + "Chrome/124.0.0.0 Safari/537.36 Vivaldi/6.7.3329.41",
        *("Vivaldi", "Windows", "desktop"),
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
        *("Firefox", "Windows", "desktop"),
    ),
    (
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        *("Internet Explorer", "Windows", "desktop"),
    ),
    (
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; .NET CLR 2.0; "
        "Tablet PC 2.0)",
        *("Internet Explorer", "Windows", "desktop"),
    ),
    (
        W + KIT + "coc_coc_browser/124.0.118 Chrome/118.0.5993.118 Safari/537.36",
        *("Coc Coc", "Windows", "desktop"),
    ),
    (W + KIT + "Chrome/116.0.0.0 Safari/537.36 Whale/3.22.205.18", "Whale", "Windows", "desktop"),
    (
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.16",
        *("Opera", "Windows", "desktop"),
    ),
    # macOS; an iPad in desktop mode can't be told from a Mac, nor Brave from Chrome
    (MAC + IKIT + "Version/17.5 Safari/605.1.15", "Safari", "macOS", "desktop"),
    (MAC + KIT + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "macOS", "desktop"),
    (MAC + KIT + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge", "macOS", "desktop"),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
        *("Firefox", "macOS", "desktop"),
    ),
    (
        MAC + IKIT + "Version/17.5 Safari/605.1.15 Ddg/17.5",
        *("DuckDuckGo", "macOS", "desktop"),
    ),
    # Linux and its like
    (LINUX + KIT + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "Linux", "desktop"),
    (
        LINUX + KIT + "Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36",
        *("Chrome", "Linux", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        *("Firefox", "Linux", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
        *("Firefox", "Linux", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.9.0.7) Gecko/2009032813 Iceweasel/3.0.6 "
        "(Debian-3.0.6-1)",
        *("Firefox", "Linux", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + KIT + "Chrome/126.0.0.0 Safari/537.36",
        *("Chrome", "ChromeOS", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:121.0) Gecko/20100101 Firefox/121.0",
        *("Firefox", "FreeBSD", "desktop"),
    ),
    (
        "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.1",
        *("Lynx", "", ""),
    ),
    # iPhone, iPod
    (IPHONE + IKIT + "Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "iOS", "mobile"),
    (IPHONE + IKIT + "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome", "iOS", "mobile"),
    (IPHONE + IKIT + "FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", "mobile"),
    (
        IPHONE + IKIT + "Version/17.0 EdgiOS/125.0.2535.96 Mobile/15E148 Safari/605.1.15",
        *("Edge", "iOS", "mobile"),
    ),
    (
        IPHONE + IKIT + "Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.7.0",
        *("Opera", "iOS", "mobile"),
    ),
    (
        IPHONE + IKIT + "Mobile/15E148 [FBAN/FBIOS;FBAV/468.0.0.35.72;FBDV/iPhone15,3]",
        *("Facebook", "iOS", "mobile"),
    ),
    (
        IPHONE + IKIT + "Mobile/21F79 Instagram 336.0.6.24 (iPhone15,2; iOS 17_5; en_US)",
        *("Instagram", "iOS", "mobile"),
    ),
    (
        IPHONE + IKIT + "GSA/320.0.641 Mobile/15E148 Safari/604.1",
        *("Google", "iOS", "mobile"),
    ),
    (
        IPHONE + IKIT + "Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
        *("DuckDuckGo", "iOS", "mobile"),
    ),
    (IPHONE + IKIT + "Mobile/15E148", "Safari", "iOS", "mobile"),
    (
        "Mozilla/5.0 (iPod; CPU iPhone OS 6_1_5 like Mac OS X) AppleWebKit/536.26 "
        "(KHTML, like Gecko) Version/6.0 Mobile/10B400 Safari/8536.25",
        *("Safari", "iOS", "mobile"),
    ),
    # iPad
    (IPAD + IKIT + "Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "iOS", "tablet"),
    (IPAD + IKIT + "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome", "iOS", "tablet"),
    (IPAD + IKIT + "FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", "tablet"),
    # Android phones
    (PHONE + KIT + "Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome", "Android", "mobile"),
    (
        PHONE + KIT + "Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/125.0.2535.96",
        *("Edge", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) "
        + KIT
        + "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
        *("Samsung Internet", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
        *("Firefox", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) "
        + KIT
        + "Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36",
        *("Chrome", "Android", "mobile"),
    ),
    (
        PHONE + KIT + "Chrome/124.0.0.0 Mobile Safari/537.36 OPR/82.0.4342.79",
        *("Opera", "Android", "mobile"),
    ),
    (
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
        *("Opera", "Android", "mobile"),
    ),
    (
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/34.1244; U; en) Presto/2.8 Version/11.10",
        *("Opera", "", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 12; en-US; RMX3085) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36",
        *("UC Browser", "Android", "mobile"),
    ),
    (
        PHONE + KIT + "Chrome/122.0.0.0 YaBrowser/24.4.1.83.00 SA/3 Mobile Safari/537.36",
        *("Yandex Browser", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 13; zh-cn; 2201123C) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Version/4.0 Chrome/109.0.5414.118 Mobile Safari/537.36 "
        "XiaoMi/MiuiBrowser/17.7.70718",
        *("MIUI Browser", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 12; zh-cn; V2055A) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Version/4.0 Chrome/98.0.4758.102 MQQBrowser/14.3 Mobile Safari/537.36",
        *("QQ Browser", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; HUAWEI ELE-L29) "
        + KIT
        + "Chrome/99.0.4844.88 HuaweiBrowser/14.0.5.303 Mobile Safari/537.36",
        *("Huawei Browser", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 11; CUBOT X50) " + KIT + "Chrome/99.0.4844.88 Mobile "
        "Safari/537.36",
        *("Chrome", "Android", "mobile"),
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 4.0.3; ko-kr; LG-L160L Build/IML74K) "
        "AppleWebkit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
        *("Android Browser", "Android", "mobile"),
    ),
    (
        PHONE + KIT + "Chrome/126.0.6478.71 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/470.0.0.51]",
        *("Facebook", "Android", "mobile"),
    ),
    # Android tablets
    (TABLET + KIT + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "Android", "tablet"),
    (
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-X906B) "
        + KIT
        + "SamsungBrowser/25.0 Chrome/121.0.0.0 Safari/537.36",
        *("Samsung Internet", "Android", "tablet"),
    ),
    (
        "Mozilla/5.0 (Android 13; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0",
        *("Firefox", "Android", "tablet"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 11; KFTRWI) "
        + KIT
        + "Silk/112.5.1 like Chrome/112.0.5615.213 Safari/537.36",
        *("Amazon Silk", "Android", "tablet"),
    ),
    # Other phones
    (
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0; "
        "ARM; Touch; NOKIA; Lumia 920)",
        *("Internet Explorer", "Windows Phone", "mobile"),
    ),
    (
        "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) "
        "Version/10.0.9.2372 Mobile Safari/537.10+",
        *("BlackBerry", "BlackBerry OS", "mobile"),
    ),
    (
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        *("Firefox", "KaiOS", "mobile"),
    ),
    # Televisions, consoles and cars are none of the three kinds
    (
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) " + KIT + "76.0.3809.146/6.0 TV Safari/537.36",
        *("Safari", "Tizen", ""),
    ),
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) "
        + KIT
        + "Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
        *("Chrome", "webOS", ""),
    ),
    (
        "Mozilla/5.0 (Linux; Android 9; AFTMM) "
        + KIT
        + "Silk/112.5.1 like Chrome/112.0.5615.213 Safari/537.36",
        *("Amazon Silk", "Android", ""),
    ),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/13.0 Safari/605.1.15",
        *("Safari", "", ""),
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) "
        + KIT
        + "Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0",
        *("Edge", "Windows", ""),
    ),
    (
        "Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/606.4 (KHTML, like Gecko) "
        "NF/6.0.1.15.4 NintendoBrowser/5.1.0.20393",
        *("", "", ""),
    ),
]

BOTS = [
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Python-urllib/3.11",
    "python-httpx/0.27.0",
    "aiohttp/3.9.5",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "axios/1.7.2",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Apache-HttpClient/4.5.14 (Java/17.0.11)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/126.0.6478.61 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html)",
    "Googlebot-Image/1.0",
    "Mediapartners-Google",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
    "+https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; "
    "+claudebot@anthropic.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0)",
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    LINUX + KIT + "HeadlessChrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/534.34 (KHTML, like Gecko) PhantomJS/1.9.2 "
    "Safari/534.34",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0 (compatible; StatusCake)",
    W + KIT + "Chrome/119.0.0.0 Safari/537.36 Chrome-Lighthouse",
    "Feedfetcher-Google; (+http://www.google.com/feedfetcher.html; 1 subscribers)",
    "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
    "Tiny Tiny RSS/1.11 (http://tt-rss.org/)",
    "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
    "Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)",
    "Scrapy/2.11.2 (+https://scrapy.org)",
]


# Words of a device inside of other names, and browsers behind another
LOOKALIKES = [
    (IPHONE + IKIT + "Version/17.5.1 Safari/605.1.15 (AirWatch Browser v24.06)", "iOS", "mobile"),
    (android("Tesla SP3.2"), "Android", "mobile"),
    (android("Tesla_Tablet_L7_3G"), "Android", "tablet"),
    (
        "Mozilla/5.0 (X11; GNU/Linux) " + KIT + "Chrome/79.0.3945.130 Safari/537.36 Tesla/2020",
        "Linux",
        "",
    ),
    (
        "Mozilla/5.0 (X11; Linux) AppleWebKit/534.34 (KHTML, like Gecko) QtCarBrowser",
        "Linux",
        "",
    ),
    (android("BTV-W09").replace("Mobile ", ""), "Android", "tablet"),
    (android("BTV-W09"), "Android", "mobile"),
    (android("myA9 DTV"), "Android", "mobile"),
    (android("MiTV-AESP0").replace("Mobile ", ""), "Android", ""),
    (android("Nokia T20").replace("Mobile ", ""), "Android", "tablet"),
    (
        "Mozilla/5.0 (Linux; Tizen 5.5; SAMSUNG SM-R855F) "
        + KIT
        + "Chrome/69.0.3497.106 Mobile Safari/537.36",
        "Tizen",
        "",
    ),
    ("com.apple.invitation-registration [Watch OS,10.0,21R355,Watch7,5]", "", ""),
    (
        "Mozilla/5.0 (Windows NT 6.2; Trident/7.0; rv:11.0; WPDesktop; Lumia 435) like Gecko",
        "Windows",
        "mobile",
    ),
    (
        "Opera/9.80 (Linux mips; ) Presto/2.12.407 Version/12.51 MB97/0.45.23.22 (REGAL, wired)",
        "Linux",
        "",
    ),
    ("HbbTV/1.4.1 (;Panasonic;VIERA 2019;d.704;4b01-0003 0040-0000;) PanasonicSDK/2017", "", ""),
    ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; Tablet PC 1.7)", "Windows", "desktop"),
    (
        "Microsoft Office Word/16.78.1008 (Mac OS/14.0; Desktop; en-US; AppStore)",
        "macOS",
        "desktop",
    ),
]

HIDDEN = [
    (android("LE2100", " YaSearchBrowser/21.114.1 BroPP/1.0"), "Yandex Browser"),
    (android("X", " YaBrowser/24.10.0.358 (lite)"), "Yandex Browser"),
    (android("X").replace("Mobile", "Quark/7.3.7.662 Mobile"), "Quark"),
    (android("X", " SogouMSE,SogouMobileBrowser/5.28.7"), "Sogou Mobile Browser"),
    (android("X").replace("Mobile", "MZBrowser/9.4.3 Mobile"), "Meizu Browser"),
    (android("X", " OppoBrowser/25.5.1.9"), "OPPO Browser"),
    (android("M bot 54"), "Chrome"),
    (
        "Opera/9.80 (Linux armv7l;  HbbTV/1.1.1 (; Sony; KDL32;); ) Presto/2.12.407 Version/12.50",
        "Opera",
    ),
]


@pytest.mark.parametrize(("user_agent", "browser", "os", "device"), PEOPLE)
def test_a_browser_is_named_in_the_stored_words(
    user_agent: str, browser: str, os: str, device: str
) -> None:
    assert user_agents.describe(user_agent) == (browser, os, device, False)


@pytest.mark.parametrize("user_agent", BOTS)
def test_a_bot_is_a_bot(user_agent: str) -> None:
    assert user_agents.describe(user_agent).is_bot


@pytest.mark.parametrize(("user_agent", "os", "device"), LOOKALIKES)
def test_a_device_is_told_by_whole_names(user_agent: str, os: str, device: str) -> None:
    assert user_agents.describe(user_agent)[1:] == (os, device, False)


@pytest.mark.parametrize(("user_agent", "browser"), HIDDEN)
def test_a_browser_is_found_behind_another(user_agent: str, browser: str) -> None:
    assert user_agents.describe(user_agent).browser == browser


@pytest.mark.parametrize(("user_agent", "browser", "os", "device"), PEOPLE)
def test_case_does_not_count(user_agent: str, browser: str, os: str, device: str) -> None:
    lower = user_agents.describe(user_agent.lower())
    assert lower == (browser, os, device, False)


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(PEOPLE) + len(BOTS) > 100


def test_no_user_agent_tells_nothing_and_is_no_bot() -> None:
    assert user_agents.describe("") == ("", "", "", False)


@pytest.mark.parametrize("user_agent", ["-", "x", "\ufffd" * 4096, "(" * 4096, "Mozilla/5.0"])
def test_nonsense_is_unknown_and_no_bot(user_agent: str) -> None:
    assert user_agents.describe(user_agent) == ("", "", "", False)


def test_a_name_copied_from_the_user_agent_has_a_bounded_length() -> None:
    hostile = "a" * 199 + "/1 CFNetwork/672.0.8 Darwin/14.0.0"
    assert len(user_agents.describe(hostile).browser) <= MAX_FAMILY


@pytest.fixture(scope="module")
def log() -> Counter[str]:
    """The user agents of a real web server's log, with their counts."""
    with gzip.open(real_file("apache_access.log.gz"), "rt", errors="replace") as lines:
        return Counter(line.split('"')[5] for line in lines if line.count('"') >= 6)


def test_the_real_log_uses_the_vocabulary_only(log: Counter[str]) -> None:
    clients = [user_agents.describe(each) for each in log]
    assert len(clients) > 500
    assert {each.device for each in clients} == {"desktop", "mobile", "tablet", ""}
    assert {"Windows", "macOS", "Linux", "Android", "iOS", "ChromeOS"} < {c.os for c in clients}
    assert not {each.browser for each in clients} & user_agents.BROWSERS.keys()
    assert not {each.os for each in clients} & user_agents.SYSTEMS.keys()


def test_whatever_calls_itself_a_bot_in_the_real_log_is_one(log: Counter[str]) -> None:
    says_so = re.compile(r"bot\b|crawl|spider|slurp|feed|curl|wget", re.IGNORECASE)
    missed = [
        each for each in log if says_so.search(each) and not user_agents.describe(each).is_bot
    ]
    assert missed == []


def test_hits_of_bots_in_the_real_log(log: Counter[str]) -> None:
    bots = sum(count for each, count in log.items() if user_agents.describe(each).is_bot)
    assert 2_000 < bots < 2_800
