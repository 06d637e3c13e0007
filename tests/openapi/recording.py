"""Requests to a running service, and what it answers: the examples of the document.

Every answer that the document promises is provoked here, each error reason at least once. Ids,
cursors and moments that differ from run to run are replaced by fixed ones.
"""

import json
import re
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import HTTPResponse
from itertools import islice
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from sessions.domain.limits import MAX_REQUEST
from sessions.usecases.turns import MAX_WAITING

from tests.openapi.service import Service, running_service
from tests.support.stack import Reply

WEBSITE = "site_abc123defg"
SESSION = "sess_01a20757b986d2ee901e8d13ff51d301"
NOBODY = "sess_" + "0" * 32
CURSORS = {
    "next_cursor": "AAEABkvrJsNgAAAGTlrD2AAAAAZMG_nbcQABogfS14k2qg7JShj2MreNdGo03WXTbf3-3pkhFr0cYQ",
    "next_events_cursor": "AAEABkwb_zi7gAAAAAAwZjZjNGE1Mi0yIDj0eK3ZwsZ4csHiEKb70A",
}
MOMENTS = dict.fromkeys(("erased_until", "as_of"), "2026-03-04T09:00:00.123456Z")
_PATIENCE = 120.0

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
VISIT = {
    "events": [
        {
            "event_id": "0f6c4a52-1",
            "event_type": "pageview",
            "timestamp": "2026-03-03T10:15:00Z",
            "sequence": 1,
            "visitor_id": "a1b2c3d4e5f6g7h8",
            "user_agent": CHROME,
            "url": "https://shop.example.com/?utm_source=newsletter&utm_medium=email"
            "&utm_campaign=spring",
            "referrer": "https://google.com",
            "hostname": "shop.example.com",
            "language": "en-US",
            "country": "US",
            "region": "California",
            "city": "San Francisco",
        },
        {
            "event_id": "0f6c4a52-2",
            "event_type": "pageview",
            "timestamp": "2026-03-03T10:16:30Z",
            "visitor_id": "a1b2c3d4e5f6g7h8",
            "url": "https://shop.example.com/pricing",
        },
        {
            "event_id": "0f6c4a52-3",
            "event_type": "event",
            "timestamp": "2026-03-03T10:17:00Z",
            "visitor_id": "a1b2c3d4e5f6g7h8",
            "event_name": "signup_click",
            "event_data": {"plan": "pro"},
        },
    ]
}
BY_ADDRESS = {
    "events": [
        {
            "event_type": "pageview",
            "timestamp": "2026-03-02T08:00:00Z",
            "client_ip": "203.0.113.7",
            "user_agent": FIREFOX,
            "url": "/pricing",
        }
    ]
}
CELL = "AAFbImZsb3dzIix7fSx7InBhdGgiOltdfSwiMjAyNi0wMy0wMSIsIjIwMjYtMDMtMzEiXXpYh3uQ0b1aPz8kq5c7Hw"
NAMELESS = {"events": [{"event_type": "event", "visitor_id": "anna"}]}
DAYS = {"start_date": "2026-03-01", "end_date": "2026-03-31"}
ALL_PARAMETERS = DAYS | {
    "timezone": "Europe/Berlin",
    "limit": "10",
    "include_bots": "false",
    "filter_country": "US",
    "filter_page": "/pricing",
    "filter_referrer": "google.com",
    "filter_browser": ["Chrome", "Safari"],
    "filter_os": "macOS",
    "filter_device": "desktop",
    "filter_language": "en-US",
    "filter_utm_source": "newsletter",
    "filter_utm_medium": "email",
    "filter_utm_campaign": "spring",
    "filter_region": "California",
    "filter_city": "San Francisco",
    "filter_hostname": "shop.example.com",
    "filter": 'country = "US" AND duration > 60s',
    "journey": ['page = "/pricing"', 'event = "signup_click"'],
    "not_journey": 'event = "purchase"',
}


