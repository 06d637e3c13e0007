"""Whether a user agent belongs to a program without a human viewer.

A person taken for a bot is missing from every list, and for good: `is_bot` is
stored and the user agent is not. So a user agent with the engine of a browser
or of an app is a person's, unless it says otherwise itself or has a name that
was reviewed here. The lists of the libraries, which grow every month, are
asked only about the rest.
"""

import re
from functools import cache

from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from sessions.domain.patterns import Patterns

# The comment with the model, which makers name as they like: "Spider", "M bot 54".
_ANDROID_DEVICE = re.compile(r"\((?:Linux|Android)[^()]*(?:\([^()]*\)[^()]*)*\)", re.IGNORECASE)

# Words by which a program says what it is, whatever it names besides.
_SAYS_BOT = Patterns(
    # Not the app "Bot World", nor CUBOT's phones
    r"[^\Wu]bot\b|[^c]ubot\b|\bbot(?:[/;).]|$| \d)|\brobots?\b|botcollector",
    r"crawl|spider|slurp|scrap(?:er|y|ing)|headless|fetcher|monitoring|network monitor",
    r"scanning|/scan\b|validator|feed ?pars|\d subscribers|feedburner|http_?(?:client|request)",
    r"^(?:libcurl|pycurl|curl|wget|httpie|aria2|lwp|java|php|python|ruby|perl|deno|bun|dart)\b",
    r"^(?:pip|go-http|go-resty|okhttp|guzzle|axios|node|undici|reqwest|aiohttp|httpx|axel)\b",
    r"^p2/| curl/|^ia_archiver|externalhit",
    ignore_case=True,
)

# Whom to ask about a bot.
_CONTACT = Patterns(r"\+https?:", ignore_case=True)

_COMPATIBLE_NAME = re.compile(
    r"\bcompatible; ?(?!msie|mozilla|firefox|iphone|windows|like|gecko)[a-z]"
)

# Engines, systems and browsers of people's devices.
_PEOPLES = Patterns(
    # what draws pages, or fetches them for an app
    r"webkit|gecko/|like gecko|khtml|trident/|msie |presto/|^opera|firefox/",
    r"midp|cldc|uc ?browser|ucweb|netfront|dolfin|obigo|up\.browser|maui",
    r"hbbtv|viera|dalvik/|cfnetwork/|konqueror|omniweb|antgalio",
    # systems and devices
    r"windows|mac ?os|macintosh|mac_?powerpc|android|\bios\b|iphone|ipad|apple|watchos|x11;",
    r"symbian|risc os|amiga|beos|playstation|nintendo|roku|bada|brew|tizen|webos|smart-?tv",
    r"win9\d|watch os|docomo|nokia",
    # browsers that name neither
    r"\bbrowser\b|browser/|opr/|fban/|iceweasel|^lynx|^e?links\b|\bw3m/|midori|embeddedwb",
    ignore_case=True,
)

# Programs with the user agent of a browser and a name of their own in it.
_AUTOMATED_BROWSER = Patterns(
    # taken by robots: tests, measurements of speed, previews, archives
    r"\bPTST\b|GTmetrix|Lighthouse|DareBoost|YLT Chrome|Page ?Speed|PhantomJS|CasperJS|SlimerJS",
    r"Selenium|Playwright|Puppeteer|Cypress|splash Version/|Ghost Inspector|Functionize",
    r"TestLocally|BingPreview|Wayback|ArchiveBox|Collapsify|Miniature\.io|Site-Shot",
    r"Browsershots|PrintFriendly|Criticalcss|Nitro-Optimizer|Convertify|PWABuilder|Dlc/\d",
    r"jsdom/|Zombie\.js|HTTrack|WebCapture|SiteSucker|webscreenie|SkypeUriPreview|preview-tool",
    # checks of availability
    r"Synthetics?\b|Synthetic/|Catchpoint|Gomez|DejaClick|Alert ?Site|Pingdom|StatusCake|Uptim",
    r"ThousandEyes|Dotcom-Monitor|SiteMonitor|YottaaMonitor|Neustar WPM|Rigor\)|AppInsights",
    r"Checkly|Site24x7|WatchMouse|CloudflareObserv|CloudflareDiag|HLB/\d|yunjiankong|iplabel",
    r"websitepulse|PRTG",
    # checks of security, rights and quality
    r"SecurityHeaders|Hardenize|Foregenix|Sucuri|watchTowr|xmco\.fr|Assetnote|CybaaAgent",
    r"Inspici|securitee|scanner\.ducks|WebScanner|(?:Link|Proxy)Check|LinkTiger|Siteimprove",
    r"Silktide|SQWatcher|Nikto/|acunetix|SSL Server Survey",
    r"CookieHub|OneTrust|TagInspector|BrandVerity|researchscan|UCSBNetwork|Project-Resonance",
    # advertising, search, marketing and reading
    r"(?:bot|DuplexWeb|PlayStore|AppEngine|Fetcher)-Google\b|like Gecko[;,] ?Google-",
    r"Google-SearchBy|GoogleImageProxy|GoogleAdSense",
    r"Google (?:Favicon|Web Preview|Page ?Speed|Search Console|Keyword|Domains)|PowerShell/",
    r"Python-urllib|libwww-perl",
    r"Mediapartners|adbeat\.com|evaliant|Datanyze|DMBrowser|MarketGoo|HubSpot|SeoSite",
    r"GeedoShop|baidu Transcoder|Daum(?:oa)?[/ ]\d|Nutch|Sparkler/|pageburst|ips-agent|um-\w\w/",
    r"NetShelter|ContentScan|Semantics?Classifier|Scope3|Hotjar Version|Sindup|NewsNow/|newsai/",
    r"\+\w+@|infegy|Google-Ads|NovaAct|Zotero|Swurl|Evidon|StumbleUpon;|Specificfeeds|Shoppimon",
    r"MonitoRSS|feeder\.co|Readable/|Charlotte/|TinEye|WhatCMS|Morningscore",
    r"YahooSeeker|Manus-User|Devin/\d|KarnoProspecting",
    ignore_case=True,
)

