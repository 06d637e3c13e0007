"""The rules of axe-core hold in every view, light and dark, and nothing runs off a phone."""

import json
from typing import Any

import pytest
from playwright.async_api import Page

from tests.explorer.steps import open_view, settled
from tests.support.chromium import AXE

VIEWS = ["overview", "sessions", "session", "funnel", "flows", "transitions", "cohorts"]
VIEWS += ["patterns", "live", "key"]


async def show(page: Page, view: str) -> None:
    """Open a view with something in it."""
    if view == "key":
        await page.get_by_role("button", name="Other key").click()
    elif view == "session":
        await open_view(page, "sessions", filter='event:"purchase"')
        await page.locator("table.sessions tbody a").first.click()
        await settled(page)
    elif view == "funnel":
        await open_view(page, "funnel", dimension="device")
        for step in ("/cart", "/checkout"):
            await page.get_by_role("button", name=f"+ {step}", exact=True).click()
        await page.locator(".funnel").wait_for()
        await settled(page)
    elif view == "transitions":
        await open_view(page, view, page="/cart")
    else:
        await open_view(page, view)
    for summary in await page.locator("summary").all():
        await summary.click()


async def violations(page: Page) -> list[Any]:
    """What axe-core finds wrong, as rules with the elements that break them."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run()")
    return [
        (each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found["violations"]
    ]


@pytest.mark.parametrize("view", VIEWS)
async def test_rules_of_accessibility_hold(page: Page, view: str) -> None:
    await page.emulate_media(reduced_motion="reduce")  # what fades has less contrast meanwhile
    await show(page, view)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found = await violations(page)
        assert found == [], json.dumps(found, indent=2)
    await page.set_viewport_size({"width": 360, "height": 740})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
