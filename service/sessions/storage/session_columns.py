"""The columns of `sessions` that make a Session."""

from typing import LiteralString

TEXTS: tuple[LiteralString, ...] = (
    *("country", "region", "city", "browser", "os", "device", "language", "hostname"),
    *("referrer", "utm_source", "utm_medium", "utm_campaign", "entry_page", "exit_page"),
)
"""Those in which `''` stands for unknown."""

COLUMNS: LiteralString = """
       s.session_id, s.visitor_id, s.started_at, s.ended_at, s.pageviews, s.events, s.is_bot,
       """ + ", ".join(f"nullif(s.{name}, '')" for name in TEXTS)
"""In the order of the fields of Session, of the table `sessions s`."""
