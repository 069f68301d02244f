"""The pictures of docs/staff.md: staff prepare and run sales on a site of their own.

`python -m tests.browser.staff_pictures` starts the site (ACCEPTANCE_DATA keeps it) and ends it.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.screenshots import IMAGES, QUALITY
from tests.support.picture_sale import MOST_SECONDS, PictureSale
from tests.support.site import Site

SIZE = {"width": 1280, "height": 720}
SOLD = 180  # seats, until the board's lines have something to say
Save = Callable[[Page, str], None]


def main() -> None:
    """Make the sales, and take the pictures."""
    site = Site()
    try:
        site.up()
        sale = PictureSale(site)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            staff = Staff(browser, site, sale)
            staff.prepare()
            with sale.selling():
                staff.block()
                staff.watch()
                staff.steer()
                staff.choose()
            staff.look_up()
            staff.ask()
            browser.close()
    finally:
        site.down()


class Staff:
    """Members of staff at their browsers, one of each role that is asked for."""

    def __init__(self, browser: Browser, site: Site, sale: PictureSale) -> None:
        self._browser, self._site, self._sale = browser, site, sale
        self._start = f"{site.url}/en/staff/"

    def prepare(self) -> None:
        """Import a layout; the check list, and what another file would change."""
        page, one = self._page("staff", "Seoyeon Park"), self._at(self._sale.draft_id)
        before, after = self._sale.layouts(Path(tempfile.mkdtemp()))
        self._check(page, one, before)
        _fill(page, "reason", "the plan of the arena")
        _press(page, "Import this layout")
        save(page, "staff-prepare")
        self._check(page, one, after)
        save(page, "staff-layout")

    def _check(self, page: Page, one: str, file: Path) -> None:
        page.goto(f"{one}layout/")
        page.locator("input[type=file]").set_input_files(file)
        _press(page, "Check it and show the differences")

    def watch(self) -> None:
        """Keep the board open until so many seats are sold."""
        page = self._page("operator", "Minsu Choi")
        page.goto(self._at(self._sale.id))
        expect(page.locator("[data-fr-map]")).to_be_visible()
        page.wait_for_function(
            "(most) => Number(document.querySelector('[data-fr-figure=sold]').textContent) >= most",
            arg=SOLD,
            timeout=MOST_SECONDS * 1000,
        )
        save(page, "staff-board")

    def steer(self) -> None:
        """Show what another rate would do."""
        page = self._page("operator", "Minsu Choi")
        page.goto(f"{self._at(self._sale.id)}queue/")
        page.locator("input[name=rate_per_second]").fill("4")
        _fill(page, "reason", "the card network is fast enough")
        _press(page, "Show the effect")
        save(page, "staff-queue")

    def block(self) -> None:
        """Block the last rows of two sections."""
        page = self._page("operator", "Minsu Choi")
        for section in ("F", "G"):
            page.goto(f"{self._at(self._sale.id)}seats/?section={section}&row=8")
            page.locator("select[name=kind]").select_option("camera")
            _fill(page, "note", "a crane stands there")
            _press(page, "Block the free ones")

    def choose(self) -> None:
        """Look at the row before them."""
        page = self._page("operator", "Minsu Choi")
        page.goto(f"{self._at(self._sale.id)}seats/?section=F&row=7")
        expect(page.locator("[data-fr-map]")).to_be_visible()
        page.wait_for_load_state("networkidle")
        save(page, "staff-seats")

    def look_up(self) -> None:
        """Refund a seat of a fan, and look at all that happened to her."""
        page = self._page("finance", "Jiwoo Han")
        self._find(page)
        page.get_by_role("link", name="Refund", exact=True).first.click()
        page.locator("input[name=seat]").first.check()
        page.locator("input[name=how][value=goodwill]").check()
        _fill(page, "reason", "a broken leg")
        _press(page, "Show what goes back")
        _press(page, "Confirm the refund")
        self._find(page)
        save(page, "staff-fan")

    def ask(self) -> None:
        """Let two of finance ask for what a second person decides, and look as one of them."""
        for name, points, why in (
            ("Jiwoo Han", "150000", "the sound failed in section D"),
            ("Dohyun Lim", "200000", "she was sent to the wrong gate"),
        ):
            page = self._page("finance", name)
            self._find(page)
            page.get_by_text("Adjust points").first.click()
            page.locator("input[name=points]").fill(points)
            form = page.locator("form", has=page.locator("input[name=points]"))
            form.locator("textarea[name=reason]").fill(why)
            with page.expect_navigation():
                form.get_by_role("button").press("Enter")
        page.goto(f"{self._start}approvals/")
        save(page, "staff-approvals")

    def _find(self, page: Page) -> None:
        page.goto(f"{self._start}fans/")
        page.locator("input[name=what]").fill(self._sale.fan.email)
        _fill(page, "reason", "caller 17 asks for her money")
        _press(page, "Look up")

    def _at(self, performance_id: str) -> str:
        return f"{self._start}performances/{performance_id}/"

    def _page(self, role: str, name: str) -> Page:
        """Return a page of a new member of a group, who has a name."""
        context = self._browser.new_context(
            viewport=SIZE,  # type: ignore[arg-type]
            locale="en-GB",
            timezone_id="Asia/Seoul",
            color_scheme="light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(60_000)
        context.add_cookies([self._site.staff(role)])  # type: ignore[list-item]
        self._sale.call_latest(role, name)
        return context.new_page()


def _fill(page: Page, name: str, words: str) -> None:
    page.locator(f"main textarea[name={name}]").first.fill(words)


def _press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).press("Enter")


def save(page: Page, name: str) -> None:
    """Keep the whole page as a picture."""
    file = IMAGES / f"{name}-desktop-en.webp"
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    picture.save(file, "WEBP", quality=QUALITY, method=6)
    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1000 + 1} kB\n")


if __name__ == "__main__":
    main()