# Words in the names of programs, where neither an engine nor a system of people is named.
_PROGRAM = Patterns(
    # checks of health and availability
    r"health.?(?:check|service|prob)|googlehc|envoy/hc|prob(?:e|er)\b|uptime|monit|\bping\b|check(?:er)?\b|synthetic",
    r"diagnos|loadtime|prometheus|grafana|zabbix|nagios|munin|collectd|datadog|xymon|hobbit",
    r"cronitor|load ?balancer|\bdcv\b|verif|valimail|internal dummy",
    # command-line tools and tools of testers
    r"\bcurl|pycurl|wget|httpie|\blwp\b|apachebench|jmeter|\bk6/|postman|insomnia|reqbin",
    r"scann?(?:er|ing)?\b|\baudit|fuzz|nuclei|arachni|masscan|nmap|sqlmap|nikto|gobuster",
    r"^(?:wrk|hey|oha|siege|vegeta|hurl|xh|bruno)\b|autocannon|locust|gatling|lftp|claude-code",
    r"l9tcpid|jndi:|\brecon\b|xtate|shodan|clamav",
    # libraries
    r"^(?:java|php|python|ruby|perl|node(?:\.js)?|deno|bun|dart|go)\b|urllib|okhttp|guzzle",
    r"https?[-_. ]?(?:client|request|lib|kit|tiny|get|mon|collector)|\bhttp\b|\brequests?\b",
    r"reqwest|axios|undici|superagent|hackney|soup\b|rest(?:y|-?client|sharp)|needle/|grpc",
    r"carrierwave|webhook|cohttp|\bcron\b|scheduler|azure-logic|spray-can|p2/|lavf/",
    r"\bgit[-/]|url/emacs|downloader|grequests|symfony|drupal|wordpress|mechanize",
    r"http\w{1,9}client|webclient|unirest|faraday|httparty|reactornetty|resttemplate|retrofit|flurl",
    r"mojolicious|^(?:ureq|hyper|finch)\b|elixir|^microsoft[- ](?:cryptoapi|wns|bits|webdav|ncsi)",
    # makers of previews, feeds and extracts
    r"preview|thumbn|thumbor|thumbsn|extractor|analy[sz]er|parser|lookup|\bfeed|rss reader|pubsub",
    r"subscribers|inoreader|hookshot|akkoma|external(?:hit|ua)|image ?proxy|imagecache",
    r"^google(?:-|$|\w*$)|^meta-|phpmyadmin|matomo",
    r"^(?:www\.)?[\w-]+\.(?:com|net|org|ch|de|io|info|co|eu)\b|webmon|gitops|\bworker|feedreader",
    r"https?://|[\w.+-]+@[\w-]+\.[a-z]|user.?agent|\.txt|dot-txt|sectxt|\bacme\.",
    ignore_case=True,
)

# Claims to be a browser, and names neither an engine nor a system, but itself.
_PLAIN_MOZILLA = re.compile(
    r"mozilla/5\.0,? \(?(?:compatible; ?)?(?!\s|compatible|chrome|firefox|safari|.*linux)"
    r"[\w .-]+(?:/v?\d|\)?$)",
    re.IGNORECASE,
)


def is_bot(user_agent: str, *, is_spider: bool) -> bool:
    """Whether the user agent is a program's; in doubt it is a person's.

    Args:
        user_agent: as it was sent.
        is_spider: whether the parser takes the device for a spider.
    """
    rest = without_device(user_agent)
    if _SAYS_BOT.found_in(rest) or _CONTACT.found_in(user_agent) or _is_compatible_name(rest):
        return True
    if _PEOPLES.found_in(user_agent):
        return _AUTOMATED_BROWSER.found_in(user_agent)
    return (
        is_spider
        or _is_listed(user_agent)
        or _PROGRAM.found_in(user_agent)
        or _PLAIN_MOZILLA.match(user_agent) is not None
    )


def without_device(user_agent: str) -> str:
    """The user agent without the model of an Android device, which its maker named."""
    if "ndroid" not in user_agent:
        return user_agent
    return _ANDROID_DEVICE.sub("", user_agent, count=1)


def _is_compatible_name(user_agent: str) -> bool:
    """Whether `compatible; Name` follows the engine; browsers say it in front of theirs."""
    _, engine, rest = user_agent.lower().partition("gecko")
    return bool(engine) and _COMPATIBLE_NAME.search(rest) is not None


def _is_listed(user_agent: str) -> bool:
    """Whether a crawler pattern fits; user agents in lower case are compared without case."""
    return _crawlers(ignore_case=user_agent.islower()).found_in(user_agent)


@cache
def _crawlers(*, ignore_case: bool) -> Patterns:
    patterns = (each["pattern"] for each in CRAWLER_USER_AGENTS_DATA)
    return Patterns(*patterns, ignore_case=ignore_case)
