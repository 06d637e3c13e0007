"""Limits of keys: enforced by all workers together, told to callers, and waited for by the SDK."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from analytics_sessions import AsyncClient, Event
from analytics_sessions.errors import ResourceExhausted, Unauthenticated
from sessions.composition import Application
from sessions.domain.api_keys import Scope, new_secret
from sessions.domain.key_limits import KeyLimit
from sessions.domain.websites import Website
from sessions.settings import Settings

from tests.support.key_limits import answered_calls
from tests.support.stack import Stack

SECONDS = 4.0


def events(count: int) -> list[Event]:
    """Pageviews of one visitor, a second after each other."""
    first = datetime.now(UTC) - timedelta(days=1)
    return [
        {
            "event_type": "pageview",
            "visitor_id": "anna",
            "url": "/",
            "timestamp": first + timedelta(seconds=number),
        }
        for number in range(count)
    ]


@asynccontextmanager
async def client(stack: Stack, key: str) -> AsyncIterator[AsyncClient]:
    """The SDK."""
    async with AsyncClient(stack.address, key) as opened:
        yield opened


async def test_all_workers_together_keep_to_the_limit(
    stack: Stack, application: Application, website: Website
) -> None:
    limits = {KeyLimit.CALLS: 50}
    key = await application.api_keys.create("test", [Scope.SESSIONS_READ], limits=limits)
    counted = await answered_calls(stack.address, key, website.website_id, SECONDS)
    print(f"{counted / SECONDS} of 50 calls a second")
    assert 0.8 <= counted / (50 * SECONDS) <= 1.2


async def test_a_refusal_over_rest_says_when_to_try_again(
    stack: Stack, application: Application, website: Website
) -> None:
    limits = {KeyLimit.CALLS: 1, KeyLimit.EVENTS: 10}
    key = await application.api_keys.create("test", [Scope.SESSIONS_READ], limits=limits)
    path = f"/api/websites/{website.website_id}/sessions"
    while (reply := await asyncio.to_thread(stack.request, path, key=key)).status == 200:
        assert reply.headers["ratelimit-policy"] == '"calls";q=1;w=1, "events";q=10;w=1'
        assert reply.headers["ratelimit"].startswith('"calls";r=')
    assert reply.status == 429
    info, retry = reply.json["details"]
    assert info["reason"] == "ERROR_REASON_KEY_LIMIT_EXCEEDED"
    assert info["metadata"] == {"limit": "1", "unit": "calls per second"}
    assert 0 < float(retry["retry_delay"].removesuffix("s")) <= 2
    assert reply.headers["retry-after"] in ("1", "2")
    assert reply.headers["ratelimit"].startswith('"calls";r=0;t=')


@pytest.mark.parametrize("way", ["record", "stream"])
async def test_the_sdk_waits_and_goes_on(
    stack: Stack, application: Application, website: Website, way: str
) -> None:
    limits = {KeyLimit.EVENTS: 2_000}
    scopes = [Scope.EVENTS_WRITE]
    key = await application.api_keys.create("test", scopes, limits=limits)
    begin = time.monotonic()
    async with client(stack, key) as opened:
        if way == "record":
            recorded = await opened.record(website.website_id, events(5_000))
        else:
            async for progress in opened.stream(website.website_id, events(5_000)):
                recorded = progress
    assert recorded.accepted == 5_000
    assert time.monotonic() - begin > 0.5
    query = "SELECT count(*) FROM events WHERE website_key = %(key)s"
    [(stored,)] = await application.pools.requests.fetch(query, {"key": website.key})
    assert stored == 5_000


async def test_places_are_given_back(
    stack: Stack, application: Application, website: Website
) -> None:
    """One analysis and one export at once for each worker, however often they are asked for."""
    limits = {KeyLimit.ANALYSES: 1, KeyLimit.EXPORTS: 1}
    key = await application.api_keys.create("test", [Scope.SESSIONS_READ], limits=limits)
    async with client(stack, key) as opened:
        site = website.website_id
        summaries = await asyncio.gather(*(opened.summarize(site) for _ in range(8)))
        assert [each.summary.sessions for each in summaries] == [0] * 8
        for _ in range(4):
            assert [each async for each in opened.export_sessions(site)] == []


async def test_exports_that_run_are_counted(
    stack: Stack, application: Application, website: Website
) -> None:
    """One at once for each worker."""
    limits = {KeyLimit.EXPORTS: 1}
    key = await application.api_keys.create("test", [Scope.SESSIONS_READ], limits=limits)
    async with client(stack, key) as opened:
        impatient = opened.with_options(retry=0)

        async def export() -> int:
            return len([each async for each in impatient.export_sessions(website.website_id)])

        found = await asyncio.gather(*(export() for _ in range(40)), return_exceptions=True)
    refused = [each for each in found if each != 0]
    # Each of them waits for the database, with all others behind it.
    assert 0 < len(refused) < 40
    problem = "RESOURCE_EXHAUSTED: the limit of this key is 1 exports at once, try again"
    assert {str(each) for each in refused} == {problem}


async def test_who_guesses_keys_is_slowed_and_others_are_not(
    stack: Stack, application: Application, website: Website
) -> None:
    """Also others at the same address, whose keys are known."""
    path = f"/api/websites/{website.website_id}/sessions"
    good = await application.api_keys.create("test", [Scope.SESSIONS_READ])
    source = "127.0.9.1"

    def ask(key: str, source: str = source) -> int:
        return stack.request(path, key=key, source=source).status

    def guess() -> None:
        assert {ask(good) for _ in range(20)} == {200}
        begin = time.monotonic()
        guessed = [ask(new_secret()) for _ in range(500)]
        looked_at = guessed.count(401)
        # Of each worker: a hundred at once, and then five a second.
        most = Settings().workers * (100 + 5 * (time.monotonic() - begin) + 1)
        assert 100 <= looked_at <= most
        assert guessed.count(429) == 500 - looked_at
        assert ask(good) == 200
        assert ask(new_secret(), "127.0.9.2") == 401

    await asyncio.to_thread(guess)


async def test_the_sdk_says_what_is_wrong_with_a_key(stack: Stack, website: Website) -> None:
    async with client(stack, new_secret()) as opened:
        with pytest.raises(Unauthenticated):
            await opened.sessions(website.website_id).page()


def test_limits_are_given_and_listed_on_the_command_line(stack: Stack) -> None:
    create = ("keys", "create", "--name", "cli", "--scope", "sessions:read")
    stack.command(*create, "--limit", "calls=20", "--limit", "exports=2")
    rows = json.loads(stack.command("keys", "list", "--json"))
    [limits] = [row["limits"] for row in rows if row["name"] == "cli"]
    assert limits == {"calls": 20, "exports": 2}
    [line] = [each for each in stack.command("keys", "list").splitlines() if "  cli  " in each]
    assert "  calls=20,exports=2  " in line


async def test_a_limit_that_is_never_free_in_time_is_said(
    stack: Stack, application: Application, website: Website
) -> None:
    limits = {KeyLimit.EVENTS: 1}
    key = await application.api_keys.create("test", [Scope.EVENTS_WRITE], limits=limits)
    async with client(stack, key) as opened:
        impatient = opened.with_options(retry=0)

        async def record() -> None:
            # Each worker takes some, and then none for a minute.
            for _ in range(20):
                await impatient.record(website.website_id, events(100))

        with pytest.raises(ResourceExhausted) as caught:
            await record()
    assert caught.value.reason == "ERROR_REASON_KEY_LIMIT_EXCEEDED"
