"""The lists that chance picks from are whole, and what they say is what the service derives."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sessions.domain.events import EventInput
from sessions.generator.catalogue.clients import clients
from sessions.generator.catalogue.locations import locations
from sessions.generator.catalogue.sites import pages
from sessions.generator.catalogue.visits import actions, sources
from sessions.generator.catalogue.weighting import SLOTS, weighted_table


@pytest.mark.parametrize("entries", [clients(), locations(), sources(), actions()])
def test_a_weighted_table_has_no_gap(entries: Iterable[tuple[float, dict[str, Any]]]) -> None:
    slots = [
        slot
        for entry in weighted_table(entries)
        for slot in range(entry["first_slot"], entry["last_slot"] + 1)
    ]
    assert slots == list(range(SLOTS))


@pytest.mark.parametrize("entries", [clients, sources, actions])
def test_nothing_is_too_rare_for_a_slot(
    entries: Callable[[], Iterable[tuple[float, dict[str, Any]]]],
) -> None:
    assert len(weighted_table(entries())) == len(list(entries()))


def test_every_city_has_a_slot() -> None:
    cities = {(place["region"], place["city"]) for _, place in locations()}
    assert cities == {(place["region"], place["city"]) for place in weighted_table(locations())}


def test_weights_are_shares() -> None:
    found = weighted_table([(1, {"name": "a"}), (2, {"name": "b"}), (0.0001, {"name": "c"})])
    sizes = {each["name"]: each["last_slot"] - each["first_slot"] + 1 for each in found}
    assert sizes == {"a": 2731, "b": 5461}


def test_a_tenth_of_clients_are_bots() -> None:
    entries = list(clients())
    bots = sum(weight for weight, client in entries if client["is_bot"])
    assert bots / sum(weight for weight, _ in entries) == pytest.approx(0.1, abs=0.01)


def test_paths_are_told_apart_as_they_are_stored() -> None:
    found = pages()
    assert len({page["page_item"] for page in found}) == len(found)
    assert ("/blog/caf%C3%A9-culture", "/blog/café-culture") in [
        (page["sent_path"], page["path"]) for page in found
    ]


def test_actions_have_what_custom_events_need() -> None:
    names = set(EventInput.__struct_fields__)
    for _, action in actions():
        assert action["event_name"]
        assert set(action) - {"item"} <= names
