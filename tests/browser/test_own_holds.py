"""The fan's own hold on the seat map, and what is wished for while seats go."""

import json
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Request, Route, expect

from kernel import clock
from tests.support.seat_pages import cell, open_map, show, take
from tests.support.site import Fan, Site
from tests.support.waiting import await_that

RESERVATIONS = "**/api/v1/reservations/**"


@pytest.fixture
def stays(page: Page) -> list[str]:
    """Keep the page where it is when it leads to the checkout, as the browser's cache does."""
    gone: list[str] = []

    def stay(route: Route) -> None:
        gone.append(route.request.url)
        route.fulfill(status=204)

    page.route("**/checkout/**", stay)
    return gone


def test_seats_just_held_are_the_fans_own_and_have_not_gone(
    pages, site: Site, page: Page, fan: Fan, stays: list[str]
):
    sale = site.sale(seats=20)
    open_map(pages, site, page, sale)
    show(page, "list")
    cell(page, 2).click()
    page.locator("[data-fr-hold]").click()
    expect(page.locator("[data-fr-own-hold]")).to_contain_text("A-1-2")
    take(site, sale, 5)  # the states that show it show the own hold as held too
    expect(cell(page, 6)).to_have_attribute("data-state", "held")
    expect(cell(page, 2)).to_have_attribute("data-state", "mine")
    expect(page.locator("[data-fr-notice]")).to_have_count(0)
    expect(page.locator(".fr-chip")).to_have_count(0)
    assert stays


def test_a_hold_whose_time_is_over_is_no_longer_ones_own(pages, site: Site, page: Page, fan: Fan):
    sale = site.sale(seats=20)
    body = {"performance_id": sale.performance_id, "seat_ids": sale.seat_ids[:1]}
    made = site.http(fan.access_token).post("/api/v1/reservations/", json=body)
    assert made.status_code == 201, made.text

    def soon_over(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for one in found["results"]:
            one["expires_at"] = (clock.now() + timedelta(seconds=4)).isoformat()
        route.fulfill(response=answer, body=json.dumps(found))

    page.route(RESERVATIONS, soon_over)
    open_map(pages, site, page, sale)
    show(page, "list")
    expect(cell(page, 1)).to_have_attribute("data-state", "mine")
    expect(page.locator("[data-fr-own-hold]")).to_have_count(0, timeout=10_000)
    expect(cell(page, 1)).to_have_attribute("data-state", "held")


def test_a_grade_that_sells_out_while_it_is_chosen_stays_the_wish(
    pages, site: Site, page: Page, fan: Fan, stays: list[str]
):
    """It would drop out of the form if it were disabled, and any grade would be held instead."""
    sale = site.sale(seats=2)
    open_map(pages, site, page, sale)
    page.locator("input[name=grade]").nth(1).check()
    take(site, sale, 0, 1)
    expect(page.locator(".fr-best")).to_contain_text("0 left")
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
    page.get_by_role("button", name="Hold the best seats").click()
    expect(page.locator("[data-fr-notice=no_seats_match]")).to_be_visible()
    await_that(lambda: sent, "the wish is sent")
    wish = next(one for one in sent if one.url.endswith("/reservations/")).post_data_json
    assert wish["best_available"]["grade"]
    assert stays == []
