"""The waiting room's page before a running site's API, and what is found on it."""

from playwright.sync_api import Page, expect

from tests.support.browser_pages import BrowserPages
from tests.support.site import Sale, Site

SLOW = {"rate_per_second": 1, "capacity": 1}  # one inside, so everybody else waits


def full_room(site: Site, *, fans: int) -> Sale:
    """Return a sale whose one place inside is taken by the first of the fans; the others wait."""
    sale = site.sale(seats=10, queue=SLOW)
    for ahead in site.fans(fans):
        site.http(ahead.access_token).post(f"/api/v1/performances/{sale.performance_id}/queue/")
    return sale


def page_of(pages: BrowserPages, site: Site, sale: Sale, language: str = "en") -> str:
    """Return the address of a sale's waiting room."""
    found = site.http().get(f"/api/v1/performances/{sale.performance_id}/").json()
    urls = {name: f"/{language}/{name}/" for name in ("seats", "performance_page", "plain")}
    data = {"page": "queue", "performance": {**found, "title": "Autumn Night"}, "urls": urls}
    body = "<h1>Waiting room</h1><fr-queue>{data}<a href='plain/'>Your place</a></fr-queue>"
    return pages.add("/queue/", script="queue", data=data, body=body, language=language)


def is_on(page: Page, *names: str) -> None:
    """Wait until the page shows one of these states."""
    selector = ", ".join(f'fr-queue[data-screen="{name}"]' for name in names)
    expect(page.locator(selector)).to_be_visible()


def number(page: Page) -> int:
    """Return the number that the page shows."""
    return int(page.locator("[data-fr-number]").inner_text().replace(",", ""))
