"""What goes wrong is said in a sentence that says what to do."""

import re

from playwright.async_api import BrowserContext, Page, Route, expect

from tests.explorer.conftest import Shop
from tests.explorer.steps import open_view, parameters, pick_cell, settled


async def enter(page: Page, website_id: str, key: str) -> None:
    """Fill in the form that asks for a key."""
    await page.get_by_label("Website").fill(website_id)
    await page.get_by_label("Key").fill(key)
    await page.get_by_role("button", name="Look").click()


async def test_a_key_is_asked_for_once_in_a_tab(browser: BrowserContext, shop: Shop) -> None:
    page = await browser.new_page()
    await page.goto(f"{shop.stack.address}/#/cohorts")
    await enter(page, shop.website_id, f"  {shop.key} ")
    await settled(page)
    await expect(page.get_by_role("heading", name="Returning visitors")).to_be_visible()
    assert shop.key not in page.url
    await page.reload()
    await expect(page.get_by_role("heading", name="Returning visitors")).to_be_visible()
    other = await browser.new_page()
    await other.goto(page.url)
    await expect(other.get_by_role("heading", name="Look at sessions")).to_be_visible()
    await expect(other.get_by_label("Website")).to_have_value(shop.website_id)


async def test_a_wrong_key_can_be_replaced(page: Page, shop: Shop) -> None:
    await page.get_by_role("button", name="Other key").click()
    await enter(page, shop.website_id, f"{shop.key[:-1]}{'a' if shop.key[-1] != 'a' else 'b'}")
    await expect(page.get_by_role("alert").first).to_contain_text("not known to the service")
    await page.get_by_role("button", name="Enter another key").first.click()
    await enter(page, shop.website_id, shop.key)
    await settled(page)
    await expect(page.locator(".tile").first).to_be_visible()


async def test_a_key_that_may_not_read_is_told_which_may(page: Page, shop: Shop) -> None:
    writing = shop.stack.command("keys", "create", "--name", "w", "--scope", "events:write")
    await page.get_by_role("button", name="Other key").click()
    await enter(page, shop.website_id, writing)
    await expect(page.get_by_role("alert").first).to_contain_text("--scope sessions:read")


async def test_a_website_that_is_not_there_is_told(page: Page, shop: Shop) -> None:
    key = shop.stack.command("keys", "create", "--name", "r", "--scope", "sessions:read")
    await page.get_by_role("button", name="Other key").click()
    await enter(page, "site_0000000000", key)
    await expect(page.get_by_role("alert").first).to_contain_text("no website with this id")


async def test_days_without_data_say_so(page: Page) -> None:
    for view in ("overview", "sessions", "flows", "cohorts", "patterns"):
        await open_view(page, view, start_date="2001-01-01", end_date="2001-01-02")
        await expect(page.get_by_text("in these days.").first).to_be_visible()
    await open_view(page, "funnel")
    await expect(page.get_by_text("at least two steps")).to_be_visible()


async def test_a_mistake_is_marked_at_its_character(page: Page) -> None:
    box = page.get_by_label("Filter", exact=True)
    await box.fill('country == "DE"')
    await box.press("Enter")
    mistake = page.locator(".mistake")
    await expect(mistake.locator("mark")).to_have_text("=")
    await expect(mistake).to_contain_text("expected a value")
    assert await box.get_attribute("aria-invalid") == "true"
    await page.get_by_role("button", name="Clear: Filter").click()
    await expect(mistake).to_have_count(0)
    await settled(page)
    assert "filter" not in parameters(page)

    await open_view(page, "funnel", steps='page == "/"')
    await page.get_by_role("combobox", name="Step 2").fill('page = "/cart"')
    await page.get_by_role("combobox", name="Step 2").press("Enter")
    await expect(page.locator(".steps li").first.locator("mark")).to_have_text("=")


