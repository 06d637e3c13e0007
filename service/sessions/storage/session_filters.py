"""The filters of a list as conditions on the table `sessions s`, and their values."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from sessions.domain.items import MORE_ITEMS, item_hash
from sessions.storage.session_columns import TEXTS

Filters = Mapping[str, Sequence[str]]
"""Per name of `sessions.domain.queries.FILTERS` the values that match."""

_COLUMNS = {name: name for name in TEXTS}

# The row's own items decide, except where it could not hold them all.
_VISITED: LiteralString = """
   AND s.items && %(page_or_more)s::uuid[]
   AND (s.items && %(page)s::uuid[]
        OR EXISTS (
            SELECT FROM overflow_items o
             WHERE o.website_key = s.website_key AND o.visitor_key = s.visitor_key
               AND o.item = ANY(%(page)s::uuid[])
               AND o.occurred_at BETWEEN s.started_at AND s.ended_at))"""


def conditions(filters: Filters) -> LiteralString:
    """What follows a WHERE clause; the values are its parameters."""
    found: list[LiteralString] = [_condition(name, values) for name, values in filters.items()]
    return "".join(found)


def _condition(name: str, values: Sequence[str]) -> LiteralString:
    if name == "page":
        return _VISITED
    column = _COLUMNS[name]
    # Of one value the index is always asked; of several, if that looks good to the planner.
    if len(values) == 1:
        return f" AND s.{column} = %({column})s"
    return f" AND s.{column} = ANY(%({column})s)"


def parameters(filters: Filters) -> dict[str, Any]:
    """The values, for `conditions`."""
    found: dict[str, Any] = {
        name: values[0] if len(values) == 1 else list(values) for name, values in filters.items()
    }
    if "page" in filters:
        pages = [item_hash("page", path) for path in filters["page"]]
        found |= {"page": pages, "page_or_more": [*pages, MORE_ITEMS]}
    return found
