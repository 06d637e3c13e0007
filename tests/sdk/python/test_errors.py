"""Every class of errors, as the running service raises it."""

import pickle
import socket
from collections.abc import Callable
from typing import Any

import pytest
from analytics_sessions import errors
from grpc import StatusCode

from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import REQUEST_ID, Server, status

NOBODY = "sess_" + 32 * "0"


def raised(call: Callable[[], Any]) -> errors.SessionsError:
    """The error of a call, which also survives being sent to another process."""
    with pytest.raises(errors.SessionsError) as caught:
        call()
    error = caught.value
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)  # noqa: S301
    return error


def test_errors_invalid_argument(client: AnyClient, website: str) -> None:
    error = raised(lambda: client.sessions(website, start_date="2026-02-30").page())
    assert type(error) is errors.InvalidArgument
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "ERROR_REASON_INVALID_FIELD"
    [field] = error.fields
    assert field == ("start_date", "'2026-02-30' is not a day of the calendar; send YYYY-MM-DD")
    assert error.message == f"start_date: {field.description}"
    assert str(error) == f"INVALID_ARGUMENT: {error.message}"
    assert len(error.request_id) == 36
    assert error.retry_seconds is None


def test_unauthenticated(connect: Connect, sdk_environment: dict[str, str]) -> None:
    client = connect(sdk_environment["SESSIONS_ADDRESS"], "spk_selfhosted_nonsense")
    error = raised(lambda: client.session("site_0123456789", NOBODY))
    assert type(error) is errors.Unauthenticated
    assert error.reason == "ERROR_REASON_CREDENTIALS_INVALID"
    assert error.fields == ()


def test_permission_denied(connect: Connect, sdk_environment: dict[str, str], website: str) -> None:
    client = connect(sdk_environment["SESSIONS_ADDRESS"], sdk_environment["SESSIONS_READ_KEY"])
    assert not list(client.sessions(website))
    error = raised(lambda: client.record(website, [{}]))
    assert type(error) is errors.PermissionDenied
    assert error.reason == "ERROR_REASON_SCOPE_MISSING"


def test_not_found(client: AnyClient, website: str) -> None:
    error = raised(lambda: client.sessions("site_0123456789").page())
    assert type(error) is errors.NotFound
    assert error.reason == "ERROR_REASON_WEBSITE_NOT_FOUND"
    error = raised(lambda: client.session(website, NOBODY))
    assert error.reason == "ERROR_REASON_SESSION_NOT_FOUND"
    assert raised(lambda: client.events(website, NOBODY).page()).reason == error.reason


def test_deadline_exceeded(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"127.0.0.1:{silent.getsockname()[1]}", "key", timeout=0.5, retry=0)
        error = raised(lambda: client.session("site", NOBODY))
    assert type(error) is errors.DeadlineExceeded
    assert error.reason == ""


def test_unavailable(connect: Connect) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client = connect(f"127.0.0.1:{nobody.getsockname()[1]}", "key", retry=0)
        error = raised(lambda: client.session("site", NOBODY))
    assert type(error) is errors.Unavailable
    assert error.reason == ""
    assert len(error.request_id) == 36


def test_any_other_code(connect: Connect, server: Server) -> None:
    server.script = [status("ABORTED")]
    error = raised(lambda: connect(server.address, "key").session("site", NOBODY))
    assert type(error) is errors.SessionsError
    assert error.code is StatusCode.ABORTED
    assert error.request_id == REQUEST_ID


def test_retry_delay_of_server_is_told(connect: Connect, server: Server) -> None:
    server.script = [status("UNAVAILABLE", retry_seconds=60.5)]
    error = raised(lambda: connect(server.address, "key").session("site", NOBODY))
    assert type(error) is errors.Unavailable
    assert error.retry_seconds == 60.5
    assert len(server.calls) == 1