async def test_a_session_that_is_not_there_is_told(page: Page) -> None:
    base = page.url.partition("#")[0]
    query = page.url.partition("?")[2]
    await page.goto(f"{base}#/session/sess_00000000000000000000000000000000?{query}")
    await expect(page.get_by_role("alert")).to_contain_text("no such session")


async def test_a_slow_network_is_waited_for(page: Page, shop: Shop) -> None:
    async def late(route: Route) -> None:
        await page.wait_for_timeout(1_000)
        await route.continue_()

    await page.route(re.compile("/api/"), late)
    await page.get_by_role("link", name="Patterns").click()
    await expect(page.get_by_text("Loading …").first).to_be_visible()
    await settled(page)
    await expect(page.locator("table tbody tr").first).to_be_visible()


async def test_a_lost_connection_is_tried_again(browser: BrowserContext, page: Page) -> None:
    await browser.set_offline(True)
    await page.get_by_role("link", name="Patterns").click()
    await expect(page.get_by_role("alert").first).to_contain_text("can't be reached")
    await expect(page.get_by_text("tried again after 5 seconds").first).to_be_visible()
    await browser.set_offline(False)
    await expect(page.locator("table tbody tr").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_what_may_pass_is_tried_again_by_itself(page: Page) -> None:
    answers = iter([503])

    async def refuse_once(route: Route) -> None:
        if next(answers, None):
            body = '{"code": 14, "message": "away", "details": []}'
            await route.fulfill(status=503, body=body, headers={"retry-after": "1"})
        else:
            await route.continue_()

    await page.route(re.compile(":patterns"), refuse_once)
    await page.get_by_role("link", name="Patterns").click()
    await expect(page.get_by_role("alert")).to_contain_text("tried again after 1 second.")
    await expect(page.locator("table tbody tr").first).to_be_visible()


async def test_a_list_that_was_refused_is_tried_again_by_itself(page: Page) -> None:
    answers = iter([503])

    async def refuse_once(route: Route) -> None:
        if next(answers, None):
            await route.fulfill(status=503, body="", headers={"retry-after": "1"})
        else:
            await route.continue_()

    await page.route(re.compile(r"/sessions\?"), refuse_once)
    await page.get_by_role("link", name="Sessions", exact=True).last.click()
    await expect(page.get_by_role("alert")).to_contain_text("tried again after 1 second.")
    await expect(page.locator("table.sessions tbody tr").first).to_be_visible()


async def test_an_error_without_a_body_is_told(page: Page) -> None:
    async def fail(route: Route) -> None:
        await route.fulfill(status=502, headers={"content-length": "0"})

    await page.route(re.compile(":patterns"), fail)
    await page.get_by_role("link", name="Patterns").click()
    await expect(page.get_by_role("alert")).to_contain_text("The service answered 502.")


async def test_what_an_address_has_wrong_is_told_or_replaced(page: Page) -> None:
    await open_view(page, "constructor", timezone="Europe/Berlim", metric="constructor")
    await expect(page.get_by_text("There is no such view.")).to_be_visible()
    assert parameters(page)["timezone"] == "Europe/Berlin"
    await open_view(page, "overview", journey="page == 1")
    await expect(page.locator(".controls").get_by_role("alert")).to_contain_text("expected a value")


async def test_a_new_link_replaces_a_key_that_is_refused(page: Page, shop: Shop) -> None:
    wrong = f"{shop.key[:-1]}{'a' if shop.key[-1] != 'a' else 'b'}"
    await page.goto(shop.link.replace(shop.key, wrong))
    await expect(page.get_by_role("alert").first).to_contain_text("not known to the service")
    await page.goto(shop.link)
    await expect(page.locator(".tile").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_cell_of_a_link_is_kept_when_a_key_is_entered(page: Page, shop: Shop) -> None:
    size = await pick_cell(page)
    await page.get_by_role("button", name="Other key").click()
    await page.get_by_label("Key").fill(shop.key)
    await page.get_by_role("button", name="Look").click()
    await expect(page.locator(".chip")).to_contain_text("only: /")
    await expect(page.locator("output.size")).to_have_text(size)
