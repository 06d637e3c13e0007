"""Who is a bot: by kind, and where the libraries' lists are wrong."""

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]
from sessions.domain import bots
from sessions.domain.user_agents import describe

KIT = "AppleWebKit/537.36 (KHTML, like Gecko) "
IKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) " + IKIT
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + KIT
LINUX = "Mozilla/5.0 (X11; Linux x86_64) " + KIT
CHROME = "Chrome/130.0.0.0 Safari/537.36"


def android(device: str, rest: str = "") -> str:
    browser = f"{KIT}Chrome/130.0.0.0 Mobile Safari/537.36"
    return f"Mozilla/5.0 (Linux; Android 15; {device}) {browser}{rest}"


# People, though a pattern of a library fits, or a word looks like a bot's
PEOPLE = [
    # builds of Android and names of devices
    "Mozilla/5.0 (Linux; Android 15; CPH2581 Build/AP3A.240617.008; wv) "
    + KIT
    + "Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    android("HTC Butterfly"),
    android("ViewSonic V500"),
    android("Fever_Plus"),
    android("Expanse"),
    android("Chirp Build/H023"),
    android("M bot 54"),
    android("XBot Junior"),
    android("Spider 8"),
    android("CUBOT X50"),
    android("LG-P698 Build/alex@hawk-droid.rev3"),
    android("moto g power (2022)"),
    "DESAY TS1008/1.0 Release/07.12.2013 Mozilla/5.0 (Linux; U; Android 4.0.3; zh-cn) "
    "AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
    "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/59.267; U; fa) Presto/2.12.423 Version/12.16",
    # browsers inside of apps
    IPHONE + "Mobile/22G100 Safari/604.1 MetaIAB Facebook",
    IPHONE + "Mobile/15D100 Blackboard/3.10.0",
    IPHONE
    + "Mobile/21F79 Instagram 330.0.3.29.91 (iPhone14,3; iOS 17_5; en_IR@calendar=gregorian)",
    android("G011A", " Viber/11.9.5.8"),
    android("Pixel 8", " YJApp-ANDROID jp.co.yahoo.android.yjtop/3.13.1"),
    android("SM-T560NU", "; MyFitnessPal/6.2.2 (mfp-mobile-android-google)"),
    android("SM-S918B", " CamScanner/4.8.5.2310271827"),
    WINDOWS + "WhatsApp/2.2409 Chrome/120.0.0.0 Electron/28.0.0 Safari/537.36",
    WINDOWS + "Code/1.115.0 Chrome/142.0.7444.265 Electron/39.8.5 Safari/537.36",
    WINDOWS + "Trae/1.107.1 Chrome/142.0.7444.235 Electron/39.2.7 Safari/537.36",
    "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5_6; en-us) AppleWebKit/528.16 "
    "(KHTML, like Gecko) Fluid/0.9.6 Safari/528.16",
    "Mozilla/5.0 (Linux; U; en-gb; KFTHWI Build/JDQ39) AppleWebKit/535.19 (KHTML, like Gecko) "
    "Bot World BD/3.16 Safari/535.19",
    # browsers
    IPHONE + "Version/18.4 Mobile/15E148 Safari/605.1.15 (Ecosia ios@11.0.2.2268)",
    android("K", " (Ecosia android@150.0.0.0)"),
    "Mozilla/5.0 (X11; U; Linux i686; th-TH@calendar=gregorian) AppleWebKit/534.12 "
    "(KHTML, like Gecko) Puffin/1.3.2665MS Safari/534.12",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1; SynapseWorkstation.3.2.1; "
    "Helpdesk@example.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Banca Caboto s.p.a.; rv:11.0) like Gecko",
    "Mozilla/5.0 (compatible; Konqueror/3.1-rc3; i686 Linux; 20021110)",
    "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.1",
    "Links (2.1pre23; Linux 3.5.0 i686; 237x63)",
    "w3m/0.5.3",
    "Emacs-w3m/1.4.505 w3m/0.5.3",
    "Silk/3.2 Midori/0.5.9",
    # televisions and apps
    "HbbTV/1.4.1 (+DRM;Panasonic;SmartTV2018mid;3.061;6301-0003 0008-0000;SmartTV2018;)",
    "Viber/12.8.0.1 CFNetwork/1121.2.2 Darwin/19.3.0",
    "MyShop/4.5.0",
    "MyMonitor/2.0 (iPhone; iOS 18.1)",
]

