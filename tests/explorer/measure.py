"""Measures how long each view of the explorer takes until everything in it is shown.

    .venv/bin/python -m tests.explorer.measure 'http://127.0.0.1:8080/#key=…&website_id=…'

Takes the link that `sessions up --demo` prints, or one to any website, such as one that
`sessions generate` filled with 10 million sessions. Each view is opened three times.
"""

import argparse
import asyncio
from statistics import median
from time import perf_counter

from playwright.async_api import Page, Response

from tests.explorer.steps import open_view, parameters
from tests.support.chromium import running_chromium

VIEWS = ("overview", "sessions", "flows", "transitions", "cohorts", "patterns")
TIMES = 3


async def _first_picture(page: Page) -> float:
    """Milliseconds until the browser painted something of the page."""
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    found: float = await page.evaluate(paint)
    return found


async def _measure(link: str, days: dict[str, str]) -> None:
    async with running_chromium() as browser:
        page = await browser.new_page()
        sent = list[int]()

        async def count(response: Response) -> None:
            if "/api/" not in response.url:
                sent.append((await response.request.sizes())["responseBodySize"])

        page.on("response", count)
        began = perf_counter()
        await page.goto(link)
        await open_view(page, "overview", **days)
        print(f"first picture {await _first_picture(page):8.0f} ms")
        print(f"first view    {(perf_counter() - began) * 1000:8.0f} ms")
        print(f"files         {sum(sent) / 1000:8.1f} kB")
        query = parameters(page)
        for view in VIEWS:
            print(f"{view:<13} {await _seconds(page, view, query) * 1000:8.0f} ms")


async def _seconds(page: Page, view: str, query: dict[str, str]) -> float:
    """The median of some times, each from an empty page."""
    times = list[float]()
    for _ in range(TIMES):
        await open_view(page, "nothing", **query)
        began = perf_counter()
        await open_view(page, view, **query)
        times.append(perf_counter() - began)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("link", help="with the key and the website in its fragment")
    parser.add_argument("--start-date", help="first day; default: 28 days until today")
    parser.add_argument("--end-date", help="last day")
    given = parser.parse_args()
    days = {"start_date": given.start_date, "end_date": given.end_date}
    asyncio.run(_measure(given.link, {name: day for name, day in days.items() if day}))


if __name__ == "__main__":
    main()
