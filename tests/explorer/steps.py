"""What a person does in the explorer, and sees."""

import re
from urllib.parse import parse_qsl, urlencode

from playwright.async_api import Locator, Page, expect

from tests.support.chromium import PATIENCE

expect.set_options(timeout=PATIENCE)


def parameters(page: Page) -> dict[str, str]:
    """The parameters in the address."""
    return dict(parse_qsl(page.url.partition("?")[2]))


async def open_view(page: Page, view: str, /, **changes: str) -> None:
    """Open a view by its address, with some parameters changed, and wait until it is there."""
    if changes or f"#/{view}" not in page.url:
        query = urlencode(parameters(page) | changes)
        await page.goto(f"{page.url.partition('#')[0]}#/{view}?{query}")
    await settled(page)


async def settled(page: Page) -> None:
    """Wait until everything that was asked for is shown."""
    await expect(page.locator("main#content")).to_be_visible()
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    await expect(page.locator('[aria-busy="true"]')).to_have_count(0)


def number(text: str) -> int:
    """The number that a text begins with."""
    found = re.match(r"[\d,]+", text)
    assert found, text
    return int(found[0].replace(",", ""))


async def listed(page: Page) -> int:
    """How many sessions the list has when it is scrolled to its end."""
    more = page.get_by_role("button", name="More sessions")
    end = page.get_by_text("all that there are")
    await expect(end.or_(more).first).to_be_visible()
    while await end.count() == 0:
        await page.keyboard.press("End")
        await page.wait_for_timeout(50)
    return await page.locator("table.sessions tbody tr").count()


async def pick_cell(page: Page) -> str:
    """Look at the sessions of a node of the flows; how many the page says that there are."""
    await open_view(page, "flows")
    await page.locator(".flows a").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".chip")).to_contain_text("only: /")
    await settled(page)
    return await page.locator("output.size").inner_text()


async def expect_size(page: Page, expected: int) -> None:
    """Wait until so many sessions are said to be selected."""
    text = re.compile(rf"^{expected:,} session")
    await expect(page.locator("output.size")).to_have_text(text)


async def follow_visitors(page: Page, pick: Locator, expected: int) -> None:
    """Follow a figure to the sessions of as many visitors, and go back."""
    await pick.click()
    await expect(page.locator("output.size")).to_contain_text(f"of {expected:,} visitor")
    listed_visitors = set[str]()
    assert await listed(page) >= expected
    for code in await page.locator("table.sessions code").all():
        listed_visitors.add(await code.get_attribute("title") or "")
    assert len(listed_visitors) == expected
    await page.go_back()
    await settled(page)


async def follow(page: Page, pick: Locator) -> int:
    """Follow a number to its sessions, which must be as many; go back, and return the number."""
    before = page.url
    expected = number(await pick.inner_text())
    await pick.click()
    await expect_size(page, expected)
    assert await listed(page) == expected
    await page.go_back()
    assert page.url == before
    await settled(page)
    return expected