PROGRAMS = [
    # health checks and monitors
    "ELB-HealthChecker/2.0",
    "Amazon-Route53-Health-Check-Service (ref b0eb04d5; report http://amzn.to/1vsZADi)",
    "GoogleHC/1.0",
    "kube-probe/1.27",
    "Consul Health Check",
    "HAProxy/2.8 health-check",
    "Prometheus/2.40.5",
    "Blackbox Exporter/0.25.0",
    "Grafana/11.1.0",
    "check_http/v2.3.3 (nagios-plugins 2.3.3)",
    "Datadog/Synthetics",
    "Zabbix",
    "Better Stack Better Uptime Bot Mozilla/5.0",
    LINUX + "Chrome/122.0.0.0 Safari/537.36 Uptime/1.0 (https://uptime.com)",
    LINUX + CHROME + " RuxitSynthetic/1.0 v104032285451",
    LINUX + CHROME + " GTmetrix",
    LINUX + CHROME + " PTST/220216.200657",
    # libraries
    "PostmanRuntime/7.29.0",
    "insomnia/2023.5.8",
    "GuzzleHttp/7",
    "rest-client/2.1.0 (linux x86_64) ruby/2.7.6p219",
    "lua-resty-http/0.10 (Lua) ngx_lua/10000",
    "Java/17.0.11",
    "Dart/3.5 (dart:io)",
    "Deno/2.1.7",
    "Bun/1.0.6",
    "undici",
    "Apache-HttpAsyncClient/4.1.5 (Java/17)",
    "ReactorNetty/1.1.0",
    "Faraday v2.7.4",
    "reqwest/0.9.19",
    "libsoup/2.68.2",
    "grpc-java-netty/1.28.1",
    WINDOWS.replace(KIT, "") + "WindowsPowerShell/5.1.19041.5737",
    # command-line tools
    "curl/8.4.0 (Windows) libcurl/8.4.0",
    "Wget/1.21.4",
    "HTTPie/3.2.2",
    "ApacheBench/2.3",
    "k6/0.31.1 (https://k6.io/)",
    "Mozilla/5.0 (Windows NT 10.0) Nikto/2.5.0",
    # crawlers that neither library has
    "Mozilla/5.0 (compatible; ShopifyChecker/1.0)",
    "Mozilla/5.0 xtate/2.12.4",
    LINUX.rstrip(") ") + "; compatible; pageburst) " + CHROME,
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) "
    + KIT
    + "Chrome/41.0.2272.96 Mobile Safari/537.36 (compatible; NewThing/2.1)",
]


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_a_person_is_no_bot(user_agent: str) -> None:
    assert not describe(user_agent).is_bot


@pytest.mark.parametrize("user_agent", PROGRAMS)
def test_a_program_is_a_bot(user_agent: str) -> None:
    assert describe(user_agent).is_bot


@pytest.mark.parametrize(
    "user_agent",
    ["mediapartners-google", "mozilla/5.0 (compatible; googlebot/2.1)", "KUBE-PROBE/1"],
)
def test_a_bot_is_known_in_any_case(user_agent: str) -> None:
    assert describe(user_agent).is_bot


def test_the_lists_of_libraries_have_no_say_on_browsers() -> None:
    """Patterns that fit people's devices are in every release."""
    fits = [
        user_agent
        for user_agent in PEOPLE
        if any(re.search(each["pattern"], user_agent) for each in CRAWLER_USER_AGENTS_DATA)
    ]
    assert len(fits) >= 10
    assert not any(bots.is_bot(user_agent, is_spider=True) for user_agent in fits)


def test_the_model_is_cut_out_of_an_android_user_agent() -> None:
    assert bots.without_device("a (Linux; Android 11; moto g (2022); x) b") == "a  b"
    assert bots.without_device("a (X11; Linux) b") == "a (X11; Linux) b"
