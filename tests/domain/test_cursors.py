"""Cursors: only ours open, only for their own query, also while keys are rotated."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.domain.cursors import CursorSigner, EventPageKey, PageKey
from sessions.domain.errors import InvalidArgument, Reason
from sessions.domain.paging import Position
from sessions.domain.selection import Range

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32
SIGNER = CursorSigner({1: OLD})
QUERY = b'["list", "site_abc123defg"]'
PAGE_KEY = PageKey(
    Range(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)),
    Position(datetime(2026, 3, 3, 10, 15, 0, 123_456, tzinfo=UTC), UUID(int=2**127 + 1)),
)
MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 2), timezones=st.just(UTC))
URL_SAFE = frozenset(string.ascii_letters + string.digits + "-_")


def refused(cursor: str, query: bytes = QUERY, signer: CursorSigner = SIGNER) -> bool:
    """Whether a cursor does not open; the error must be the one that callers are promised."""
    try:
        signer.open(cursor, query, "cursor")
    except InvalidArgument as error:
        fields = [violation.field for violation in error.violations]
        return (error.reason, fields) == (Reason.INVALID_CURSOR, ["cursor"])
    return False


def decoded(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encoded(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")


@settings(deadline=None)
@given(payload=st.binary(max_size=200), query=st.binary(max_size=200))
def test_what_was_sealed_opens_with_its_query(payload: bytes, query: bytes) -> None:
    cursor = SIGNER.seal(payload, query)
    assert set(cursor) <= URL_SAFE
    assert SIGNER.open(cursor, query, "cursor") == payload


def test_any_flipped_bit_is_refused() -> None:
    sealed = decoded(SIGNER.seal(PAGE_KEY.pack(), QUERY))
    for position in range(8 * len(sealed)):
        flipped = int.from_bytes(sealed) ^ 1 << position
        assert refused(encoded(flipped.to_bytes(len(sealed)))), position


def test_any_changed_character_is_refused() -> None:
    """Among them those whose bits base64 ignores at the end of a text."""
    for payload in (PAGE_KEY.pack(), PAGE_KEY.pack() + b"x", PAGE_KEY.pack() + b"xy"):
        cursor = SIGNER.seal(payload, QUERY)
        for position in range(len(cursor)):
            for other in {*URL_SAFE, *"=+/. é"} - {cursor[position]}:
                assert refused(cursor[:position] + other + cursor[position + 1 :]), position


@settings(deadline=None)
@given(position=st.integers(0, 200), length=st.integers(1, 8))
def test_what_was_cut_is_refused(position: int, length: int) -> None:
    cursor = SIGNER.seal(PAGE_KEY.pack(), QUERY)
    position %= len(cursor)
    assert refused(cursor[:position] + cursor[position + length :])


@pytest.mark.parametrize("more", ["=", "==", "A", "AAAA", "\n", " ", "\0", ".", "é"])
def test_what_was_lengthened_is_refused(more: str) -> None:
    cursor = SIGNER.seal(PAGE_KEY.pack(), QUERY)
    assert refused(cursor + more)
    assert refused(more + cursor)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=120), st.binary(max_size=90).map(encoded)))
def test_what_we_did_not_make_is_refused(text: str) -> None:
    assert refused(text)


def test_another_query_is_refused() -> None:
    cursor = SIGNER.seal(PAGE_KEY.pack(), QUERY)
    assert refused(cursor, QUERY + b" ")
    assert refused(cursor, b"")
    # Where the payload ends and the query begins is sealed too.
    assert refused(SIGNER.seal(b"ab", b"cd"), b"bcd")
    assert refused(encoded(b"\0\1a" + decoded(SIGNER.seal(b"ab", b"cd"))[-16:]), b"bcd")


def test_a_foreign_key_is_refused() -> None:
    """Also one that goes by an id that we use."""
    for key_id in (1, 2, 65_535):
        assert refused(CursorSigner({key_id: FOREIGN}).seal(PAGE_KEY.pack(), QUERY))


def test_keys_are_rotated_without_breaking_a_walk() -> None:
    before = SIGNER
    rotated = CursorSigner({2: NEW, 1: OLD})
    after = CursorSigner({2: NEW})
    old_cursor, new_cursor = before.seal(b"position", QUERY), rotated.seal(b"position", QUERY)
    # The new key signs, the old one still opens, until it is taken away.
    assert rotated.open(old_cursor, QUERY, "cursor") == b"position"
    assert rotated.open(new_cursor, QUERY, "cursor") == b"position"
    assert after.open(new_cursor, QUERY, "cursor") == b"position"
    assert refused(new_cursor, signer=before)
    assert refused(old_cursor, signer=after)
    assert decoded(new_cursor)[:2] == b"\0\2"


def test_a_key_id_without_a_key_is_refused() -> None:
    """There is no MAC to compare with, and none does not pass for one."""
    for mac in (b"", b"\0" * 16):
        assert refused(encoded(b"\0\7" + PAGE_KEY.pack() + mac))


@settings(deadline=None)
@given(since=MOMENTS, until=MOMENTS, at=MOMENTS, session_id=st.uuids())
def test_a_position_in_a_list_survives_to_the_microsecond(
    since: datetime, until: datetime, at: datetime, session_id: UUID
) -> None:
    position = PageKey(Range(since, until), Position(at, session_id))
    assert PageKey.unpack(position.pack()) == position


@settings(deadline=None)
@given(
    at=MOMENTS,
    sequence=st.integers(-(2**31), 2**31 - 1),
    event_id=st.text(st.characters(codec="ascii"), max_size=64),
    open_view=st.none() | MOMENTS,
)
def test_a_position_in_events_survives(
    at: datetime, sequence: int, event_id: str, open_view: datetime | None
) -> None:
    key = EventPageKey((at, sequence, event_id), open_view)
    assert EventPageKey.unpack(key.pack()) == key


def test_neighbouring_microseconds_are_different_positions() -> None:
    at = PAGE_KEY.after.started_at
    positions = {
        PageKey(PAGE_KEY.range, Position(at + timedelta(microseconds=step), UUID(int=0))).pack()
        for step in range(100)
    }
    assert len(positions) == 100
