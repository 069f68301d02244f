"""The pictures of docs/images: fans of the demo data buy tickets on the running site.

`make screenshots` runs it beside `make run`: in Korean and English, on a phone and a desktop. Each
fan buys two seats, so run it on demo data that may change.
"""

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
TITLES = {"ko": "한옥의 밤", "en": "Hanok Nights"}
PASSWORD = "frontrow-demo-1"  # of the demo data, which production has not
QUALITY = 80


@dataclass(frozen=True)
class Walk:
    """One fan's way: the language, the device, and who it is."""

    language: str
    device: str
    size: ViewportSize
    fan: str

    def name_of(self, name: str) -> str:
        """Return the file name of a picture."""
        return f"{name}-{self.device}-{self.language}.webp"


PHONE, DESKTOP = ViewportSize(width=390, height=780), ViewportSize(width=1280, height=800)
WALKS = (
    Walk("ko", "phone", PHONE, "fan11@example.com"),
    Walk("en", "phone", PHONE, "fan12@example.com"),
    Walk("ko", "desktop", DESKTOP, "fan13@example.com"),
    Walk("en", "desktop", DESKTOP, "fan14@example.com"),
)


def main() -> int:
    """Take the pictures; return the exit code: 1 where there is no browser."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__
    )
    parser.add_argument("--url", default=os.environ.get("FRONTROW_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--into", type=Path, default=IMAGES, help="the folder of the pictures")
    options = parser.parse_args()
    if not options.chromium:
        sys.stderr.write("screenshots: no chromium here (apt-get install chromium)\n")
        return 1
    options.into.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for walk in WALKS:
            for name, picture in pictures(browser, options.url, walk):
                file = options.into / walk.name_of(name)
                picture.save(file, "WEBP", quality=QUALITY, method=6)
                sys.stdout.write(f"{file.name}: {file.stat().st_size // 1000 + 1} kB\n")
        browser.close()
    return 0


def pictures(browser: Browser, url: str, walk: Walk) -> Iterator[tuple[str, Image.Image]]:
    """Buy two seats by points, and yield each picture with its name."""
    context = browser.new_context(
        viewport=walk.size,
        locale=walk.language,
        timezone_id="Asia/Seoul",
        reduced_motion="reduce",
        color_scheme="light",
        device_scale_factor=2 if walk.device == "phone" else 1,
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    start = f"{url}/{walk.language}"
    _log_in(page, start, walk)
    page.goto(f"{start}/")
    yield "home", _taken(page)
    page.locator("form[role=search] input").first.fill(TITLES[walk.language])
    page.keyboard.press("Enter")
    page.get_by_role("link", name=TITLES[walk.language]).first.click()
    page.locator("main .fr-grid a[href*='/performances/']").first.click()
    page.locator("#next-step").wait_for()
    yield "performance", _taken(page)
    performance = page.url
    page.goto(f"{performance}queue/")
    page.locator("fr-queue .is-primary:visible").first.wait_for()
    yield "waiting-room", _taken(page)
    page.locator("fr-queue .is-primary:visible").first.click()
    page.wait_for_url("**/seats/")
    page.locator("[data-fr-live=yes]").wait_for(state="attached")
    page.locator("#fr-tab-map").click()
    yield "seats", _taken(page)
    page.locator("#fr-tab-best").click()
    page.locator("fr-seat-map .is-primary:visible").first.click()
    page.wait_for_url("**/checkout/**")
    yield "checkout", _taken(page)
    page.locator("#fr-pay input[value=POINTS]").check()
    page.locator("#fr-pay input[name=agreed]").check()
    page.locator("#fr-pay .is-primary").click()
    page.wait_for_url("**/done/")
    page.goto(f"{start}/me/")
    yield "tickets", _taken(page)
    page.locator("main .fr-card h2 a").first.click()
    page.locator("a[href*='/me/tickets/']").first.click()
    page.locator(".fr-qr svg").wait_for()
    yield "ticket", _taken(page)
    context.close()


def _taken(page: Page) -> Image.Image:
    """Return what is seen, once its pictures are there and it has been drawn."""
    page.wait_for_load_state()
    page.evaluate(
        """async () => {
          const seen = [...document.images].filter((one) => one.loading !== "lazy");
          await Promise.all(seen.map((one) => one.decode().catch(() => undefined)));
          await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
        }"""
    )
    return Image.open(io.BytesIO(page.screenshot()))


def _log_in(page: Page, start: str, walk: Walk) -> None:
    page.goto(f"{start}/account/login/")
    page.locator("input[name=login]").fill(walk.fan)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(lambda address: "/account/login" not in address)


if __name__ == "__main__":
    raise SystemExit(main())