_OF_A_LIST = {"limit"}
SELECTION_PARAMETERS: dict[str, Any] = {
    name: value for name, value in ALL_PARAMETERS.items() if name not in _OF_A_LIST
}
SUMMARIZE_PARAMETERS: dict[str, Any] = SELECTION_PARAMETERS | {
    "goal": 'event = "signup_click"',
    "compare": "custom",
    "compare_start_date": "2026-02-01",
    "compare_end_date": "2026-02-28",
}
GOAL = {"goal": SUMMARIZE_PARAMETERS["goal"]}
TIME_SERIES_PARAMETERS = SELECTION_PARAMETERS | GOAL | {"granularity": "week"}
BREAKDOWN_PARAMETERS = (
    SELECTION_PARAMETERS
    | GOAL
    | {
        "limit": "10",
        "dimension": ["page", "country"],
        "order_by": "visitors",
        "page_times": "true",
    }
)
FUNNEL_STEPS = ['page = "/pricing"', 'event = "signup_click"']
_ITEMS = {"items": "both", "collapse_repeats": "true"}
BEHAVIOUR_PARAMETERS: dict[str, dict[str, Any]] = {
    "Funnel": {
        "steps": FUNNEL_STEPS,
        "unit": "visitor",
        "order": "ordered",
        "window": "86400",
        "dimension": "country",
        "limit": "10",
    },
    "Flows": {"depth": "3", "width": "5", "anchor": 'page = "/pricing"', "direction": "previous"}
    | _ITEMS,
    "Transitions": {"page": "/pricing", "limit": "10"},
    "Cohorts": {"granularity": "week"},
    "Patterns": {
        "goal": 'event = "signup_click"',
        "length": "2",
        "min_sessions": "1",
        "limit": "10",
    }
    | _ITEMS,
}
"""What each analysis of behaviour takes beside the parameters of the selection."""


@dataclass(frozen=True)
class Call:
    """A request of an operation, right unless something of it is replaced."""

    operation: str
    path: str
    lacks: str = ""
    """The key that lacks the scope."""
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """JSON, or bytes as they are."""
    key: str = "all"
    verb: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    website: str = WEBSITE


def _analysis(method: str, path: str, **query: Any) -> Call:
    path = f"/api/websites/{{website}}/sessions:{path}"
    return Call(f"AnalysisService_{method}", path, lacks="writes", query=DAYS | query)


LIST = Call(
    "SessionService_ListSessions", "/api/websites/{website}/sessions", lacks="writes", query=DAYS
)
GET = Call("SessionService_GetSession", "/api/websites/{website}/sessions/{session}", "writes")
EXPORT = replace(
    LIST,
    operation="SessionService_ExportSessions",
    path="/api/websites/{website}/sessions:export",
)
RECORD = Call("EventService_RecordEvents", "/api/websites/{website}/events", "reads", body=VISIT)
ERASE = Call(
    "VisitorService_EraseVisitor",
    "/api/websites/{website}/visitors:erase",
    "reads",
    body={"visitor_id": "anna"},
)
SUMMARIZE = _analysis("Summarize", "summarize")
TIME_SERIES = _analysis("TimeSeries", "timeseries")
BREAKDOWN = _analysis("Breakdown", "breakdown", dimension="country")
FUNNEL = _analysis("Funnel", "funnel", steps=FUNNEL_STEPS)
FLOWS = _analysis("Flows", "flows")
TRANSITIONS = _analysis("Transitions", "transitions", page="/pricing")
COHORTS = _analysis("Cohorts", "cohorts", granularity="month")
PATTERNS = _analysis("Patterns", "patterns", min_sessions=1)
BEHAVIOUR = (FUNNEL, FLOWS, TRANSITIONS, COHORTS, PATTERNS)
ANALYSES = (SUMMARIZE, TIME_SERIES, BREAKDOWN, *BEHAVIOUR)
HEALTH = Call("GetHealth", "/healthz", key="")
API = (LIST, GET, EXPORT, RECORD, *ANALYSES, ERASE)


@dataclass(frozen=True)
class Exchange:
    """A request and what is answered; `name` is that of the example."""

    name: str
    call: Call
    reply: Reply


