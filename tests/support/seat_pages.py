"""The seat map's page before a running site's API, and what is found on it."""

from playwright.sync_api import Locator, Page, expect

from tests.support.browser_pages import BrowserPages
from tests.support.site import Sale, Site


def open_map(
    pages: BrowserPages,
    site: Site,
    page: Page,
    sale: Sale,
    language: str = "en",
    waits: bool = True,
) -> None:
    """Open the page; with `waits`, until it knows the states of seats."""
    headers = {"Accept-Language": language}
    performance = site.http(headers=headers).get(f"/api/v1/performances/{sale.performance_id}/")
    urls = {name: f"/{language}/{name}/" for name in ("queue", "list", "performance_page")}
    data = {
        "page": "seats",
        "performance": {**performance.json(), "title": "Autumn Night"},
        "urls": {**urls, "checkout": f"/{language}/checkout/{{reservation}}/"},
    }
    body = "<h1>Seats</h1><fr-seat-map>{data}<a href='list/'>List</a></fr-seat-map>"
    url = pages.add("/seats/", script="seats", data=data, body=body, language=language)
    page.goto(url)
    if waits:
        expect(page.locator("[data-fr-live=yes]")).to_be_attached()


def show(page: Page, tab: str) -> None:
    """Open a tab: `best`, `map` or `list`."""
    page.locator(f"#fr-tab-{tab}").click()


def cell(page: Page, number: int, row: int = 1, section: str = "A") -> Locator:
    """Return a seat's cell of the grid on an English page."""
    return page.get_by_role("gridcell", name=f"Section {section}, row {row}, seat {number},")


def take(site: Site, sale: Sale, *indexes: int) -> None:
    """Let another fan hold seats."""
    [other] = site.fans(1)
    seats = [sale.seat_ids[index] for index in indexes]
    body = {"performance_id": sale.performance_id, "seat_ids": seats}
    assert site.http(other.access_token).post("/api/v1/reservations/", json=body).status_code == 201
