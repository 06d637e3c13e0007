"""Each view, and from each kind of number in it the way to its sessions."""

from playwright.async_api import Page, expect

from tests.explorer.conftest import Shop
from tests.explorer.steps import follow, number, open_view, parameters, settled


async def test_the_link_leads_to_an_overview_and_leaves_no_key(page: Page, shop: Shop) -> None:
    assert "key" not in page.url
    assert parameters(page)["timezone"] == "Europe/Berlin"
    await expect(page.locator(".tile").first).to_contain_text("Sessions")
    await page.reload()
    await settled(page)
    assert shop.key not in page.url
    await expect(page.locator(".tile strong").first).not_to_have_text("0")


async def test_numbers_of_the_overview_lead_to_their_sessions(page: Page) -> None:
    for panel in ("Pages", "Referrers", "Events", "Countries", "Devices"):
        picks = page.get_by_role("region", name=panel).locator("a.pick")
        assert await follow(page, picks.last) > 0
    await page.get_by_text("Show as a table").click()
    await follow(page, page.get_by_role("region", name="Sessions by day").locator("a.pick").last)


async def test_points_of_a_series_lead_to_their_sessions_by_keys(page: Page) -> None:
    points = page.locator(".series a")
    await points.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        await page.keyboard.press(key)
    label = await points.nth(1).get_attribute("aria-label")
    await page.keyboard.press("Enter")
    expected = number((label or "").partition(": ")[2])
    await expect(page.locator("output.size")).to_contain_text(f"{expected} session")


async def test_a_row_filters_the_page_and_back_removes_it(page: Page) -> None:
    total = page.locator(".tile strong").first
    before = await total.inner_text()
    await page.get_by_role("link", name="Germany").click()
    await settled(page)
    assert parameters(page)["filter"] == 'country = "DE"'
    assert number(await total.inner_text()) < number(before)
    await page.go_back()
    await settled(page)
    assert await total.inner_text() == before
    await page.go_forward()
    await settled(page)
    assert parameters(page)["filter"] == 'country = "DE"'


async def test_a_session_is_followed_event_by_event(page: Page) -> None:
    await open_view(page, "sessions", filter='event:"purchase"')
    row = page.locator("table.sessions tbody tr").first
    [views, events] = [int(await row.locator("td").nth(each).inner_text()) for each in (4, 5)]
    await row.get_by_role("link").click()
    await settled(page)
    await expect(page.locator(".timeline li")).to_have_count(views + events)
    await expect(page.locator(".strip li")).to_have_count(views + events)
    await expect(page.locator(".timeline .event").last).to_contain_text("purchase")
