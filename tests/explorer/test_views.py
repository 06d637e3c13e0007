"""Each view, and from each kind of number in it the way to its sessions."""

import csv
import json
import re
from datetime import UTC, datetime

from playwright.async_api import Page, expect

from tests.explorer.conftest import Shop
from tests.explorer.steps import (
    expect_size,
    follow,
    follow_visitors,
    number,
    open_view,
    parameters,
    pick_cell,
    settled,
)


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
    await follow(page, page.get_by_role("group", name="Sessions by day").locator("a.pick").last)


async def test_points_of_a_series_lead_to_their_sessions_by_keys(page: Page) -> None:
    points = page.locator(".series a")
    await points.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        await page.keyboard.press(key)
    label = await points.nth(1).get_attribute("aria-label")
    await page.keyboard.press("Enter")
    expected = number((label or "").partition(": ")[2])
    await expect_size(page, expected)


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


async def test_a_funnel_is_picked_and_each_of_its_numbers_leads_to_sessions(page: Page) -> None:
    await page.get_by_role("link", name="Funnel").click()
    for step in ("/cart", "/checkout", "purchase"):
        await page.get_by_role("button", name=f"+ {step}", exact=True).click()
    await expect(page.locator(".funnel .step")).to_have_count(3)
    await settled(page)
    reached = [await follow(page, each) for each in await page.locator(".step .pick").all()]
    dropped = [await follow(page, each) for each in await page.locator(".drop .pick").all()]
    assert reached[0] - reached[1] == dropped[0]
    assert reached[1] - reached[2] == dropped[1]

    await page.get_by_label("Broken down by").select_option("Devices")
    groups = page.get_by_role("group", name="Funnels of the values").locator("a.pick")
    await expect(groups.first).to_be_visible()
    await settled(page)
    await follow(page, groups.first)


async def test_a_funnel_of_visitors_leads_to_all_their_sessions(page: Page) -> None:
    await page.get_by_role("link", name="Funnel").click()
    await page.get_by_role("combobox", name="Step 1").fill('page = "/cart"')
    await page.get_by_role("combobox", name="Step 1").press("Enter")
    await page.get_by_role("combobox", name="Step 2").fill('event = "purchase"')
    await page.get_by_role("combobox", name="Step 2").press("Enter")
    await page.get_by_role("combobox", name="Count", exact=True).select_option("visitors")
    await expect(page).to_have_url(re.compile("window=604800"))
    await settled(page)
    pick = page.locator(".step .pick").last
    await follow_visitors(page, pick, number(await pick.inner_text()))


async def test_nodes_of_flows_lead_to_their_sessions(page: Page) -> None:
    await page.get_by_role("link", name="Flows").click()
    await settled(page)
    node = page.locator(".flows a").nth(1)
    label = await node.get_attribute("aria-label") or ""
    await node.focus()
    await page.keyboard.press("Enter")
    expected = re.search(r": ([\d,]+) sessions", label)
    assert expected
    await expect_size(page, number(expected[1]))
    await page.go_back()
    await settled(page)
    await page.get_by_text("Show as a table").click()
    row = page.get_by_role("row").filter(has_text="/sale").first
    for column in range(await row.locator("a.pick").count()):
        await follow(page, row.locator("a.pick").nth(column))
        await page.get_by_text("Show as a table").click()

    await open_view(page, "flows", anchor='page = "/checkout"', direction="previous")
    await expect(page.locator(".flows a").nth(1)).to_have_attribute(
        "aria-label", re.compile("/cart: .* sessions, .* began")
    )
    await expect(page.locator(".legend")).to_contain_text("began here")
    await page.locator(".flows a").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".chip")).to_contain_text('/cart → page = "/checkout"')


async def test_transitions_lead_to_sessions_and_to_other_pages(page: Page) -> None:
    await page.get_by_role("link", name="Before and after /cart").click()
    await settled(page)
    assert parameters(page)["page"] == "/cart"
    await follow(page, page.get_by_role("region", name="The page").locator("a.pick"))
    after = page.get_by_role("region", name="After").locator("a.pick")
    for index in range(await after.count()):
        assert "/cart" in (await after.nth(index).get_attribute("title") or "")
        await follow(page, after.nth(index))
    await page.get_by_role("link", name="/checkout", exact=True).first.click()
    await expect(page.get_by_role("heading", name="/checkout")).to_be_visible()


