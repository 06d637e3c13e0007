"""What was recorded can be read at once where calls read from replicas, over REST and gRPC."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import StreamEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub

from tests.support.replica import RunningReplica, running_primary, running_replica
from tests.support.stack import Reply, Stack, metadata, running_stack

_POSITION = "x-sessions-position"


async def test_positions_lead_to_what_was_recorded() -> None:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        replica = await stack.enter_async_context(running_replica(primary, folder / "replica"))
        settings = {"DATABASE_URL": url, "DATABASE_READ_URL": replica.url, "SESSIONS_WORKERS": "1"}
        # Longer than nothing is replayed.
        settings["SESSIONS_MAX_LAG"] = "60"
        await asyncio.to_thread(_calls, folder / "up", settings, replica)


def _calls(data_dir: Path, settings: dict[str, str], replica: RunningReplica) -> None:
    with running_stack(data_dir, **settings) as stack:
        site = stack.command("websites", "create", "--name", "shop")
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "test", *scopes)
        service = _Service(stack, f"/api/websites/{site}", key)
        assert _POSITION in service.record("first").headers
        # While nothing is replayed, the replica is behind, and recent enough.
        asyncio.run(replica.administrate("SELECT pg_wal_replay_pause()"))
        position = service.record("second").headers[_POSITION]
        assert service.found("second", position) == 1
        [session] = service.sessions("second", position).json["sessions"]
        empty = stack.command("websites", "create", "--name", "new")
        assert service.get(f"/sessions/{session['session_id']}").status == 200
        assert stack.request(f"/api/websites/{empty}/sessions:export", key=key).status == 200
        assert service.found("second", None) == 0, "nothing is read from the replica"
        streamed = service.stream(site, "third")
        assert streamed > position
        assert service.found("third", streamed) == 1
        assert service.found("third", position) == 1
        asyncio.run(replica.administrate("SELECT pg_wal_replay_resume()"))
        refused = service.sessions("first", "1/2")
        assert refused.status == 400
        assert refused.json["message"].startswith(f"{_POSITION}: is no position")


class _Service:
    def __init__(self, stack: Stack, path: str, key: str) -> None:
        self._stack, self._path, self._key = stack, path, key

    def record(self, visitor: str) -> Reply:
        event = {"event_type": "pageview", "visitor_id": visitor, "url": "/"}
        body = json.dumps({"events": [event]}).encode()
        path, headers = f"{self._path}/events", {"content-type": "application/json"}
        reply = self._stack.request(path, key=self._key, method="POST", body=body, headers=headers)
        assert reply.status == 200, reply
        return reply

    def sessions(self, visitor: str, position: str | None) -> Reply:
        return self._stack.request(
            f"{self._path}/sessions",
            {"filter": f'visitor_id = "{visitor}"'},
            key=self._key,
            headers={_POSITION: position} if position else {},
        )

    def get(self, path: str) -> Reply:
        return self._stack.request(f"{self._path}{path}", key=self._key)

    def found(self, visitor: str, position: str | None) -> int:
        return len(self.sessions(visitor, position).json["sessions"])

    def stream(self, site: str, visitor: str) -> str:
        """Record in a stream; the position with which it ends."""
        event = Event(event_type="pageview", visitor_id=visitor, url="/")
        batch = StreamEventsRequest(website_id=site, batch=1, events=[event])
        with grpc.insecure_channel(urlsplit(self._stack.address).netloc) as channel:
            answers = EventServiceStub(channel).StreamEvents(
                iter([batch]), metadata=metadata(self._key)
            )
            assert [answer.new_events for answer in answers] == [1]
            return str(dict(answers.trailing_metadata())[_POSITION])
