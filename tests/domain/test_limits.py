"""The table of limits fits the types it speaks about, and PostgreSQL."""

from msgspec.structs import fields
from sessions.domain import limits
from sessions.domain.events import EventInput

GIN_ENTRY = 2_712  # bytes; PostgreSQL refuses larger ones at insert
INDEXED = ("hostname", "language", "country", "region", "city")


def test_every_text_of_an_event_has_a_limit() -> None:
    texts = [each.name for each in fields(EventInput) if each.type in (str, "str")]
    assert sorted(texts) == sorted(each.field for each in limits.TEXTS)


def test_indexed_texts_fit_an_index_entry() -> None:
    sizes = {each.field: each.bytes for each in limits.TEXTS}
    # upper-casing can make a text up to three times as long
    assert all(3 * sizes[field] < GIN_ENTRY for field in INDEXED)
    assert max(limits.MAX_UTM, limits.MAX_HOSTNAME, limits.MAX_FAMILY) < GIN_ENTRY
