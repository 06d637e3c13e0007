"""The reference page in a real browser: a key goes in, a call is tried out, sessions come back.

With DOCS_SCREENSHOT=<file> the picture of it is kept there.
"""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect
from sessions.domain.websites import Website

from tests.support.chromium import PATIENCE, running_chromium
from tests.support.stack import Stack


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    """A browser with a profile of its own."""
    async with running_chromium() as chromium:
        context = await chromium.new_context(viewport={"width": 1280, "height": 1000})
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def visitors(stack: Stack, website: Website, key: str) -> list[str]:
    """The visitors of the website's sessions, newest first: one a minute, until an hour ago."""
    names = ["anna", "bert", "carl"]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    events = [
        {
            "event_type": "pageview",
            "visitor_id": name,
            "timestamp": (hour_ago - timedelta(minutes=age)).isoformat(),
            "url": "/pricing",
        }
        for age, name in enumerate(names)
    ]
    path = f"/api/websites/{website.website_id}/events"
    body = json.dumps({"events": events}).encode()
    assert stack.request(path, key=key, method="POST", body=body).status == 200
    return names


async def enter_key(page: Page, key: str) -> None:
    """Put a key into the box of the page."""
    await page.get_by_role("button", name="Authorize").first.click()
    box = page.locator(".auth-container")
    await box.locator("input").fill(key)
    await box.get_by_role("button", name="Apply credentials").click()
    await box.get_by_role("button", name="Close").click()


async def try_list_sessions(page: Page, website_id: str, limit: int) -> str:
    """Try ListSessions out, and return the body of the answer that the page shows."""
    call = page.locator("[id$=ListSessions].opblock")
    await call.locator(".opblock-summary-control").click()
    await call.get_by_placeholder("website_id").fill(website_id)
    await call.get_by_placeholder("limit").fill(str(limit))
    # The sessions have none; an empty value has a box of its own.
    await call.locator('[data-param-name="filter_utm_source"] input[type="checkbox"]').check()
    await call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table")
    await answer.locator(".response-col_status", has_text="200").wait_for()
    await answer.scroll_into_view_if_needed()
    return await answer.locator(".response-col_description pre").first.inner_text()


async def test_sessions_are_listed_from_the_page(
    browser: BrowserContext,
    stack: Stack,
    website: Website,
    key: str,
    visitors: list[str],
    tmp_path: Path,
) -> None:
    page, complaints, asked = await browser.new_page(), list[str](), list[str]()
    page.on("console", lambda line: complaints.append(f"{line.type}: {line.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    browser.on("request", lambda request: asked.append(request.url))

    await page.goto(f"{stack.address}/docs")
    await expect(page.locator("h1, h2").first).to_contain_text("Sessions API", timeout=PATIENCE)
    await enter_key(page, key)
    shown = json.loads(await try_list_sessions(page, website.website_id, limit=2))
    kept = os.environ.get("DOCS_SCREENSHOT") or tmp_path / "docs.png"
    picture = await page.screenshot(path=kept)

    assert [session["visitor_id"] for session in shown["sessions"]] == visitors[:2]
    assert shown["next_cursor"]
    assert any(url.endswith("&filter_utm_source=") for url in asked)
    assert complaints == []
    elsewhere = [url for url in asked if not url.startswith((f"{stack.address}/", "data:"))]
    assert elsewhere == []
    assert len(picture) > 10_000
