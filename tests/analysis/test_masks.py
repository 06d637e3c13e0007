"""Masks over columns are true of the sessions that a plain evaluation finds."""

from collections.abc import Sequence
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis import interruption, masks
from sessions.analysis.columns import Array, Columns, Flags, smallest
from sessions.domain.dimensions import ACQUISITION, CLIENT, TEXTS
from sessions.domain.hours import microseconds
from sessions.domain.predicates import All, HasLike, Journey, Like, Not, OneOf, Pattern, Predicate
from sessions.domain.steps import Step

from tests.support.reference import Expected, is_step, matches
from tests.support.strategies import START, predicates, steps

_texts = st.sampled_from(["", "a", "b"])
_events = st.one_of(
    st.tuples(st.just("page"), st.sampled_from(["", "/", "/a", "/b", "/ü"])),
    st.tuples(st.just("event"), st.sampled_from(["click", "none"])),
)


@st.composite
def sessions(draw: st.DrawFn) -> Expected:
    """A session of which all that predicates look at is consistent."""
    done = tuple(draw(st.lists(_events, min_size=1, max_size=6)))
    pages = [value for kind, value in done if kind == "page"]
    started_at = START + timedelta(minutes=draw(st.integers(0, 36)) * 10)
    lasted = timedelta(seconds=300 * draw(st.integers(0, 12)), microseconds=draw(st.integers(0, 1)))
    return Expected(
        visitor_id="",
        started_at=started_at,
        ended_at=started_at + lasted,
        pageviews=len(pages),
        events=len(done) - len(pages),
        is_bot=draw(st.booleans()),
        entry_page=pages[0] if pages else "",
        exit_page=pages[-1] if pages else "",
        acquisition=tuple(draw(_texts) for _ in ACQUISITION),
        attributes=tuple(draw(_texts) for _ in CLIENT),
        pages=frozenset(filter(None, pages)),
        event_names=frozenset(value for kind, value in done if kind == "event"),
        steps=done,
    )


def columns_of(found: Sequence[Expected]) -> Columns:
    """The columns that blocks would have of some sessions."""
    numbers = {
        "started_at": [microseconds(each.started_at) for each in found],
        "duration": [
            (each.ended_at - each.started_at) // timedelta(microseconds=1) for each in found
        ],
        "visitor_key": [*range(len(found))],
        "pageviews": [each.pageviews for each in found],
        "events": [each.events for each in found],
        "is_bot": [each.is_bot for each in found],
    }
    arrays: dict[str, Array] = {
        name: smallest(np.array(values, np.int64)) for name, values in numbers.items()
    }
    texts = {name: [_text(each, name) for each in found] for name in TEXTS}
    texts["step_item"] = [kind[0] + value for each in found for kind, value in each.steps]
    words = {name: sorted(set(values)) for name, values in texts.items()}
    for name, values in texts.items():
        arrays[name] = smallest(np.array([words[name].index(value) for value in values], np.int64))
    return Columns(arrays, words, np.ones(len(found), np.bool_))


def _text(session: Expected, name: str) -> str:
    [value] = (
        v for v in ("", "a", "b", "/", "/a", "/b", "/ü") if matches(OneOf(name, (v,)), session)
    )
    return value


def _without_visitors(predicate: Predicate) -> bool:
    return "visitor_id" not in repr(predicate)


@settings(max_examples=150, deadline=None)
@given(
    found=st.lists(sessions(), min_size=1, max_size=8),
    predicate=predicates().filter(_without_visitors),
)
def test_masks_are_true_of_what_predicates_are(found: list[Expected], predicate: Predicate) -> None:
    columns = columns_of(found)
    expected = [matches(predicate, session) for session in found]
    assert masks.mask(predicate, columns).tolist() == expected
    assert masks.mask(Not(predicate), columns).tolist() == [not each for each in expected]


@settings(max_examples=100, deadline=None)
@given(found=st.lists(sessions(), min_size=1, max_size=8), condition=steps())
def test_masks_of_steps(found: list[Expected], condition: Predicate) -> None:
    done = [step for session in found for step in session.steps]
    mask = masks.step_mask(Step("", condition), columns_of(found))
    assert mask.tolist() == list(map(partial(is_step, condition), done))


BLOG = Pattern("/blog/", False, True)
SESSION = Expected(
    visitor_id="",
    started_at=START,
    ended_at=START,
    pageviews=1,
    events=0,
    is_bot=False,
    entry_page="/",
    exit_page="/",
    acquisition=("",) * len(ACQUISITION),
    attributes=("",) * len(CLIENT),
    pages=frozenset("/"),
    event_names=frozenset(),
    steps=(("page", "/"),),
)


def test_a_condition_is_decided_once_however_often_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided: list[Pattern] = []

    def like(pattern: Pattern, words: Sequence[str], kind: str) -> Flags:
        decided.append(pattern)
        return np.zeros(len(words), np.bool_)

    monkeypatch.setattr(masks, "_like", like)
    journey = Journey((Like("page", BLOG),) * 10)
    masks.mask(All((HasLike("page", BLOG), journey, Not(journey))), columns_of([SESSION]))
    assert decided == [BLOG]


def test_a_mask_can_be_stopped() -> None:
    def stopped() -> None:
        stop = Event()
        stop.set()
        interruption.stop.set(stop)
        masks.mask(HasLike("page", BLOG), columns_of([SESSION]))

    with pytest.raises(interruption.Interrupted):
        copy_context().run(stopped)
