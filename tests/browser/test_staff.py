"""The pages for staff in Chromium: live, accessible in each form, by the policy of pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import FORMS, scrolls_sideways, violations
from tests.support.page_faults import faults_of
from tests.support.site import Sale, Site

SIZES = {"phone": (320, 640), "desktop": (1280, 900)}
ROOM = {"rate_per_second": 50, "capacity": 1}


@pytest.fixture(params=FORMS, ids="-".join)
def form(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Any]:
    """A language, and a browser of an operator in light or dark."""
    language, scheme = request.param
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_cookies([site.staff("operator")])
    page = context.new_page()
    faults = faults_of(page)
    yield language, page
    assert faults == []
    context.close()


@pytest.fixture(scope="module")
def sale(site: Site) -> Sale:
    return site.sale(seats=60, row_length=10, queue=ROOM)


def at(site: Site, language: str, sale: Sale | None = None, rest: str = "") -> str:
    one = f"performances/{sale.performance_id}/" if sale else ""
    return f"{site.url}/{language}/staff/{one}{rest}"


def looks_right(page: Page) -> None:
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert violations(page) == []
        assert not scrolls_sideways(page)


def test_the_list_has_no_violation(site: Site, sale: Sale, form: tuple[str, Page]):
    language, page = form
    page.goto(at(site, language))
    expect(page.locator("main .fr-card").first).to_be_visible()
    looks_right(page)


def test_the_board_is_live_and_has_no_violation(site: Site, sale: Sale, form: tuple[str, Page]):
    language, page = form
    page.goto(at(site, language, sale))
    expect(page.locator("fr-board")).to_have_attribute("data-fr-live", "yes")
    expect(page.locator("[data-fr-map]")).to_be_visible()
    assert page.locator(".uplot canvas").count() == 4
    looks_right(page)
    free = int(page.locator('[data-fr-figure="available"]').inner_text())
    held = int(page.locator('[data-fr-figure="held"]').inner_text())
    fans = site.fans(1)
    site.change_room(sale, queue_required=False)
    api = site.http(fans[0].access_token)
    taken = sale.seat_ids[len(sale.seat_ids) - free :][:2]
    body = {"performance_id": sale.performance_id, "seat_ids": list(taken)}
    assert api.post("/api/v1/reservations/", json=body).status_code == 201
    expect(page.locator('[data-fr-figure="held"]')).to_have_text(str(held + 2))
    expect(page.locator('[data-fr-figure="available"]')).to_have_text(str(free - 2))


def test_the_controls_of_the_room_have_no_violation(site: Site, form: tuple[str, Page]):
    language, page = form
    sale = site.sale(seats=4, queue=ROOM)
    page.goto(at(site, language, sale, "queue/"))
    looks_right(page)
    page.locator("textarea[name=reason]").first.fill("slow card network")
    page.locator("button[name=state][value=PAUSED]").press("Enter")
    expect(page.locator("button[value=confirm]")).to_be_visible()
    looks_right(page)
    page.locator("button[value=confirm]").press("Enter")
    expect(page.locator("button[value=undo]")).to_be_visible()
    looks_right(page)


def test_seats_are_dragged_on_the_map_and_the_pages_have_no_violation(
    site: Site, sale: Sale, form: tuple[str, Page]
):
    language, page = form
    page.goto(at(site, language, sale, "seats/"))
    canvas = page.locator("[data-fr-map]")
    expect(canvas).to_be_visible()
    looks_right(page)
    box = canvas.bounding_box()
    assert box
    canvas.hover(position={"x": 5, "y": 5})  # its corners are round
    page.mouse.down()
    canvas.hover(position={"x": box["width"] - 5, "y": box["height"] - 5})
    page.mouse.up()
    expect(page.locator("[name=x_to]")).not_to_have_value("")
    page.locator("#fr-area button").press("Enter")
    expect(page.locator("#chosen")).to_contain_text("60")
    looks_right(page)
    page.locator("textarea[name=note]").fill("crane")
    action = "block" if language == "ko" else "unblock"
    page.locator(f"button[value={action}]").press("Enter")
    expect(page.locator(".fr-notice.is-good").first).to_be_visible()


def test_halting_a_sale_has_no_violation(site: Site, form: tuple[str, Page]):
    language, page = form
    sale = site.sale(seats=4, queue=ROOM)
    page.goto(at(site, language, sale, "sale/"))
    looks_right(page)
    for name in ("halt", "resume"):
        page.locator("textarea[name=reason]").fill("fire alarm")
        page.locator(f"button[value=show_{name}]").press("Enter")
        looks_right(page)
        page.locator(f"button[value={name}]").press("Enter")
        expect(page.locator(".fr-notice.is-good").first).to_be_visible()
        looks_right(page)


@pytest.mark.parametrize("rest", ["prepare/", "layout/"])
def test_preparation_has_no_violation(site: Site, sale: Sale, form: tuple[str, Page], rest: str):
    language, page = form
    page.goto(at(site, language, sale, rest))
    looks_right(page)


@pytest.mark.parametrize("rest", ["fans/", "approvals/"])
def test_fans_and_approvals_have_no_violation(site: Site, form: tuple[str, Page], rest: str):
    language, page = form
    page.goto(at(site, language, rest=rest))
    looks_right(page)


def test_a_fan_s_page_has_no_violation(site: Site, sale: Sale, form: tuple[str, Page]):
    language, page = form
    [fan] = site.fans(1, points=50_000)
    page.goto(at(site, language, rest="fans/"))
    page.locator("input[name=what]").fill(fan.email)
    page.locator("textarea[name=reason]").fill("caller 17")
    page.locator("main button.is-primary").press("Enter")
    expect(page.locator(".fr-timeline li").first).to_be_visible()
    for one in page.locator("details > summary").all():
        one.press("Enter")
    looks_right(page)


def test_the_board_says_when_its_login_has_ended(site: Site, sale: Sale, form: tuple[str, Page]):
    language, page = form
    page.goto(at(site, language, sale))
    expect(page.locator("fr-board")).to_have_attribute("data-fr-live", "yes")
    page.context.clear_cookies()
    expect(page.locator("[data-fr-late]")).to_be_visible()
    assert violations(page) == []
