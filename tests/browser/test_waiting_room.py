"""The waiting room's page in a browser, against the running site's queue."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.queue_pages import SLOW, is_on, number, page_of
from tests.support.site import Fan, Sale

LogIn = Callable[[BrowserContext, Fan], None]


def screen(page: Page) -> Any:
    return page.locator("fr-queue")


def test_the_place_is_shown_and_survives_a_reload(pages, site, page: Page, fan: Fan, full: Sale):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    first = number(page)
    assert first >= 5
    expect(page.locator("[data-fr-ahead]")).to_contain_text("3 people")
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    page.reload()
    is_on(page, "waiting", "near")
    assert number(page) == first
    assert pages.count("POST", "/queue/") == 1  # the second time the kept place is asked for


def test_another_device_of_the_same_fan_has_the_same_number(
    pages, site, page: Page, fan: Fan, full: Sale, browser, log_in: LogIn
):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    other = browser.new_context()
    log_in(other, fan)
    second = other.new_page()
    second.goto(page_of(pages, site, full))
    is_on(second, "waiting", "near")
    assert number(second) == number(page)
    other.close()


def test_of_two_tabs_one_asks_for_both(
    pages, site, page: Page, fan: Fan, full: Sale, context: BrowserContext
):
    pages.failing["/stream/"] = (503, {"code": "stream_full"})  # which would need no asking
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    second = context.new_page()
    second.goto(page_of(pages, site, full))
    is_on(second, "waiting", "near")
    page.wait_for_timeout(500)
    before = pages.count("GET", "/queue/")
    page.wait_for_timeout(6000)
    asked = pages.count("GET", "/queue/") - before
    assert 1 <= asked <= 8  # a tab alone asks once in 1 to 2 s here
    assert number(second) == number(page)
    second.close()


def test_offline_shows_the_last_place_and_its_age_and_goes_on_at_once(
    pages, site, page: Page, fan: Fan, full: Sale, context: BrowserContext
):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    before = number(page)
    context.set_offline(True)
    is_on(page, "offline")
    assert number(page) == before
    expect(page.locator(".fr-hint").first).to_contain_text("ago")
    context.set_offline(False)
    is_on(page, "waiting", "near")
    assert number(page) == before


def test_the_turn_is_noticed_and_leads_in_by_itself(pages, site, page: Page, fan: Fan):
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(page_of(pages, site, sale))
    is_on(page, "admitted")
    assert "your turn" in page.title()
    assert str(page.locator("link[rel=icon]").get_attribute("href")).startswith("data:image/svg")
    expect(page.locator("#fr-live")).to_have_text("It is your turn")
    expect(page.get_by_role("button", name="Enter now")).to_be_visible()
    page.wait_for_url("**/seats/", timeout=20_000)  # after ten seconds


def test_who_wants_time_is_not_pushed_in(pages, site, page: Page, fan: Fan):
    sale = site.sale(seats=10, queue={"rate_per_second": 50, "capacity": 100})
    page.goto(page_of(pages, site, sale))
    is_on(page, "admitted")
    page.get_by_role("checkbox").uncheck()
    expect(page.get_by_text("Enter by itself", exact=True)).to_be_visible()
    page.wait_for_timeout(11_000)
    assert page.url.endswith("/queue/")
    page.get_by_role("button", name="Enter now").click()
    page.wait_for_url("**/seats/")


def test_leaving_gives_the_place_up_and_joining_again_is_at_the_end(
    pages, site, page: Page, fan: Fan, full: Sale
):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    before = number(page)
    page.get_by_role("button", name="Leave the line").click()
    is_on(page, "left")
    page.reload()
    is_on(page, "left")  # nobody is put back into a line that they left
    page.get_by_role("button", name="Join again at the end").click()
    is_on(page, "waiting", "near")
    assert number(page) > before


def test_without_a_login_the_way_to_it_is_shown(pages, site, page: Page, full: Sale):
    page.goto(page_of(pages, site, full))
    is_on(page, "login")
    expect(page.get_by_role("link", name="Log in")).to_have_attribute("href", "/account/login/")
    assert pages.count("POST", "/queue/") == 0


def test_a_performance_without_a_room_leads_to_the_seats(pages, site, page: Page, fan: Fan):
    sale = site.sale(seats=10)
    page.goto(page_of(pages, site, sale))
    is_on(page, "not_required")
    expect(page.get_by_role("link", name="Choose seats")).to_be_visible()


@pytest.mark.parametrize(
    ("state", "shown"), [("PAUSED", "paused"), ("DRAINING", "draining"), ("CLOSED", "closed")]
)
def test_a_room_that_staff_stop_says_so(pages, site, page: Page, fan: Fan, state: str, shown: str):
    sale = site.sale(seats=10, queue={**SLOW, "rate_per_second": 1, "state": state})
    page.goto(page_of(pages, site, sale))
    is_on(page, *{"paused": ["paused"], "draining": ["closed"], "closed": ["closed"]}[shown])


def test_the_queue_server_away_is_a_safe_place_and_mends_itself(
    pages, site, page: Page, fan: Fan, full: Sale
):
    page.goto(page_of(pages, site, full))
    is_on(page, "waiting", "near")
    before = number(page)
    pages.failing["/queue/"] = (503, {"code": "queue_unavailable"})
    is_on(page, "unavailable")
    expect(page.locator(".fr-queue-body")).to_contain_text("Your place is safe")
    pages.failing.clear()
    is_on(page, "waiting", "near")
    assert number(page) == before


@pytest.mark.parametrize(
    ("code", "status", "shown", "words"),
    [
        ("rate_limited", 429, "slow_down", "tries again by itself"),
        ("too_many_accounts", 403, "refused", "another one, such as mobile data"),
        ("invitation_invalid", 400, "invitation", "not valid for this performance"),
        ("queue_not_open", 409, "not_open", "Coming first is no advantage"),
    ],
)
def test_a_refusal_has_words_and_a_next_step(
    pages, site, page: Page, fan: Fan, full: Sale, code: str, status: int, shown: str, words: str
):
    pages.failing[f"{full.performance_id}/queue/"] = (status, {"code": code})
    page.goto(page_of(pages, site, full))
    is_on(page, shown)
    expect(page.locator(".fr-queue-card")).to_contain_text(words)


def test_a_proof_of_work_is_done_by_the_page(pages, site, page: Page, fan: Fan):
    challenged = {**SLOW, "abuse_check": "PROOF_OF_WORK", "work_bits": 12}
    sale = site.sale(seats=10, queue=challenged)
    for ahead in site.fans(1):
        site.http(ahead.access_token)
    page.goto(page_of(pages, site, sale))
    is_on(page, "admitted", "waiting", "near")
    assert pages.count("POST", "/queue/") == 2


def test_in_korean_no_english_sentence_is_left(pages, site, page: Page, fan: Fan, full: Sale):
    page.goto(page_of(pages, site, full, language="ko"))
    is_on(page, "waiting", "near")
    words = screen(page).inner_text()
    assert "내 번호" in words
    assert not [word for word in ("your", "people", "the") if word in words.lower().split()]
