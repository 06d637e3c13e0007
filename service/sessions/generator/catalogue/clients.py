"""User agents, and what the service makes of them."""

from collections.abc import Iterator
from typing import Any

from sessions.domain.user_agents import describe

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K"

# Thousandths of all visitors.
_PEOPLE = (
    (238, f"{_WINDOWS}) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36"),
    (78, f"{_MAC}) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36"),
    (19, f"{_LINUX}) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36"),
    (9, f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36"),
    (186, f"{_ANDROID}) {_WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36"),
    (12, f"{_ANDROID}) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36"),
    (
        152,
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_APPLE} Version/18.5 "
        "Mobile/15E148 Safari/604.1",
    ),
    (
        14,
        f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {_APPLE} Version/17.7 "
        "Mobile/15E148 Safari/604.1",
    ),
    (
        21,
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_APPLE} CriOS/138.0.0.0 "
        "Mobile/15E148 Safari/604.1",
    ),
    (61, f"{_MAC}) {_APPLE} Version/18.5 Safari/605.1.15"),
    (49, f"{_WINDOWS}) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"),
    (22, f"{_WINDOWS}; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (8, f"{_MAC}; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (9, f"{_LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (4, "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"),
    (
        16,
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) "
        f"{_WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    (9, f"{_WINDOWS}) {_WEBKIT} Chrome/137.0.0.0 Safari/537.36 OPR/121.0.0.0"),
    (1, f"{_LINUX}) {_WEBKIT} Chrome/136.0.0.0 Safari/537.36 Vivaldi/7.4"),
    (4, ""),
)
_BOTS = (
    (38, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    (22, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    (15, "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
    (9, "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"),
    (8, f"{_LINUX}) {_WEBKIT} HeadlessChrome/138.0.0.0 Safari/537.36"),
    (6, "python-requests/2.32.4"),
    (2, "curl/8.5.0"),
)


def user_agents() -> Iterator[tuple[float, str]]:
    """Weighted user agents of people and of a few bots."""
    yield from (*_PEOPLE, *_BOTS)


def clients() -> Iterator[tuple[float, dict[str, Any]]]:
    """Weighted clients as they are stored."""
    for weight, user_agent in user_agents():
        yield weight, describe(user_agent)._asdict()
