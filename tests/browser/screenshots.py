"""The pictures of docs/images: a fan of the demo data buys a ticket on the running site.

`make screenshots` runs it beside `make run`. In Korean on a phone and in English on a desktop; it
buys two seats in each language, so run it on demo data that may change.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES = {"ko": {"width": 390, "height": 780}, "en": {"width": 1280, "height": 800}}
TITLES = {"ko": "한옥의 밤", "en": "Hanok Nights"}
FANS = {"ko": "fan11@example.com", "en": "fan12@example.com"}
PASSWORD = "frontrow-demo-1"  # of the demo data, which production has not


def main() -> int:
    """Take the pictures; return the exit code: 1 where the site is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__
    )
    parser.add_argument("--url", default=os.environ.get("FRONTROW_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"]
        )
        for language in SIZES:
            for name in pictures(browser, options.url, language):
                sys.stdout.write(f"wrote docs/images/{name}\n")
        browser.close()
    return 0


def pictures(browser: Browser, url: str, language: str) -> Iterator[str]:
    """Buy two seats by points, and yield the name of each picture that was taken."""
    context = browser.new_context(
        viewport=SIZES[language], locale=language, reduced_motion="reduce", color_scheme="light"
    )
    page = context.new_page()

    def taken(name: str) -> str:
        page.wait_for_load_state("networkidle")
        file = f"{name}-{language}.png"
        page.screenshot(path=IMAGES / file)
        return file

    _log_in(page, url, language)
    page.goto(f"{url}/{language}/")
    yield taken("home")
    page.get_by_role("link", name=TITLES[language]).first.click()
    page.locator("main a[href*='/performances/']").first.click()
    yield taken("performance")
    page.goto(page.url + "queue/")
    page.locator("fr-queue button").first.wait_for()
    yield taken("waiting-room")
    page.goto(page.url.removesuffix("queue/") + "seats/")
    page.locator("[data-fr-live=yes]").wait_for(state="attached")
    page.locator("#fr-tab-map").click()
    yield taken("seats")
    page.locator("#fr-tab-best").click()
    page.locator("fr-seat-map .is-primary:visible").first.click()
    page.wait_for_url("**/checkout/**")
    yield taken("checkout")
    page.locator("#fr-pay input[value=POINTS]").check()
    page.locator("#fr-pay input[name=agreed]").check()
    page.locator("#fr-pay .is-primary").click()
    page.wait_for_url("**/done/")
    page.goto(f"{url}/{language}/me/")
    page.locator("main .fr-card h2 a").first.click()
    page.locator("a[href*='/me/tickets/']").first.click()
    page.locator(".fr-qr svg").wait_for()
    yield taken("ticket")
    context.close()


def _log_in(page: Page, url: str, language: str) -> None:
    page.goto(f"{url}/{language}/account/login/")
    page.locator("input[name=login]").fill(FANS[language])
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(f"{url}/{language}/**")


if __name__ == "__main__":
    raise SystemExit(main())
