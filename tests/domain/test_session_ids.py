"""The text of a session id: it reads back, sorts like the number, and nothing else passes."""

import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.domain.errors import InvalidArgument, NotFound, Reason
from sessions.domain.session_ids import format_session_id, parse_session_id
from sessions.domain.sessionization import new_session_id

EDGES = [UUID(int=number) for number in (0, 1, 31, 32, 2**80 - 1, 2**80, 2**127, 2**128 - 1)]
IDS = st.one_of(st.uuids(), st.sampled_from(EDGES))


@settings(deadline=None)
@given(IDS)
def test_an_id_reads_back(session_id: UUID) -> None:
    text = format_session_id(session_id)
    assert re.fullmatch(r"sess_[0-9a-f]{32}", text)
    assert parse_session_id(text) == session_id


@settings(deadline=None)
@given(IDS, IDS)
def test_texts_sort_like_ids(one: UUID, other: UUID) -> None:
    assert (format_session_id(one) < format_session_id(other)) == (one < other)


def test_ids_sort_by_the_time_of_making() -> None:
    made = [new_session_id() for _ in range(1000)]
    milliseconds = [id_.int >> 80 for id_ in made]
    assert milliseconds == sorted(milliseconds)
    assert len(set(made)) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "sess_xyz789",  # the documentation's own example
        "sess_0",
        "sess_" + "0" * 64,
        "sess_" + "0" * 31,
        "sess_" + "0" * 33,
        "sess_" + "g" * 32,  # no hex digit
        format_session_id(UUID(int=2**128 - 1)).upper().replace("SESS", "sess"),
        "sess_a-b_c",
    ],
)
def test_a_sensible_id_that_is_not_ours_is_unknown(text: str) -> None:
    with pytest.raises(NotFound) as caught:
        parse_session_id(text)
    assert caught.value.reason == Reason.SESSION_NOT_FOUND


@pytest.mark.parametrize(
    "text",
    [
        *("", "sess_", "sess", "abc", "SESS_abc", "site_abc123", " sess_abc", "sess_abc "),
        *(
            "sess_abc\n",
            "sess_ab c",
            "sess_é",
            "sess_" + "0" * 65,
            "sess_%",
            "sess_../x",
            "sess_\0",
        ),
        *("00000000-0000-0000-0000-000000000000", "sess_\0", "sess_\N{ARABIC-INDIC DIGIT ONE}"),
    ],
)
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_session_id(text)
    assert [violation.field for violation in caught.value.violations] == ["session_id"]
