"""Errors: the whole table from the domain to gRPC, and the catalogue in the protos."""

from collections.abc import Callable
from datetime import UTC, datetime
from string import Formatter
from typing import Any

import grpc
import pytest
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from analytics_sessions.v1.event_service_pb2 import StreamEventsRequest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from sessions.api.statuses import code_of, domain_error, naming_batch, status_of
from sessions.domain import errors
from sessions.domain.api_keys import ApiKey, Scope, check_website
from sessions.domain.errors import DomainError, Reason, Unavailable, Violation
from sessions.domain.selection import day_range
from sessions.domain.session_ids import parse_session_id
from sessions.domain.websites import check_website_id

FIELD = Violation("limit", "-1 is negative; send 1 to 100", limit=100, found=-1)
OPTION: Any = options_pb2.error
DEFINITIONS = {
    value.name: value.GetOptions().Extensions[OPTION] for value in ErrorReason.DESCRIPTOR.values[1:]
}

TABLE = [
    (errors.InvalidArgument(FIELD), grpc.StatusCode.INVALID_ARGUMENT, [ErrorInfo, BadRequest]),
    (errors.Unauthenticated(Reason.KEY_EXPIRED), grpc.StatusCode.UNAUTHENTICATED, [ErrorInfo]),
    (
        errors.PermissionDenied(Reason.SCOPE_MISSING, scope="a:b"),
        grpc.StatusCode.PERMISSION_DENIED,
        [ErrorInfo],
    ),
    (
        errors.NotFound(Reason.SESSION_NOT_FOUND, session_id="sess_0"),
        grpc.StatusCode.NOT_FOUND,
        [ErrorInfo],
    ),
    (
        errors.TooLarge(Reason.REQUEST_TOO_LARGE, limit="9"),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        [ErrorInfo],
    ),
    (
        errors.QueueFull(Reason.ANALYSIS_QUEUE_FULL, limit="32"),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        [ErrorInfo, RetryInfo],
    ),
    (
        errors.LimitExceeded(
            Reason.KEY_LIMIT_EXCEEDED, retry_after=0.5, limit="2", unit="calls per second"
        ),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        [ErrorInfo, RetryInfo],
    ),
    (errors.DeadlineExceeded(), grpc.StatusCode.DEADLINE_EXCEEDED, [ErrorInfo]),
    (
        errors.Unavailable(Reason.DATABASE_UNAVAILABLE),
        grpc.StatusCode.UNAVAILABLE,
        [ErrorInfo, RetryInfo],
    ),
    (errors.Unimplemented(Reason.ROUTE_NOT_FOUND), grpc.StatusCode.UNIMPLEMENTED, [ErrorInfo]),
    (DomainError(Reason.INTERNAL), grpc.StatusCode.INTERNAL, [ErrorInfo]),
]


@pytest.mark.parametrize(
    ("error", "code", "details"), TABLE, ids=[type(row[0]).__name__ for row in TABLE]
)
def test_each_error_has_its_code_and_details(
    error: DomainError, code: grpc.StatusCode, details: list[type[Message]]
) -> None:
    status = status_of(error)
    assert code_of(error) is code
    assert status.code == code.value[0]
    assert [detail.TypeName() for detail in status.details] == [
        kind.DESCRIPTOR.full_name for kind in details
    ]


def test_the_table_holds_every_error() -> None:
    assert {type(row[0]) for row in TABLE} - {DomainError} == set(DomainError.__subclasses__())


def test_the_reasons_are_those_of_the_protos() -> None:
    assert {str(reason): reason.message for reason in Reason} == {
        name: definition.message for name, definition in DEFINITIONS.items()
    }


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_reason_is_complete(name: str) -> None:
    """It has a code that goes with its status, and an example for all that its message names."""
    definition = DEFINITIONS[name]
    codes = {definition.code, definition.grpc_code or definition.code}
    assert codes <= {code.name for code in grpc.StatusCode}
    assert 400 <= definition.http_status < 600
    named = {field for _, field, _, _ in Formatter().parse(definition.message) if field}
    assert named <= definition.example.keys()
    assert bool(definition.retry_seconds) == (definition.http_status in (429, 503))


def test_metadata_has_the_bound_that_was_passed_and_what_was_found() -> None:
    error = errors.InvalidArgument(FIELD, Violation("cursor", "no"), Violation("timezone", "no"))
    assert error.message == "limit: -1 is negative; send 1 to 100 (and 2 more)"
    example = DEFINITIONS["ERROR_REASON_INVALID_FIELD"].example
    assert error.metadata == {**example, "more": "2"}


def test_nothing_is_told_of_an_unknown_error() -> None:
    told = domain_error(RuntimeError("relation sessions_2026 does not exist"))
    assert (told.message, code_of(told)) == ("internal error", grpc.StatusCode.INTERNAL)


def test_the_violations_of_a_large_batch_fit_into_trailers() -> None:
    wrong = [Violation(f"events[{n}].event_type", "must be `pageview`") for n in range(1_000)]
    status = status_of(errors.InvalidArgument(*wrong))
    assert status.ByteSize() < 6_000
    assert "(and 999 more)" in status.message


NOW = datetime(2026, 3, 3, tzinfo=UTC)
BOUND = ApiKey("key_1", "test", list(Scope), "site_a", {}, NOW, None, None, None)


def raise_(error: Exception) -> None:
    """Raise an error, in an expression."""
    raise error


REFUSALS: list[Callable[[str], object]] = [
    lambda text: day_range(text, "", "", NOW),
    lambda text: day_range("", "", text, NOW),
    check_website_id,
    parse_session_id,
    lambda text: check_website(BOUND, text),
    lambda text: raise_(errors.InvalidArgument(Violation(f"events[0].event_data.{text}", "no"))),
]


@pytest.mark.parametrize("refuse", REFUSALS)
def test_a_huge_text_is_not_repeated_in_the_trailers(refuse: Callable[[str], object]) -> None:
    with pytest.raises(DomainError) as error:
        refuse("🙂" * 1_000_000)
    assert status_of(error.value).ByteSize() < 2_000


def test_a_batch_is_named_in_a_copy_of_an_error_that_others_share() -> None:
    shared = Unavailable(Reason.DATABASE_UNAVAILABLE, retry_after=3.0)
    for number in (7, 9):
        with pytest.raises(Unavailable) as raised, naming_batch(StreamEventsRequest(batch=number)):
            raise shared
        assert raised.value.metadata == {"batch": str(number)}
        assert (raised.value.retry_after, str(raised.value)) == (3.0, str(shared))
    assert shared.metadata == {}
