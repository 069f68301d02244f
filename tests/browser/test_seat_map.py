"""Choosing seats in a browser, against the running site."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP
from tests.support.seat_pages import cell, open_map, show, take
from tests.support.site import Fan, Site
from tests.support.waiting import await_that


def holds(site: Site, fan: Fan) -> list[dict[str, Any]]:
    return site.http(fan.access_token).get("/api/v1/reservations/").json()["results"]


def test_best_seats_are_one_press_on_a_phone(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=40)
    open_map(pages, site, page, sale)
    expect(page.locator("#fr-tab-best")).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Hold the best seats").click()
    page.wait_for_url("**/checkout/**")
    [held] = holds(site, fan)
    assert held["id"] in page.url
    assert [seat["row"] for seat in held["seats"]] == ["1", "1"]


def test_seats_are_chosen_on_the_map_and_held_together(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=40)
    open_map(pages, site, page, sale)
    show(page, "map")
    view = page.locator(".fr-map-view")
    pitch = float(view.get_attribute("data-seat-px") or 0)
    assert pitch > 24  # ten seats in the width of a phone: large enough to press
    frame = view.bounding_box()
    assert frame
    for column in (4, 5):
        x = frame["width"] / 2 + (column - 4.5) * pitch
        view.click(position={"x": x, "y": frame["height"] / 2 + pitch})
    expect(page.locator(".fr-chip")).to_have_count(2)
    page.locator("[data-fr-hold]").click()
    page.wait_for_url("**/checkout/**")
    assert len(holds(site, fan)[0]["seats"]) == 2


def test_keys_alone_choose_and_hold(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=40)
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 1).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    expect(cell(page, 9, row=2)).to_be_focused()
    expect(cell(page, 9, row=2)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#fr-live")).to_have_text("Section A, row 2, seat 9 chosen")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator(".fr-chip")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator("#fr-section")).to_be_focused()
    page.locator("[data-fr-hold]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout/**")
    numbers = {(seat["row"], seat["number"]) for seat in holds(site, fan)[0]["seats"]}
    assert numbers == {("2", "9"), ("2", "1")}


def test_a_cell_says_all_there_is_to_know_in_korean(pages, site: Site, page: Page):
    sale = site.sale(seats=10, price=165_000)
    open_map(pages, site, page, sale, language="ko")
    show(page, "list")
    expect(page.get_by_role("gridcell").nth(2)).to_have_accessible_name(
        "A구역 1열 3번, R석, 165,000원, 선택 가능"
    )


def test_a_hold_elsewhere_shows_without_a_reload(pages, site: Site, page: Page):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    show(page, "list")
    take(site, sale, 3)
    expect(cell(page, 4)).to_have_attribute("data-state", "held")


def test_a_chosen_seat_that_goes_is_reported_with_the_nearest_free_ones(
    pages, site: Site, page: Page, fan: Fan
):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 5).click()
    cell(page, 6).click()
    take(site, sale, 5)
    notice = page.locator("[data-fr-notice=loss]")
    expect(notice).to_contain_text("A-1-6 has just gone")
    expect(notice).to_contain_text("A-2-5, A-2-6")
    expect(page.locator(".fr-chip")).to_have_count(1)  # what is left stays chosen
    page.locator("[data-fr-offer]").click()
    expect(page.locator(".fr-chip")).to_have_text(["A-2-5 ×", "A-2-6 ×"])


def test_of_two_who_press_at_once_one_holds_and_one_is_offered_neighbours(
    pages, site: Site, page: Page, fan: Fan
):
    sale = site.sale(seats=20)
    pages.failing["/stream/"] = (503, {"code": "stream_full"})
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 5).click()
    # The states on this page stay as they were: the hold itself finds out.
    pages.failing["/availability/"] = (503, {"code": "service_unavailable"})
    page.wait_for_timeout(1500)
    take(site, sale, 4)
    page.locator("[data-fr-hold]").click()
    expect(page.locator("[data-fr-notice=loss]")).to_contain_text("has just gone")
    expect(page.locator("[data-fr-offer]")).to_be_visible()
    expect(page.locator("[data-fr-live=no]")).to_contain_text("As of")
    assert holds(site, fan) == []


def test_a_double_press_makes_one_hold(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 5).click()
    page.locator("[data-fr-hold]").dblclick()
    page.wait_for_url("**/checkout/**")
    assert len(holds(site, fan)) == 1


def test_more_than_the_limit_is_said_before_the_server_must(pages, site: Site, page: Page):
    sale = site.sale(seats=20, max_seats_per_fan=2)
    open_map(pages, site, page, sale)
    show(page, "list")
    for number in (1, 2, 3):
        cell(page, number).click()
    expect(page.locator("[data-fr-notice=full]")).to_contain_text("at most 2 seats")
    expect(page.locator(".fr-chip")).to_have_count(2)


def test_an_own_hold_can_be_paid_or_given_back(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=20)
    body = {"performance_id": sale.performance_id, "seat_ids": [sale.seat_ids[0]]}
    made = site.http(fan.access_token).post("/api/v1/reservations/", json=body).json()
    open_map(pages, site, page, sale)
    own = page.locator("[data-fr-own-hold]")
    expect(own).to_contain_text("A-1-1")
    show(page, "list")
    expect(cell(page, 1)).to_have_attribute("data-state", "mine")
    own.get_by_role("button", name="Give the seats back").click()
    expect(own).to_have_count(0)
    expect(cell(page, 1)).to_have_attribute("data-state", "free")
    assert holds(site, fan)[0] == {**holds(site, fan)[0], "id": made["id"], "status": "RELEASED"}


def test_without_a_login_the_way_to_it_is_shown(pages, site: Site, page: Page):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    page.get_by_role("button", name="Hold the best seats").click()
    notice = page.locator("[data-fr-notice=not_authenticated]")
    expect(notice.get_by_role("link", name="Log in")).to_be_visible()


def test_without_an_admission_the_way_leads_to_the_waiting_room(
    pages, site: Site, page: Page, fan: Fan
):
    sale = site.sale(seats=20, queue={"rate_per_second": 1, "capacity": 1})
    open_map(pages, site, page, sale)
    page.get_by_role("button", name="Hold the best seats").click()
    notice = page.locator("[data-fr-notice=queue_token_required]")
    expect(notice.get_by_role("link", name="To the waiting room")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("sale_paused", 409, "The sale is paused"),
        ("hold_backoff", 429, "short wait"),
        ("no_seats_match", 409, "These grades still have some"),
        ("orphan_seat", 409, "single seat alone"),
        ("performance_cancelled", 409, "cancelled"),
    ],
)
def test_a_refusal_says_what_helps(
    pages, site: Site, page: Page, fan: Fan, code: str, status: int, words: str
):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    pages.failing["/api/v1/reservations/"] = (status, {"code": code, "seat_ids": []})
    page.get_by_role("button", name="Hold the best seats").click()
    expect(page.locator(f"[data-fr-notice={code}]")).to_contain_text(words)


def test_busy_is_asked_once_more_with_the_same_key(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    keys: list[str | None] = []
    page.on(
        "request",
        lambda sent: (
            keys.append(sent.headers.get("idempotency-key"))
            if sent.method == "POST" and sent.url.endswith("/reservations/")
            else None
        ),
    )
    pages.failing["/api/v1/reservations/"] = (503, {"code": "busy"})
    page.get_by_role("button", name="Hold the best seats").click()
    await_that(lambda: page.wait_for_timeout(50) or len(keys) == 1, "the first try")
    pages.failing.clear()
    page.wait_for_url("**/checkout/**")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert keys[0]


def test_a_hold_that_ran_out_is_chosen_again(pages, site: Site, page: Page):
    sale = site.sale(seats=20)
    take(site, sale, 1)
    open_map(pages, site, page, sale)
    seats = f"{sale.seat_ids[0]},{sale.seat_ids[1]}"
    page.goto(f"{page.url}#seats={seats}&sections=%5B%22A%22%5D")
    page.reload()
    expect(page.locator(".fr-chip")).to_have_text(["A-1-1 ×"])


def test_a_wide_screen_begins_with_the_map(browser, pages, site: Site, context: BrowserContext):
    sale = site.sale(seats=200, row_length=20)
    page = context.new_page()
    page.set_viewport_size(DESKTOP)
    open_map(pages, site, page, sale)
    expect(page.locator("#fr-tab-map")).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Whole hall").click()


def test_markup_in_what_the_server_says_is_text(pages, site: Site, page: Page):
    sale = site.sale(seats=20)
    markup = "<img src=x onerror=document.title='broken'>"
    pages.failing["/seatmap/"] = (404, {"code": "never_heard_of", "detail": markup})
    open_map(pages, site, page, sale, waits=False)
    expect(page.get_by_role("alert")).to_contain_text(markup)
    assert page.title() == "Frontrow"
    pages.failing.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-fr-live=yes]")).to_be_attached()
