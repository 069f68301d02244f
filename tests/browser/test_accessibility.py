"""The elements for people who can't see, point or read small print: no violation, in any form."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.queue_pages import SLOW, is_on, page_of
from tests.support.seat_pages import cell, open_map, show, take
from tests.support.site import Fan, Sale, Site

LogIn = Callable[[BrowserContext, Fan], None]
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
FORMS = [("ko", "light"), ("en", "dark")]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.fixture(params=FORMS, ids="-".join)
def form(request: pytest.FixtureRequest, browser: Browser, site: Site, log_in: LogIn) -> Any:
    """A language, and a page of a small phone in light or dark for somebody who is logged in."""
    language, scheme = request.param
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    [fan] = site.fans(1)
    log_in(context, fan)
    yield language, context.new_page()
    context.close()


def test_the_seat_map_has_no_violation(pages, site: Site, form: tuple[str, Page]):
    language, page = form
    sale = site.sale(seats=60, row_length=20)
    take(site, sale, 30)
    open_map(pages, site, page, sale, language)
    assert violations(page) == []
    for tab in ("map", "list"):
        show(page, tab)
        assert violations(page) == []
        assert not scrolls_sideways(page)
    page.get_by_role("gridcell").nth(3).click()
    page.get_by_role("gridcell").nth(4).click()
    take(site, sale, 4)
    expect(page.locator("[data-fr-notice=loss]")).to_be_visible()
    assert violations(page) == []


def test_the_waiting_room_has_no_violation(pages, site: Site, form: tuple[str, Page]):
    language, page = form
    sale = site.sale(seats=10, queue=SLOW)
    for ahead in site.fans(3):
        site.http(ahead.access_token).post(f"/api/v1/performances/{sale.performance_id}/queue/")
    page.goto(page_of(pages, site, sale, language))
    is_on(page, "waiting", "near")
    assert violations(page) == []
    assert not scrolls_sideways(page)
    pages.failing["/queue/"] = (503, {"code": "queue_unavailable"})
    is_on(page, "unavailable")
    assert violations(page) == []
    pages.failing.clear()
    pages.failing["/queue/me/"] = (403, {"code": "too_many_accounts"})
    is_on(page, "refused")
    assert violations(page) == []


def test_the_turn_has_no_violation(pages, site: Site, form: tuple[str, Page]):
    language, page = form
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(page_of(pages, site, sale, language))
    is_on(page, "admitted")
    assert violations(page) == []
    assert not scrolls_sideways(page)


@pytest.mark.control
def test_a_button_without_a_name_is_noticed(pages, site: Site, page: Page):
    page.goto(pages.add("/", script="site", data={"page": "home"}, body="<button></button>{data}"))
    assert any(one.startswith("button-name") for one in violations(page))


def test_forced_colours_show_the_states_of_seats(pages, site: Site, browser: Browser):
    context = browser.new_context(forced_colors="active", viewport={"width": 390, "height": 780})
    page = context.new_page()
    sale: Sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 3).click()
    border = cell(page, 3).evaluate("(cell) => getComputedStyle(cell).borderTopWidth")
    assert border == "3px"
    assert violations(page) == []
    context.close()
