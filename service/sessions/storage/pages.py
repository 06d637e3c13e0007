"""How the pages that a session viewed stand in its row."""

from uuid import UUID

from sessions.domain.sessionization import page_hash

NO_PAGE = page_hash("")
"""Stands in for the pages of a session that viewed none: GIN can't search for an empty array."""

MORE_PAGES = str(UUID(int=0))
"""Marks a session that viewed more pages than its row holds: see the table overflow_pages."""
