"""The explorer in a real browser, over the shop of the demo."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, ConsoleMessage, Page
from sessions.standalone.demo import link_key, seed_demo

from tests.explorer.steps import open_view
from tests.support.chromium import PATIENCE, running_chromium
from tests.support.stack import Stack, running_stack


@dataclass(frozen=True)
class Shop:
    """The website of the demo, and a key that reads it."""

    stack: Stack
    website_id: str
    key: str

    @property
    def link(self) -> str:
        """What `sessions up --demo` prints."""
        return f"{self.stack.address}/#key={self.key}&website_id={self.website_id}"


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """A running service with thirteen months of a small shop."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data") as stack,
    ):
        website_id = asyncio.run(seed_demo(stack.database_url))
        key = asyncio.run(link_key(stack.database_url, website_id))
        yield Shop(stack, website_id, key)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    """A browser with a profile of its own, in Berlin."""
    async with running_chromium() as chromium:
        context = await chromium.new_context(
            viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin", locale="en-GB"
        )
        context.set_default_timeout(PATIENCE)
        yield context


@pytest_asyncio.fixture
async def page(browser: BrowserContext, shop: Shop) -> AsyncIterator[Page]:
    """The explorer, opened by the link of the demo. Whatever it complains about fails the test."""
    complaints, asked = list[str](), list[str]()

    def hear(line: ConsoleMessage) -> None:
        # Statuses of refused calls, which tests provoke.
        if not line.text.startswith("Failed to load resource"):
            complaints.append(f"{line.type}: {line.text}")

    page = await browser.new_page()
    page.on("console", hear)  # violations of the Content-Security-Policy are here, too
    page.on("pageerror", lambda error: complaints.append(str(error)))
    browser.on("request", lambda request: asked.append(request.url))
    await page.goto(shop.link)
    await open_view(page, "overview")
    yield page
    own = (f"{shop.stack.address}/", "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert complaints == []
