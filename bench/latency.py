"""One caller: the list against its SQL, page 1,000 against page 1, GetSession against a list."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from analytics_sessions.v1 import session_service_pb2 as messages
from sessions import session_message
from sessions.domain.selection import day_range
from sessions.storage.rows import SessionForm
from sessions.storage.rows import messages as messages_of

from bench import pgbench
from bench.data import PAGE
from bench.figures import Comparison, in_turns, p50
from bench.matrix import Filters, deep_request, request
from bench.service import Service
from bench.statements import Statement, first_page

DAYS = 90
"""The window of every measurement that has but one."""

EVERYTHING = Filters("no filter", "no filter", {})


_MESSAGES = messages_of(session_message.encode, session_message.position)


def statement(service: Service, form: SessionForm[Any] = _MESSAGES) -> Statement:
    """The SQL of the unfiltered first page."""
    range_ = day_range(*service.data.days(DAYS), "", datetime.now(UTC))
    return asyncio.run(first_page(service.url, service.data.huge.key, range_, PAGE, form))


def list_against_sql(service: Service, rounds: int, seconds: float) -> Comparison:
    """A gRPC call of 50 rows against the same SQL by pgbench."""
    sql = statement(service)
    asked = request(service.data, service.data.huge, EVERYTHING, DAYS)
    with service.worker() as stub:

        def call() -> object:
            return stub.ListSessions(asked, metadata=service.credentials)

        _check_rows(call())
        ours, reference = in_turns(
            rounds, lambda: p50(call, seconds), lambda: pgbench.p50(sql, service.url, seconds)
        )
    return Comparison(
        "ListSessions, 50 rows, no filter, one gRPC caller, p50",
        "the same SQL by pgbench, prepared",
        "ms",
        ours,
        reference,
        at_most=4,
    )


def deep_against_first(service: Service, rounds: int, seconds: float) -> Comparison:
    """Page 1,000 against page 1."""
    first = request(service.data, service.data.huge, EVERYTHING, DAYS)
    deep, page = asyncio.run(deep_request(service.url, service.data, DAYS))
    with service.worker() as stub:

        def call(asked: messages.ListSessionsRequest) -> object:
            return stub.ListSessions(asked, metadata=service.credentials)

        _check_rows(call(deep))
        ours, reference = in_turns(
            rounds,
            lambda: p50(lambda: call(deep), seconds),
            lambda: p50(lambda: call(first), seconds),
        )
    return Comparison(f"page {page:,}, p50", "page 1", "ms", ours, reference, at_most=1.2)


def session_against_list(service: Service, rounds: int, seconds: float) -> Comparison:
    """GetSession with ten events against a list of one session."""
    one = request(service.data, service.data.huge, EVERYTHING, DAYS, limit=1)
    session = messages.GetSessionRequest(
        website_id=service.data.huge.website_id, session_id=service.data.ten_events
    )
    with service.worker() as stub:

        def get() -> messages.GetSessionResponse:
            return stub.GetSession(session, metadata=service.credentials)

        def list_one() -> object:
            return stub.ListSessions(one, metadata=service.credentials)

        events = len(get().events)
        ours, reference = in_turns(
            rounds, lambda: p50(get, seconds), lambda: p50(list_one, seconds)
        )
    what = f"GetSession, {events} events, p50"
    return Comparison(what, "ListSessions, limit=1", "ms", ours, reference, at_most=1.5)


def _check_rows(answer: object) -> None:
    rows = len(answer.sessions)  # type: ignore[attr-defined]
    if rows != PAGE:
        raise RuntimeError(f"a page has {rows} sessions: take more --sessions")
