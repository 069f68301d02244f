"""Paying in a browser, on the pages of the running site and its gateway's sandbox."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser_till import Till, order_in
from tests.support.card_site import PRICE, Desk, look_up_now
from tests.support.site import Site

CONFIRM = re.compile(r"/api/v1/(payments|points/charges)/[^/]+/confirm/$")
BEGIN = re.compile(r"/api/v1/payments/$")
LOOK_AT_IT = "document.dispatchEvent(new Event('visibilitychange'))"
COME_BACK = "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"


@pytest.fixture
def till(site: Site, page: Page) -> Till:
    till = Till(site, page)
    till.open()
    return till


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    desk = Desk(site)
    yield desk
    desk.end_faults()
    desk.close()


def never_known(desk: Desk, order_id: str) -> None:
    """Let the gateway take the money, and say neither so nor anything else, until faults end."""
    desk.fault("reset", call="confirm", order_id=order_id)
    desk.fault("reset", call="find", order_id=order_id, times=1000)
    desk.fault("webhook_reorder", order_id=order_id, seconds=600)


def test_points_pay_at_once_and_a_double_press_pays_once(till: Till):
    till.page.locator("#fr-pay input[name=agreed]").check()
    till.page.get_by_role("button", name="Pay", exact=True).dblclick()
    till.page.wait_for_url("**/done/")
    assert till.status() == "CONFIRMED"
    assert till.payments() == [("POINTS", "PAID")]


def test_a_card_is_confirmed_when_the_gateway_sends_the_browser_back(till: Till):
    till.begin_card()
    till.page.locator("button[value=approve]").click()
    till.page.wait_for_url("**/done/")
    assert till.status() == "CONFIRMED"


def test_the_payment_key_leaves_the_address_and_a_reload_confirms_once(till: Till):
    till.begin_card()
    till.page.route(CONFIRM, lambda route: route.fulfill(status=503, json={"code": "busy"}))
    till.decide("approve")
    expect(till.said).to_contain_text("not complete yet", timeout=60_000)
    expect(till.page.get_by_role("button", name="Complete the payment")).to_be_visible()
    assert till.page.url == f"{till.url}return/?payment={till.payment_id()}"
    till.page.unroute(CONFIRM)
    again = till.page.reload()
    assert again
    assert again.status == 200
    till.page.wait_for_url("**/done/")
    assert till.payments() == [("CARD", "PAID")]


def test_a_fault_after_the_confirm_is_looked_into_and_not_called_a_failure(till: Till):
    till.begin_card()

    def lose(route: Route) -> None:
        assert route.fetch().status == 200
        route.fulfill(status=500, json={"code": "internal_error"})

    till.page.route(CONFIRM, lose)
    till.page.locator("button[value=approve]").click()
    till.page.wait_for_url("**/done/")
    assert till.payments() == [("CARD", "PAID")]


def test_a_fault_after_paying_by_points_leads_to_the_tickets(till: Till):
    def lose(route: Route) -> None:
        assert route.fetch().ok
        route.fulfill(status=500, json={"code": "internal_error"})

    till.page.route(BEGIN, lose)
    till.press_pay()
    till.page.wait_for_url("**/done/")


def test_a_fault_without_an_outcome_says_to_look_before_paying_again(till: Till):
    till.page.route(BEGIN, lambda route: route.fulfill(status=500, json={"code": "internal_error"}))
    till.press_pay()
    expect(till.said).to_contain_text("Look at My tickets before you pay again")


def test_a_declined_card_is_said_to_be_so_and_a_card_can_be_tried_again(till: Till):
    first = till.begin_card()
    till.decide("decline")
    expect(till.said).to_contain_text("The card was declined")
    expect(till.said).to_contain_text("Nothing was charged")
    assert till.status() == "PENDING"
    till.said.get_by_role("link", name="Back to the checkout").click()
    till.page.wait_for_url(till.url)
    assert till.begin_card() != first
    till.page.locator("button[value=approve]").click()
    till.page.wait_for_url("**/done/")


def test_after_a_closed_card_page_points_pay(till: Till):
    till.begin_card()
    till.decide("close")
    expect(till.said).to_contain_text("You closed the payment")
    till.open()
    till.press_pay()
    till.page.wait_for_url("**/done/")
    assert [method for method, state in till.payments() if state == "PAID"] == ["POINTS"]


def test_another_method_after_back_gives_the_open_card_payment_up(till: Till):
    till.begin_card()
    till.open()
    till.press_pay()
    till.page.wait_for_url("**/done/")
    assert [method for method, state in till.payments() if state == "PAID"] == ["POINTS"]


def test_the_same_method_after_back_leads_to_the_same_page_of_the_gateway(till: Till):
    first = till.begin_card()
    till.open()
    assert till.begin_card() == first
    assert len(till.payments()) == 1


def test_a_page_left_for_the_gateway_says_on_return_what_can_be_done(till: Till):
    host = f"http://127.0.0.1:{till.site.port('sandbox')}"
    gone: list[str] = []

    def stay(route: Route) -> None:
        gone.append(route.request.url)
        route.fulfill(status=204)  # the page stays, as the browser's cache brings it back

    till.page.route(f"{host}/**", stay)
    till.press_pay("CARD")
    till.await_that(lambda: gone, "the way to the gateway")
    till.page.evaluate(COME_BACK)
    expect(till.said).to_contain_text("The payment was not finished")
    expect(till.said).to_contain_text(re.compile(r"Time left: \d+:\d\d"))
    expect(till.page.get_by_role("button", name="Pay", exact=True)).to_be_enabled()


def test_a_page_that_is_looked_at_while_it_pays_stays_locked(till: Till):
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    till.page.route(BEGIN, keep)
    till.press_pay()
    till.await_that(lambda: waiting, "the request is sent")
    till.page.evaluate(LOOK_AT_IT)
    till.page.evaluate("fetch('/healthz/live')")  # what a look would do has had its turn
    expect(till.page.get_by_role("button", name="Pay", exact=True)).to_be_disabled()
    expect(till.said).to_contain_text("Working on your payment")
    waiting[0].continue_()
    till.page.wait_for_url("**/done/")


def test_opening_the_way_back_again_gives_nothing_up(till: Till):
    till.begin_card()
    till.page.goto(f"{till.url}return/?payment={till.payment_id()}")
    expect(till.said).to_contain_text("Nothing has been paid yet")
    assert till.payments() == [("CARD", "CREATED")]
    till.page.get_by_role("button", name="Pay another way").click()
    till.page.wait_for_url(till.url)
    assert till.payments() == [("CARD", "ABANDONED")]
    till.page.goto(f"{till.url}return/?payment={till.payment_id()}")
    expect(till.said).to_contain_text("This attempt was given up")


def test_a_gateway_that_hangs_is_waited_for_and_charges_once(till: Till, desk: Desk):
    order_id = order_in(_approved(till, desk))
    expect(till.said).to_contain_text("being confirmed")
    desk.end_faults()
    till.page.wait_for_url("**/done/", timeout=120_000)
    assert desk.captured(order_id) == [PRICE]


def test_while_a_payment_is_confirmed_no_page_says_that_nothing_was_charged(till: Till, desk: Desk):
    other = till.page.context.new_page()
    other.goto(till.url)
    _approved(till, desk)
    expect(till.said).to_contain_text("being confirmed")
    till.end_hold()
    other.evaluate(LOOK_AT_IT)
    said = other.locator("main")
    expect(said).to_contain_text("being confirmed")
    expect(said).not_to_contain_text("Nothing was charged")
    expect(said).not_to_contain_text("Choose again")
    desk.end_faults()
    look_up_now(till.site, {"id": till.payment_id()})
    other.wait_for_url("**/done/", timeout=120_000)


def test_late_money_leads_by_itself_to_the_offer_which_is_taken(till: Till, desk: Desk):
    _approved(till, desk)
    expect(till.said).to_contain_text("being confirmed")
    till.end_hold()
    [rival] = till.site.fans(1)
    body = {"performance_id": till.sale.performance_id, "seat_ids": till.sale.seat_ids[:1]}
    http = till.site.http(rival.access_token)
    till.await_that(
        lambda: http.post("/api/v1/reservations/", json=body).status_code == 201, "the seat is free"
    )
    desk.end_faults()
    look_up_now(till.site, {"id": till.payment_id()})
    till.page.wait_for_url("**/offer/", timeout=120_000)
    till.page.get_by_role("button", name="Take these seats").click()
    till.page.wait_for_url("**/me/reservations/**")
    expect(till.page.locator("main")).to_contain_text("Confirmed")


def _approved(till: Till, desk: Desk) -> str:
    """Pay so that the outcome stays unknown; the browser is at the page of the way back."""
    till.begin_card()
    back = till.answer_of("approve")
    never_known(desk, order_in(back))
    till.page.goto(back)
    # The page says so before the confirm has been taken.
    till.await_that(lambda: till.payments() != [("CARD", "CREATED")], "the confirm is taken")
    return back


def test_a_declined_charge_of_points_does_not_advise_to_pay_by_points(till: Till, desk: Desk):
    till.page.goto(f"{till.site.url}/en/me/points/")
    desk.fault("decline", call="confirm", code="REJECT_CARD_COMPANY")
    till.page.get_by_role("button", name="Top up").click()
    till.page.wait_for_url("**/me/points/return/**")
    expect(till.said).to_contain_text("Try another card.")
    expect(till.said).not_to_contain_text("points.")
    till.said.get_by_role("link", name="Back to points").click()
    till.page.wait_for_url("**/me/points/")


def test_without_enough_points_the_words_say_what_helps(site: Site, page: Page):
    poor = Till(site, page, points=1)
    poor.open()
    poor.press_pay()
    expect(poor.said).to_contain_text("not enough points")
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_enabled()


def test_a_hold_that_lapses_charges_nothing_and_leads_to_the_same_seats(till: Till):
    till.end_hold()
    till.page.evaluate(LOOK_AT_IT)
    expect(till.said).to_contain_text("Nothing was charged")
    link = till.said.get_by_role("link", name="Choose again")
    again = f"#seats={till.held['seats'][0]['id']}&sections=%5B%22A%22%5D"
    expect(link).to_have_attribute("href", f"{till.seats_url}{again}")
    expect(till.page.get_by_role("button", name="Pay", exact=True)).to_be_disabled()


def test_more_time_pressed_twice_is_asked_for_once_and_moves_the_one_timer(till: Till):
    sent: list[str] = []
    till.page.on("request", lambda asked: sent.append(asked.url))
    before = till.page.locator("fr-countdown").get_attribute("at")
    till.page.get_by_role("button", name="More time").dblclick()
    expect(till.page.locator("fr-countdown")).not_to_have_attribute("at", before or "")
    assert len([url for url in sent if url.endswith("/extend/")]) == 1


def test_the_last_minute_opens_a_dialog(till: Till):
    statement = (
        "UPDATE reservations_reservation SET expires_at = now() + interval '75 seconds'"
        " WHERE id = %s RETURNING id"
    )
    assert till.site.rows(statement, till.held["id"])
    till.open()
    dialog = till.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Do you need more?")
    before = till.page.locator("fr-countdown").get_attribute("at")
    dialog.get_by_role("button", name="More time").click()
    expect(dialog).to_have_count(0)
    expect(till.page.locator("fr-countdown")).not_to_have_attribute("at", before or "")