class Recorder:
    """Makes requests, and tells ids that vary by fixed names."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._session = NOBODY
        self.exchanges: list[Exchange] = []

    def send(self, name: str, call: Call, **changes: Any) -> Reply:
        """Make a request and keep the answer as it is, but for what varies."""
        reply = self.reply(replace(call, **changes))
        self.keep(name, replace(call, **changes), reply)
        return reply

    def wait(
        self,
        status: int,
        call: Call,
        before: Callable[[], None] | None = None,
        pause: float = 0.05,
    ) -> Reply:
        """Make a request again and again until the answer has a status."""
        deadline = monotonic() + _PATIENCE
        while True:
            if before:
                before()
            reply = self.reply(call)
            if reply.status == status:
                return reply
            assert monotonic() < deadline, reply
            sleep(pause)

    def send_slowly(self, call: Call) -> None:
        """Begin a request and wait until nobody waits any more for the rest."""
        address = urlsplit(self._service.stack.address)
        place = address.hostname, address.port
        with closing(socket.create_connection(place, timeout=_PATIENCE)) as connection:
            connection.sendall(f"{_verb(call)} {self._path(call)} HTTP/1.1\r\nHost: x\r\n".encode())
            with closing(HTTPResponse(connection)) as response:
                response.begin()
                headers = {name.lower(): value for name, value in response.getheaders()}
                reply = Reply(response.status, headers, json.loads(response.read()))
        self.keep("request_timeout", call, reply)

    def keep(self, name: str, call: Call, reply: Reply) -> None:
        """Keep an answer; see the top of this file."""
        self.exchanges.append(Exchange(name, call, replace(reply, json=self._fixed(reply.json))))

    def find_session(self) -> str:
        """From now on, the session in a path is the latest one that there is; returns its id."""
        listed = self.reply(LIST)
        self._session = listed.json["sessions"][0]["session_id"]
        return self._session

    def reply(self, call: Call) -> Reply:
        """Make a request; returns the answer as it is."""
        body = call.body
        return self._service.stack.request(
            self._path(call),
            call.query,
            key=self._service.keys.get(call.key),
            method=_verb(call),
            headers=call.headers,
            body=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
        )

    def _path(self, call: Call) -> str:
        website = self._service.website_id if call.website == WEBSITE else call.website
        return call.path.format(website=website, session=self._session)

    def _fixed(self, answer: Any) -> Any:
        text = json.dumps(answer).replace(self._service.website_id, WEBSITE)
        text = re.sub(r'("cell": )"[^".]+', rf'\1"{CELL}', text)
        if self._session != NOBODY:
            text = text.replace(self._session, SESSION)
        for name, value in (CURSORS | MOMENTS).items():
            text = re.sub(rf'("{name}": )"[^"]+"', rf'\1"{value}"', text)
        if '"unit"' in text or "unknown keys" in text:  # whenever there is more
            text = re.sub(r'("retry_delay": )"[^"]+"', r'\1"0.250s"', text)
        # In lines of an export.
        text = re.sub(r'(\\"cursor\\":\\")[^\\]+', rf"\g<1>{CURSORS['next_cursor']}", text)
        return json.loads(text)


def _verb(call: Call) -> str:
    return call.verb or ("GET" if call.body is None else "POST")


def record() -> list[Exchange]:
    """Everything that can happen, in an order in which one thing does not disturb another."""
    with running_service() as service:
        recorder = Recorder(service)
        for step in _STEPS:
            step(recorder, service)
    return recorder.exchanges


def _absent(recorder: Recorder, _: Service) -> None:
    recorder.send("session_not_found", GET)
    for call in API:
        recorder.send("website_not_found", call, website="site_0000000000")
    recorder.send("route_not_found", LIST, verb="DELETE")


def _answers(recorder: Recorder, _: Service) -> None:
    recorder.send("visitor_by_address", RECORD, body=BY_ADDRESS)
    recorder.send("visit", RECORD)
    recorder.send("visit_again", RECORD)
    recorder.find_session()
    recorder.send("first_page", LIST, query=DAYS | {"limit": 1})
    recorder.send("last_page", LIST, query=ALL_PARAMETERS)
    recorder.send("no_sessions", LIST, query=DAYS | {"filter_country": "DE"})
    first = recorder.send("first_events", GET, query={"events_limit": 2})
    cursor = first.json["next_events_cursor"]
    recorder.send("next_events", GET, query={"events_cursor": cursor})
    recorder.send("summary", SUMMARIZE)
    recorder.send("compared_summary", SUMMARIZE, query=SUMMARIZE_PARAMETERS)
    recorder.send("weeks", TIME_SERIES, query=TIME_SERIES_PARAMETERS)
    recorder.send("countries", BREAKDOWN, query=DAYS | {"dimension": "country", "limit": "1"})
    recorder.send("pages", BREAKDOWN, query=BREAKDOWN_PARAMETERS)
    page = recorder.send("one_page", BREAKDOWN, query=DAYS | {"dimension": "page", "limit": "1"})
    others = DAYS | {"granularity": "month", "cell": page.json["other"]["cell"]}
    recorder.send("months_of_a_cell", TIME_SERIES, query=others)
    for call in BEHAVIOUR:
        name = call.operation.removeprefix("AnalysisService_")
        recorder.send(name.lower(), call)
        every = SELECTION_PARAMETERS | BEHAVIOUR_PARAMETERS[name]
        recorder.send(f"{name.lower()}_with_all_parameters", call, query=every)
    by_country = {**FUNNEL.query, "dimension": "country", "limit": 1}
    recorder.send("funnel_by_country", FUNNEL, query=by_country)
    recorder.send("last_events", GET)
    named = DAYS | {"filter_country": "US"}
    recorder.send("sessions_with_events", EXPORT, query=named | {"include_events": "true"})
    recorder.send("sessions", EXPORT, query=named | {"format": "csv"})
    recorder.send("unknown_visitor", ERASE)
    address = {"client_ip": "203.0.113.7", "user_agent": FIREFOX}
    recorder.send("visitor_by_address", ERASE, body=address)
    recorder.send("serving", HEALTH)


def _wrong(recorder: Recorder, _: Service) -> None:
    recorder.send("invalid_field", LIST, query=DAYS | {"end_date": "2026-02-30"})
    recorder.send("invalid_filter", LIST, query=DAYS | {"filter": 'country = "US" duration'})
    recorder.send("malformed_request", LIST, query=DAYS | {"limit": "abc"})
    recorder.send("invalid_cursor", LIST, query=DAYS | {"cursor": "abc"})
    recorder.send("invalid_field", GET, query={"events_limit": -1})
    recorder.send("invalid_field", SUMMARIZE, query={"compare": "last_week"})
    for call in BEHAVIOUR:
        recorder.send("invalid_field", call, query={**call.query, "end_date": "2026-02-30"})
    recorder.send("invalid_field", EXPORT, query=DAYS | {"format": "xml"})
    recorder.send("invalid_field", TIME_SERIES, query={"granularity": "minute"})
    recorder.send("invalid_field", BREAKDOWN, query={})
    recorder.send("invalid_field", RECORD, body=NAMELESS)
    recorder.send("malformed_body", RECORD, body=b"events")
    recorder.send("invalid_field", ERASE, body={})


def _refused(recorder: Recorder, _: Service) -> None:
    for call in API:
        recorder.send("credentials_missing", call, key="")
        recorder.send("scope_missing", call, key=call.lacks)
        recorder.send("website_forbidden", call, key="elsewhere")
    recorder.send("credentials_invalid", LIST, key="unknown")
    recorder.send("key_expired", LIST, key="expired")
    recorder.send("key_revoked", LIST, key="revoked")


def _limited(recorder: Recorder, service: Service) -> None:
    for call in API:
        limited = replace(call, key="limited")
        recorder.keep("key_limit_exceeded", limited, recorder.wait(429, limited, pause=0.0))
    guess = replace(LIST, key="unknown")
    with ThreadPoolExecutor(20) as pool:
        # Each worker looks at a hundred, and then at five a second.
        guesses = [pool.submit(recorder.reply, guess) for _ in range(service.workers * 300)]
        refused = next(
            each.result() for each in as_completed(guesses) if each.result().status == 429
        )
        pool.shutdown(cancel_futures=True)
    recorder.keep("too_many_unknown_keys", guess, refused)


def _too_large(recorder: Recorder, _: Service) -> None:
    for call in (RECORD, ERASE):
        recorder.send("request_too_large", call, body=b" " * (MAX_REQUEST + 1))
    for call in (*API, HEALTH):
        recorder.send("headers_too_large", call, headers={"x-long": "x" * 140_000})


def _too_slow(recorder: Recorder, service: Service) -> None:
    with ThreadPoolExecutor(len(API) + 1) as pool:
        list(pool.map(recorder.send_slowly, (*API, HEALTH)))
    waiting = [call for call in API if call is not ERASE]  # an erasure would have 120 seconds
    with service.slow(), ThreadPoolExecutor(len(waiting)) as pool:
        list(pool.map(lambda call: recorder.send("deadline_exceeded", call), waiting))


def _too_many(recorder: Recorder, service: Service) -> None:
    """More analyses than all workers let wait, while none gets on."""
    page = recorder.reply(replace(BREAKDOWN, query=DAYS | {"dimension": "page", "limit": "1"}))
    other = DAYS | {"cell": page.json["other"]["cell"]}
    of_a_cell = [replace(call, query=other) for call in (LIST, EXPORT)]
    most = service.workers * (MAX_WAITING + 1)
    with ThreadPoolExecutor(2 * most) as pool, service.locked("changed_hours"):
        # As many are refused as wait; those are answered when the lock is gone.
        replies = as_completed([pool.submit(recorder.reply, SUMMARIZE) for _ in range(2 * most)])
        assert {each.result().status for each in islice(replies, most)} == {429}
        for call in (*ANALYSES, *of_a_cell):
            recorder.send("analysis_queue_full", call)


def _broken(recorder: Recorder, service: Service) -> None:
    with service.broken():
        for call in API:
            recorder.send("internal", call)


def _away(recorder: Recorder, service: Service) -> None:
    with service.without_database():
        for call in API:
            recorder.keep("database_unavailable", call, recorder.wait(503, call))
        recorder.keep("service_unavailable", HEALTH, recorder.wait(503, HEALTH))
    recorder.wait(200, LIST)
    reply = recorder.wait(503, LIST, before=service.kill_workers)
    recorder.keep("service_unavailable", LIST, reply)
    recorder.wait(200, LIST)


_STEPS = (
    _absent,
    _answers,
    _wrong,
    _refused,
    _limited,
    _too_large,
    _too_many,
    _too_slow,
    _broken,
    _away,
)
