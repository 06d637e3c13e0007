"""Where visits come from, and the custom events of visitors who do something."""

from collections.abc import Iterator
from typing import Any

from sessions.domain.items import item_hash
from sessions.domain.urls import referrer_host, split_url

# Thousandths of all visits: the referrer, and the query of the page they arrive at.
_SOURCES = (
    (372, "", ""),
    (248, "https://www.google.com/", ""),
    (24, "https://www.bing.com/", ""),
    (17, "https://duckduckgo.com/", ""),
    (9, "https://www.ecosia.org/", ""),
    (31, "https://t.co/7hVqWc2YpL", ""),
    (27, "https://www.linkedin.com/", ""),
    (21, "https://news.ycombinator.com/", ""),
    (19, "https://github.com/", ""),
    (16, "https://www.reddit.com/", ""),
    (9, "https://en.wikipedia.org/wiki/Web_analytics", ""),
    (5, "https://partner.example/blog/tools-we-like?page=2", ""),
    (64, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=brand"),
    (31, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=spring_sale"),
    (22, "https://www.facebook.com/", "utm_source=facebook&utm_medium=paid_social"),
    (
        18,
        "https://l.instagram.com/",
        "utm_source=instagram&utm_medium=paid_social&utm_campaign=spring_sale",
    ),
    (28, "", "utm_source=newsletter&utm_medium=email&utm_campaign=weekly"),
    (13, "", "utm_source=newsletter&utm_medium=email&utm_campaign=spring_sale"),
    (9, "", "utm_source=newsletter&utm_medium=email&utm_campaign=Caf%C3%A9+culture"),
    (11, "https://www.linkedin.com/", "utm_source=linkedin&utm_medium=social&utm_campaign=launch"),
    (4, "https://partner.example/", "utm_source=partner&utm_medium=referral&ref=42"),
    (2, "", "utm_source=podcast&utm_medium=audio&utm_campaign=episode%20117"),
)

_ACTIONS: tuple[tuple[float, str, dict[str, Any] | None], ...] = (
    (300, "scroll_depth", {"percent": 75}),
    (120, "video_play", {"video": "product-tour", "seconds": 12.5}),
    (110, "search", {"query": "pricing", "results": 8}),
    (90, "add_to_cart", {"product": "standing-desk", "price": 349.9, "quantity": 1}),
    (60, "add_to_cart", {"product": "desk-lamp", "price": 39.0, "quantity": 2}),
    (80, "signup_click", {"plan": "pro"}),
    (60, "signup_click", {"plan": "free"}),
    (20, "signup_click", {"plan": "team", "seats": 12}),
    (70, "outbound_click", {"url": "https://github.com/"}),
    (40, "download", {"file": "white-paper.pdf"}),
    (25, "purchase", {"value": 388.9, "currency": "EUR", "items": ["standing-desk", "desk-lamp"]}),
    (25, "newsletter_subscribe", None),
)


def sources() -> Iterator[tuple[float, dict[str, Any]]]:
    """Weighted ways to arrive, as they are sent and as they are stored."""
    for weight, referrer, query in _SOURCES:
        query = f"?{query}" if query else ""
        landing = split_url(f"/{query}")
        yield (
            weight,
            {
                "sent_referrer": referrer,
                "query": query,
                "referrer": referrer_host(referrer),
                "utm_source": landing.utm_source,
                "utm_medium": landing.utm_medium,
                "utm_campaign": landing.utm_campaign,
            },
        )


def actions() -> Iterator[tuple[float, dict[str, Any]]]:
    """Weighted custom events."""
    for weight, name, data in _ACTIONS:
        yield (
            weight,
            {
                "event_name": name,
                "event_data": data,
                "item": item_hash("event", name),
            },
        )
