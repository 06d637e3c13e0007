"""Many events are looked at column by column; what that tells is what a look at each tells."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions.domain import limits
from sessions.domain.enrichment import Enricher
from sessions.domain.errors import InvalidArgument
from sessions.domain.event_identity import Ordinals
from sessions.domain.events import EventInput, InputColumns
from sessions.domain.validation import are_valid, violations, violations_of
from sessions.domain.visitors import Visitors

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
GOOD = (
    EventInput(event_type="pageview", timestamp=NOW, visitor_id="v", url="/a?utm_source=x"),
    EventInput(event_type="event", timestamp=NOW, event_id="e", visitor_id="ü", event_name="é"),
    EventInput(
        event_type="pageview", client_ip="192.0.2.1", hostname="shop.example", city="Zürich"
    ),
    EventInput(event_type="pageview", visitor_id="v", event_data={"plan": ["pro"]}, sequence=-1),
)

_values: dict[str, list[Any]] = {
    "event_type": ["pageview", "event", "click"],
    "timestamp": [
        *(NOW, None, NOW.replace(tzinfo=None), NOW.replace(year=1999)),
        *(NOW + limits.MAX_AHEAD, NOW + limits.MAX_AHEAD + timedelta.resolution),
    ],
    "event_id": ["", "e", "é", "\n", "192.0.2.1", "x" * 64, "x" * 65],
    "sequence": [0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1],
    "visitor_id": ["", "v", "x" * 64, "ü" * 64, "x" * 65, "192.0.2.1", "\ud800", "\0"],
    "client_ip": ["", "192.0.2.1", "2001:db8::1", "nonsense", "x" * 65],
    "user_agent": ["", "ua", "x" * 4096, "é" * 2048, "é" * 2049],
    "url": ["", "/", f"/?utm_source={'x' * 1024}", f"/?utm_source={'x' * 1025}", "é" * 4097],
    "referrer": ["", "https://x.example/", "x" * 8193],
    "event_name": ["", "click", "192.0.2.1", "x" * 257],
    "event_data": [None, {}, {"a": "\0"}, {"a": float("nan")}, {"a": "x" * 32_769}],
    "hostname": ["", "shop.example", "a b", "x" * 256],
    "language": ["", "de", "x" * 256],
    "country": ["", "DE", "x" * 65],
    "region": ["", "Zürich", "x" * 129],
    "city": ["", "Zürich", "ü" * 128, "ü" * 129],
}
_changes = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in _values.items()}
)


@st.composite
def events(draw: st.DrawFn) -> EventInput:
    """A valid event, mostly with something else in some fields."""
    changes = draw(st.just({}) | _changes)
    return replace(draw(st.sampled_from(GOOD)), **changes)


@settings(deadline=None)
@given(st.lists(events(), min_size=1, max_size=4))
def test_a_look_at_columns_finds_what_a_look_at_each_event_finds(sent: list[EventInput]) -> None:
    columns = InputColumns.of(sent)
    expected = {n: found for n, each in enumerate(sent) if (found := violations(each, NOW))}
    assert violations_of(sent, columns, NOW) == expected
    if are_valid(columns, NOW):
        assert not expected


def test_usual_events_need_no_look_at_each() -> None:
    for sent in (GOOD, *([each] for each in GOOD)):
        assert are_valid(InputColumns.of(sent), NOW)


def test_columns_have_the_fields_of_events() -> None:
    assert InputColumns._fields == EventInput.__struct_fields__
    assert InputColumns.of([]) == InputColumns(*[()] * len(InputColumns._fields))


@settings(deadline=None)
@given(st.lists(events(), min_size=1, max_size=4))
def test_events_are_the_same_alone_and_together(sent: list[EventInput]) -> None:
    alone, ordinals = [], Ordinals()
    for each in sent:
        alone += _enriched([each], ordinals)
    assert _enriched(sent, Ordinals()) == alone


def _enriched(sent: Sequence[EventInput], ordinals: Ordinals) -> list[object]:
    """The events of lines, or what is wrong with them."""
    made = Enricher(Visitors(b"secret")).enrich_lines(
        sent, [b""] * len(sent), website_id="site_x", received_at=NOW, ordinals=ordinals
    )
    return [each.violations if isinstance(each, InvalidArgument) else each for each in made]
