"""The websites' hosts and shares, and the pages that each of them has."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from sessions.domain.items import item_hash
from sessions.domain.urls import split_url
from sessions.domain.websites import Website

_HOSTS = ("www.shop", "blog", "docs", "app", "www.studio", "news", "www.bakery", "forum")

_FIRST_PAGES = (
    *("/", "/pricing", "/products", "/blog", "/docs", "/features", "/signup", "/login"),
    *("/about", "/contact", "/cart", "/checkout", "/blog/café-culture", "/careers", "/legal"),
)
_SECTIONS = ("/blog", "/products", "/docs")
_KINDS = ("guide", "review", "notes", "checklist", "story", "update", "howto", "faq")
_TOPICS = (
    *("standing-desk", "desk-lamp", "office-chair", "monitor-arm", "keyboard", "notebook"),
    *("home-office", "remote-work", "ergonomics", "lighting", "acoustics", "plants", "coffee"),
    *("travel", "focus", "meetings", "design", "hiring", "privacy", "analytics", "shipping"),
)


def sites(websites: Sequence[Website]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Weighted websites with their hosts: the first has half of all visits, the others fewer.

    The weight of the others falls with their number, as that of sites on the web does.
    """
    others = [1 / number for number in range(1, len(websites))]
    weights = [sum(others) or 1.0, *others]
    for number, (weight, website) in enumerate(zip(weights, websites, strict=True)):
        name = _HOSTS[number] if number < len(_HOSTS) else f"site-{number}"
        yield weight, {"website_key": website.key, "hostname": f"{name}.example"}


def pages() -> list[dict[str, Any]]:
    """All pages, the most popular first, as they stand in URLs and as they are stored."""
    slugs = [f"{topic}-{kind}" for kind in _KINDS for topic in _TOPICS]
    paths = [*_FIRST_PAGES, *(f"{section}/{slug}" for slug in slugs for section in _SECTIONS)]
    return [_page(number, quote(path)) for number, path in enumerate(paths, 1)]


def _page(number: int, sent_path: str) -> dict[str, Any]:
    path = split_url(sent_path).path
    items = {f"{kind}_item": item_hash(kind, path) for kind in ("page", "entry_page", "exit_page")}
    return {"number": number, "sent_path": sent_path, "path": path, **items}
