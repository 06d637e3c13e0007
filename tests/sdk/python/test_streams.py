"""Events recorded over one stream."""

from collections.abc import Iterator

import grpc
import pytest
from analytics_sessions import Event, errors
from analytics_sessions.v1.event_service_pb2 import StreamEventsResponse as Answer
from google.protobuf.message import Message

from tests.sdk.python.calls import DAY, EVENTS, hits
from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import END, Server, status


def numbers(server: Server) -> list[int]:
    """The batches that came, by their numbers."""
    return [call.request.batch for call in server.calls]


def test_stream_accepted(client: AnyClient, website: str) -> None:
    assert [done.accepted for done in client.stream(website, hits())] == [1_000, 2_000, 2_500]
    [session] = client.sessions(website, start_date=DAY, end_date=DAY)
    assert session.pageviews == EVENTS
    assert list(client.stream(website, [])) == []


@pytest.mark.parametrize("end", [status("UNAVAILABLE"), END], ids=["lost", "ended"])
def test_stream_reopens(connect: Connect, server: Server, end: Message) -> None:
    server.script = [Answer(batch=0), end]
    done = connect(server.address, "key").stream("site", hits())
    assert [each.accepted for each in done] == [1_000, 2_000, 2_500]
    assert numbers(server)[-2:] == [1, 2]
    assert {call.metadata["authorization"] for call in server.calls} == {"Bearer key"}
    sent = {call.request.batch: call.request for call in server.calls}
    assert all(sent[call.request.batch] == call.request for call in server.calls)


def test_stream_failure(connect: Connect, server: Server) -> None:
    server.script = [Answer(batch=0), status("INVALID_ARGUMENT")]
    done = connect(server.address, "key").stream("site", hits())
    assert next(done).accepted == 1_000
    with pytest.raises(errors.InvalidArgument) as caught:
        next(done)
    assert caught.value.accepted == 1_000


def test_an_error_of_the_events_themselves_is_the_callers(client: AnyClient, website: str) -> None:
    """Also one that looks like a failure of the stream."""

    class Away(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

    def failing() -> Iterator[Event]:
        yield from hits(10)
        raise Away

    with pytest.raises(Away):
        list(client.stream(website, failing()))


def test_stream_that_is_left(client: AnyClient, website: str) -> None:
    for done in client.stream(website, hits()):
        assert done.accepted == 1_000
        break
    assert client.record(website, hits()) == (EVENTS,)


def test_stream_is_lazy(connect: Connect, server: Server) -> None:
    taken = 0

    def counted() -> Iterator[Event]:
        nonlocal taken
        for event in hits(4_000):
            taken += 1
            yield event

    done = connect(server.address, "key").stream("site", counted())
    assert not taken
    next(done)
    assert taken <= 2_001
