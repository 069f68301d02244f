"""The pictures of docs/staff.md: an operator looks at a sale of a site of its own.

`python -m tests.browser.staff_pictures` starts the site (ACCEPTANCE_DATA keeps it) and ends it.
"""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.screenshots import DESKTOP, IMAGES, QUALITY
from tests.support.site import Site

ROOM = {"rate_per_second": 1, "capacity": 5}


def main() -> None:
    """Make a sale with a crowd, and take the pictures."""
    site = Site()
    try:
        site.up()
        sale = site.sale(seats=400, row_length=20, sections=4, queue=ROOM)
        for fan in site.fans(40):
            api = site.http(fan.access_token)
            api.post(f"/api/v1/performances/{sale.performance_id}/queue/")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            take(browser, site, sale.performance_id)
            browser.close()
    finally:
        site.down()


def take(browser: Browser, site: Site, performance_id: str) -> None:
    """Take the pictures of one performance into docs/images."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(60_000)
    context.add_cookies([site.staff("operator")])  # type: ignore[list-item]
    page = context.new_page()
    one = f"{site.url}/en/staff/performances/{performance_id}"
    page.goto(f"{one}/")
    page.locator("fr-board[data-fr-live=yes]").wait_for()
    page.wait_for_timeout(9_000)  # a line of some points
    save(page, IMAGES / "staff-board-desktop-en.webp")
    page.goto(f"{one}/prepare/")
    save(page, IMAGES / "staff-prepare-desktop-en.webp")
    page.goto(f"{one}/queue/")
    page.locator("input[name=rate_per_second]").fill("2")
    page.locator("textarea[name=reason]").first.fill("slow card network")
    page.get_by_role("button", name="Show the effect").press("Enter")
    page.locator("button[value=confirm]").wait_for()
    save(page, IMAGES / "staff-queue-desktop-en.webp")
    context.close()


def save(page: Page, file: Path) -> None:
    """Keep what is seen."""
    Image.open(io.BytesIO(page.screenshot())).save(file, "WEBP", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
