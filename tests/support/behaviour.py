"""What sessions did, as the plain evaluations of analyses see it."""

from collections.abc import Collection, Iterable, Sequence
from random import Random

from sessions.domain.events import Event
from sessions.domain.predicates import Either, OneOf
from sessions.domain.steps import Step

from tests.support.visits import Visit

KINDS = {"p": "page", "e": "event"}
Way = tuple[str, ...]
"""Items one after the other, as words."""


def word(event: Event) -> str:
    """The word of an event in columns."""
    return f"p{event.path}" if event.is_pageview else f"e{event.event_name}"


def step_of(words: Iterable[str]) -> Step:
    """The step that events with one of these words match."""
    each = (OneOf(KINDS[word[0]], (word[1:],)) for word in sorted(words))
    return Step("", Either(tuple(each)))


def items_of(
    events: Sequence[Event], kinds: Collection[str], *, collapse: bool
) -> list[tuple[int, str]]:
    """The items of a session, each with the index of its event."""
    found: list[tuple[int, str]] = []
    for index, each in enumerate(map(word, events)):
        is_repeat = collapse and found and found[-1][1] == each and each[0] == "p"
        if KINDS[each[0]] in kinds and not is_repeat:
            found.append((index, each))
    return found


def way_of(
    visit: Visit,
    kinds: Collection[str],
    anchor: frozenset[str] | None,
    *,
    collapse: bool,
    back: bool,
) -> Way | None:
    """The items of a session from its entry or anchor on; None without an anchor."""
    items = items_of(visit.events, kinds, collapse=collapse)
    if anchor is None:
        return tuple(each for _, each in items)
    at = [index for index, event in enumerate(visit.events) if word(event) in anchor]
    if not at:
        return None
    if not back:
        return tuple(each for index, each in items if index > at[0])
    before = [each for index, each in items if index <= at[-1]]
    if before and before[-1] == word(visit.events[at[-1]]):
        before.pop()
    return tuple(reversed(before))


def random_parts(visits: list[Visit], chance: Random) -> list[list[Visit]]:
    """Parts in any order, each in the order of columns."""
    chosen = [chance.randrange(3) for _ in visits]
    parts = [[v for v, n in zip(visits, chosen, strict=True) if n == part] for part in range(3)]
    chance.shuffle(parts)
    return [part for part in parts if part]
