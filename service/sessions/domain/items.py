"""What stands for the pages and events of a session wherever they are searched.

An item is a kind (`page`, `event`, `entry_page` or `exit_page`) with a value, and is stored as
the text of a UUID: the first 128 bits of the SHA-256 of `<kind>:<value>`. At this length two
items never share a hash in practice, so that a match needs no second look. See
docs/decisions/0004-items.md.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

# Characters of a value; a filter can ask for one of 4 MiB.
_LONGEST_REMEMBERED = 256


def item_hash(kind: str, value: str) -> str:
    """The hash of one item; the value `''` stands for a session that has none of this kind."""
    return _remembered(kind, value) if len(value) <= _LONGEST_REMEMBERED else _hash(kind, value)


def _hash(kind: str, value: str) -> str:
    return str(UUID(bytes=hashlib.sha256(f"{kind}:{value}".encode()).digest()[:16]))


# Popular pages and events come again and again.
_remembered = lru_cache(65_536)(_hash)


NO_PAGE = item_hash("page", "")
"""What a session holds that viewed no page: GIN can't search for an empty array."""

MORE_ITEMS = str(UUID(int=0))
"""Marks a session with more items than its row holds: see the table `overflow_items`."""