async def test_cohorts_lead_to_the_sessions_of_their_visitors(page: Page) -> None:
    await page.get_by_role("link", name="Returning").click()
    await settled(page)
    cells = page.locator(".heat a")
    for cell in (cells.first, page.locator("tr:nth-child(2) .heat a").nth(1)):
        title = await cell.get_attribute("title") or ""
        await follow_visitors(page, cell, number(title))


async def test_without_a_goal_its_rate_is_no_metric(page: Page) -> None:
    await open_view(page, "overview", metric="goal_rate")
    await expect(page.get_by_role("heading", name="Sessions over time")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_text("Show as a table").click()
    heads = page.get_by_role("group", name="Sessions by").get_by_role("columnheader")
    await expect(heads).to_have_text(["Start", "Sessions"])


async def test_patterns_lead_to_their_sessions(page: Page) -> None:
    await open_view(page, "patterns", goal='event = "purchase"', items="both")
    row = page.locator("table tbody tr").filter(has_text="add_to_cart").first
    whole, with_goal, without = [
        await follow(page, each) for each in await row.locator("a.pick").all()
    ]
    assert whole == with_goal + without


async def test_a_cell_can_be_looked_at_in_all_views_and_removed(page: Page) -> None:
    size = await pick_cell(page)
    await page.get_by_role("link", name="Overview").click()
    await settled(page)
    await expect(page.locator("output.size")).to_have_text(size)
    await follow(page, page.get_by_role("region", name="Countries").locator("a.pick").first)
    await page.get_by_role("button", name="Remove: only").click()
    await settled(page)
    assert "cell" not in page.url
    await expect(page.locator("output.size")).not_to_have_text(size)


async def test_sessions_of_now_are_asked_for_until_paused(page: Page, shop: Shop) -> None:
    await page.get_by_role("link", name="Now").click()
    await expect(page.locator("main")).to_be_focused()
    await expect(page.locator(".live strong")).to_have_text(re.compile(r"^\d+ session"))
    record_a_view(shop, visitor="somebody-new")
    await expect(page.locator(".live strong")).to_have_text(re.compile(r"^[1-9]"))
    await expect(page.locator("table.sessions code").first).to_have_attribute(
        "title", "somebody-new"
    )
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("paused.")).to_be_visible()


def record_a_view(shop: Shop, *, visitor: str) -> None:
    """Record a pageview of this moment."""
    event = {
        "event_id": f"{visitor}-1",
        "event_type": "pageview",
        "visitor_id": visitor,
        "timestamp": datetime.now(UTC).isoformat(),
        "url": "/new",
    }
    key = shop.stack.command("keys", "create", "--name", "w", "--scope", "events:write")
    path = f"/api/websites/{shop.website_id}/events"
    body = json.dumps({"events": [event]}).encode()
    assert shop.stack.request(path, key=key, method="POST", body=body).status == 200


async def test_an_export_has_the_sessions_of_the_list(page: Page) -> None:
    await open_view(page, "sessions", filter='country = "DE"')
    expected = number(await page.locator("output.size").inner_text())
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export CSV").click()
    file = await (await saving.value).path()
    with file.open() as lines:
        assert {row["country"] for row in csv.DictReader(lines)} == {"DE"}
        lines.seek(0)
        assert len(list(csv.reader(lines))) == expected + 1


async def test_a_filter_is_completed_by_keys(page: Page) -> None:
    box = page.get_by_label("Filter", exact=True)
    options = page.get_by_role("listbox", name="Completions: Filter").get_by_role("option")
    await box.click()
    await page.keyboard.type("brow")
    await expect(options).to_have_text(["browser"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.type(" ")
    await options.get_by_text("=", exact=True).click()
    await page.keyboard.type("Fire")
    await expect(options).to_have_text(['"Firefox"'])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await settled(page)
    assert parameters(page)["filter"] == 'browser = "Firefox"'


async def test_a_day_that_is_typed_leaves_the_other_one(page: Page) -> None:
    await open_view(page, "sessions", start_date="2026-01-05", end_date="2026-02-05")
    day = page.get_by_label("From")
    await day.focus()
    await page.keyboard.type("01202026")  # month first; on the way its year is 2, 20 and 202
    assert parameters(page)["start_date"] == "2026-01-05"
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("start_date=2026-01-20"))
    assert parameters(page)["end_date"] == "2026-02-05"
    await expect(day).to_have_value("2026-01-20")
