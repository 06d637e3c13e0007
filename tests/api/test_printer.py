"""JSON that workers print; what Envoy prints is compared in tests/gateway and tests/end_to_end."""

import inspect
from datetime import UTC, datetime
from typing import Any

import orjson
from analytics_sessions.v1.session_pb2 import Session as Message
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st
from sessions.api.exports import CSV_COLUMNS
from sessions.api.printer import page_text, session_cells
from sessions.api.rest_service import RestSessionService
from sessions.domain.dimensions import TEXTS
from sessions.domain.session import Session
from sessions.gateway.contract import DESCRIPTORS
from sessions.session_message import encode

from tools.rest_descriptors import DERIVED

PRINTED_KINDS = {Field.CPPTYPE_STRING, Field.CPPTYPE_BOOL, Field.CPPTYPE_INT32}


_moments = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
_texts = st.text(max_size=8) | st.sampled_from(["</script>", "\u2028", '"\\', "ü"])
_sessions = st.builds(
    Session,
    session_id=st.uuids(),
    visitor_id=_texts,
    started_at=_moments,
    ended_at=_moments,
    pageviews=st.integers(0, 2**31 - 1),
    events=st.integers(0, 2**31 - 1),
    is_bot=st.booleans(),
    texts=st.tuples(*[st.none() | _texts.filter(bool)] * len(TEXTS)),
)


@given(session=_sessions)
def test_a_list_and_a_table_have_what_a_session_has(session: Session) -> None:
    message = encode(session)
    [listed] = orjson.loads(page_text([message], None))["sessions"]
    assert tuple(map(listed.get, TEXTS)) == session.texts
    for name in ("started_at", "ended_at"):
        assert datetime.fromisoformat(listed[name]) == getattr(session, name)
    for name in ("visitor_id", "duration", "pageviews", "events", "is_bounce", "is_bot"):
        assert listed[name] == getattr(session, name)
    told = {name: _cell(listed.get(name, "")) for name in CSV_COLUMNS}
    assert dict(zip(CSV_COLUMNS, session_cells(message), strict=True)) == told


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def test_a_session_has_only_fields_that_the_printer_knows() -> None:
    for field in Message.DESCRIPTOR.fields:
        moment = field.message_type and field.message_type.full_name == "google.protobuf.Timestamp"
        assert moment or field.cpp_type in PRINTED_KINDS, field.name
        assert not field.is_repeated, field.name


def test_a_long_message_is_printed_as_a_short_one_is() -> None:
    long, short = (Message(entry_page="/" + "x" * size) for size in (5_000, 5))
    for message in (long, short):
        printed = page_text([message.SerializeToString()] * 2, "next")
        page = orjson.loads(printed)
        assert [each["entry_page"] for each in page["sessions"]] == [message.entry_page] * 2
        assert page["next_cursor"] == "next"


def test_the_service_for_rest_has_the_methods_that_envoy_calls() -> None:
    files = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file
    [service] = [each for file in files if file.package == DERIVED for each in file.service]
    found = inspect.getmembers(RestSessionService, inspect.isfunction)
    methods = {name for name, _ in found if not name.startswith("_")}
    assert {method.name for method in service.method} == methods
