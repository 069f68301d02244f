"""A hall too large to be loaded as one: its outline first, its seats as they are looked at."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import FloatRect, Page, Route, expect

from tests.browser.conftest import DESKTOP
from tests.support.browser_pages import BrowserPages
from tests.support.seat_pages import cell, open_map, show, take
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that


class Asked:
    """What a page asks of the seat map: sections by code, "" for the whole."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sections: list[str] = []
        page.on("request", lambda sent: self._note(sent.url))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.path.endswith("/seatmap/"):
            self.sections.append(parse_qs(parts.query).get("section", [""])[0])

    def settle(self, wanted: set[str]) -> None:
        await_that(
            lambda: self.page.wait_for_timeout(50) or set(self.sections) == wanted,
            f"sections {wanted}; {self.sections}",
        )


@pytest.fixture(scope="module")
def hall(site: Site) -> Sale:
    """5,400 seats in nine sections of 600, four side by side."""
    return site.sale(seats=5400, sections=9, row_length=30, max_seats_per_fan=8)


def test_the_picture_and_the_best_seats_need_no_seat(
    pages: BrowserPages, site: Site, page: Page, fan: Fan, hall: Sale
):
    asked = Asked(page)
    open_map(pages, site, page, hall)
    expect(page.get_by_role("radio", name="R", exact=False).last).to_be_enabled()
    show(page, "map")
    expect(page.locator(".fr-map-picture canvas").first).to_be_visible()
    page.wait_for_timeout(500)
    assert asked.sections == []
    show(page, "best")
    page.get_by_role("checkbox", name="Side by side").uncheck()
    page.get_by_role("button", name="Hold the best seats").click()
    page.wait_for_url("**/checkout/**")
    assert asked.sections == []


def pressed_near(page: Page, frame: FloatRect) -> bool:
    """Press around the middle, where aisles may be; whether that has chosen a seat."""
    for nth in range(16):
        x, y = frame["width"] / 2 + nth % 4 * 30, frame["height"] / 2 + nth // 4 * 30
        page.locator(".fr-map-view").click(position={"x": x, "y": y})
        if page.locator(".fr-chip").count():
            return True
    return False


def test_what_is_zoomed_in_on_is_loaded_once_and_can_be_pressed(
    pages: BrowserPages, site: Site, page: Page, hall: Sale
):
    page.set_viewport_size(DESKTOP)
    asked = Asked(page)
    open_map(pages, site, page, hall)
    view = page.locator(".fr-map-view")
    frame = view.bounding_box()
    assert frame
    before = float(view.get_attribute("data-seat-px") or 0)
    view.click(position={"x": frame["width"] * 0.15, "y": frame["height"] * 0.2})
    await_that(lambda: page.wait_for_timeout(50) or "A" in asked.sections, "section A is asked for")
    assert "I" not in asked.sections
    expect(view).not_to_have_attribute("data-seat-px", f"{before:.1f}")
    for _ in range(6):
        if float(view.get_attribute("data-seat-px") or 0) >= 24:
            break
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_timeout(400)
    await_that(lambda: pressed_near(page, frame), "a seat near the middle is chosen")
    expect(page.locator(".fr-chip")).to_have_count(1)
    assert len(asked.sections) == len(set(asked.sections))


def test_the_list_loads_a_section_by_itself_and_keys_load_the_next(
    pages: BrowserPages, site: Site, page: Page, hall: Sale
):
    asked = Asked(page)
    open_map(pages, site, page, hall)
    show(page, "list")
    expect(cell(page, 1)).to_be_visible()
    assert asked.sections == ["A"]
    cell(page, 30).focus()
    page.keyboard.press("ArrowRight")  # over the edge of the section, to the nearest one
    expect(cell(page, 1, section="B")).to_be_focused()
    page.keyboard.press("PageUp")
    expect(cell(page, 1)).to_be_focused()
    page.keyboard.press("PageUp")
    expect(cell(page, 1, section="I")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".fr-chip")).to_have_text(["I-1-1 ×"])
    assert set(asked.sections) >= {"A", "B", "I"}
    assert len(asked.sections) == len(set(asked.sections))
    page.locator("#fr-section").select_option(label="Section D")
    expect(cell(page, 1, section="D")).to_be_visible()


def test_seats_that_went_are_replaced_from_a_section_that_nobody_looked_at(
    pages: BrowserPages, site: Site, page: Page, fan: Fan
):
    """The section is full but for the chosen one, so the offer stands in the next."""
    sale = site.sale(seats=5100, sections=51, row_length=4, max_seats_per_fan=8)
    for row in range(4, 100, 8):
        take(site, sale, *range(row, row + 8))
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 1).click()
    take(site, sale, 0, 1, 2, 3)
    notice = page.locator("[data-fr-notice=loss]")
    expect(notice).to_contain_text("A-1-1 has just gone")
    expect(page.locator("[data-fr-offer]")).to_be_visible()
    expect(notice.get_by_text("B-", exact=False)).to_be_visible()


def test_seats_of_a_hold_that_ran_out_are_loaded_and_chosen_again(
    pages: BrowserPages, site: Site, page: Page, hall: Sale
):
    asked = Asked(page)
    open_map(pages, site, page, hall)
    page.goto(f"{page.url}#seats={hall.seat_ids[3001]}&sections=%5B%22F%22%5D")
    page.reload()
    expect(page.locator(".fr-chip")).to_have_text(["F-1-2 ×"])
    assert asked.sections == ["F"]


def test_another_layout_is_another_map(pages: BrowserPages, site: Site, page: Page, hall: Sale):
    """What comes is of another layout than what is shown: the outline is read again."""
    answered: list[str] = []

    def changed_once(route: Route) -> None:
        found = route.fetch()
        answered.append(route.request.url)
        later = {"layout_version": 99} if len(answered) == 2 else {}
        route.fulfill(response=found, json=found.json() | later)

    page.route("**/seatmap/?section=*", changed_once)
    open_map(pages, site, page, hall)
    outlines: list[str] = []
    page.on("request", lambda sent: outlines.append(sent.url) if "outline" in sent.url else None)
    show(page, "list")
    expect(cell(page, 1)).to_be_visible()
    page.locator("#fr-section").select_option(label="Section D")
    await_that(lambda: page.wait_for_timeout(50) or outlines, "the outline is read again")
