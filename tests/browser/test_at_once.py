"""Two fans, two tabs and two devices at once: a seat is held once, and paid once."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE
from tests.support.card_site import PRICE, Desk
from tests.support.seat_pages import cell, open_map, show
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that

LogIn = Callable[[BrowserContext, Fan], None]
PASSWORD = "correct horse battery 9"


@pytest.fixture
def device(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Make the browsers of several people or devices."""
    made: list[BrowserContext] = []

    def make() -> BrowserContext:
        context = browser.new_context(viewport=PHONE, reduced_motion="reduce", locale="en")
        context.set_default_timeout(20_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    made = Desk(site)
    yield made
    made.end_faults()
    made.close()


def test_of_two_fans_who_press_the_same_seat_one_holds_and_one_is_offered_neighbours(
    pages, site: Site, device, log_in: LogIn
):
    sale = site.sale(seats=20)
    tabs: list[Page] = []
    for fan in site.fans(2):
        context = device()
        log_in(context, fan)
        page = context.new_page()
        open_map(pages, site, page, sale)
        show(page, "list")
        cell(page, 5).click()
        tabs.append(page)
    press_at_once(tabs, "[data-fr-hold]")
    await_that(lambda: tabs[0].wait_for_timeout(50) or any(at_checkout(tabs)), "one holds")
    [loser] = [page for page, holds in zip(tabs, at_checkout(tabs), strict=True) if not holds]
    expect(loser.locator("[data-fr-notice=loss]")).to_contain_text("has just gone", timeout=2_000)
    expect(loser.locator("[data-fr-offer]")).to_be_visible()
    assert len(holders(site, sale)) == 1


def press_at_once(tabs: list[Page], button: str) -> None:
    """Press in every tab at the same moment: one after the other, the map would know by then."""
    moment = int(time.time() * 1000) + 1_000
    for page in tabs:
        page.locator(button).evaluate(
            "(button, moment) => { setTimeout(() => button.click(), moment - Date.now()) }", moment
        )


def at_checkout(tabs: list[Page]) -> list[bool]:
    return ["/checkout/" in page.url for page in tabs]


def holders(site: Site, sale: Sale) -> list[Any]:
    statement = "SELECT id FROM reservations_reservation WHERE performance_id = %s"
    return site.rows(statement, sale.performance_id)


class Buyer:
    """A fan on the real pages with a hold, on as many devices as wanted."""

    def __init__(self, site: Site, device: Callable[[], BrowserContext]) -> None:
        self.site, self.device = site, device
        [fan] = site.fans(1, points=2 * PRICE)
        self.http = site.http(fan.access_token)
        self.fan = fan
        sale = site.sale(seats=4, price=PRICE, queue=None)
        body = {"performance_id": sale.performance_id, "seat_ids": sale.seat_ids[:1]}
        self.held = self.http.post("/api/v1/reservations/", json=body).json()
        self.checkout = f"{site.url}/en/checkout/{self.held['id']}/"
        site.give_password(fan, PASSWORD)

    def open(self, context: BrowserContext | None = None) -> Page:
        """Open the checkout: in a new tab of a browser, or on another device after a login."""
        if context is not None:
            page = context.new_page()
            page.goto(self.checkout)
            return page
        page = self.device().new_page()
        page.goto(self.checkout)
        page.locator("input[name=login]").fill(self.fan.email)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main form button").first.click()
        page.wait_for_url("**/checkout/**")
        return page

    def ready(self, page: Page, method: str) -> Page:
        page.locator(f"#fr-pay input[value={method}]").check()
        page.locator("#fr-pay input[name=agreed]").check()
        return page

    def paid(self) -> list[tuple[str, str]]:
        statement = "SELECT method, status FROM payments_payment WHERE reservation_id = %s"
        return [row for row in self.site.rows(statement, self.held["id"]) if row[1] == "PAID"]

    def points(self) -> int:
        return int(self.http.get("/api/v1/points/").json()["balance"]["amount"])


@pytest.fixture
def buyer(site: Site, device) -> Buyer:
    return Buyer(site, device)


def press(page: Page) -> None:
    page.locator("#fr-pay button[value=pay]").evaluate("button => button.click()")


def test_two_tabs_that_pay_at_once_pay_once_and_end_on_the_same_page(buyer: Buyer):
    first = buyer.ready(buyer.open(), "POINTS")
    second = buyer.ready(buyer.open(first.context), "POINTS")
    press(first)
    press(second)
    for page in (first, second):
        page.wait_for_url("**/done/")
    assert buyer.paid() == [("POINTS", "PAID")]
    assert buyer.points() == PRICE


def test_two_devices_that_pay_at_once_pay_once_and_back_and_reload_pay_nothing(buyer: Buyer):
    first = buyer.ready(buyer.open(), "POINTS")
    second = buyer.ready(buyer.open(), "POINTS")
    press(first)
    press(second)
    await_that(
        lambda: first.wait_for_timeout(50) or first.url.endswith("/done/"), "the first is done"
    )
    for page in (first, second):
        page.goto(buyer.checkout)
        page.wait_for_url("**/done/")
        page.go_back()
        page.reload()
    assert buyer.paid() == [("POINTS", "PAID")]
    assert buyer.points() == PRICE


def test_the_way_back_from_the_gateway_on_two_devices_captures_once(buyer: Buyer, desk: Desk):
    page = buyer.ready(buyer.open(), "CARD")
    other = buyer.open()
    press(page)
    returns: list[str] = []
    page.on("request", lambda sent: returns.append(sent.url) if "/return/?" in sent.url else None)
    page.locator("button[value=approve]").click()
    page.wait_for_url("**/done/")
    other.goto(returns[0])
    other.wait_for_url("**/done/")
    page.go_back()
    page.reload()
    [(order,)] = buyer.site.rows(
        "SELECT order_id FROM payments_payment WHERE reservation_id = %s", buyer.held["id"]
    )
    assert desk.captured(order) == [PRICE]
    assert buyer.paid() == [("CARD", "PAID")]


def test_a_hold_that_lapses_on_the_gateways_page_charges_nothing_or_gives_back(
    buyer: Buyer, desk: Desk
):
    page = buyer.ready(buyer.open(), "CARD")
    press(page)
    approve = page.locator("button[value=approve]")
    expect(approve).to_be_visible()
    past = "now() - interval '1 second'"
    for statement in (
        f"UPDATE reservations_seatinventory SET held_until = {past} WHERE reservation_id = %s",
        f"UPDATE reservations_reservation SET expires_at = {past} WHERE id = %s",
    ):
        buyer.site.rows(statement + " RETURNING 1", buyer.held["id"])
    [rival] = buyer.site.fans(1)
    body = {
        "performance_id": buyer.held["performance"]["id"],
        "seat_ids": [buyer.held["seats"][0]["id"]],
    }
    http = buyer.site.http(rival.access_token)
    # The claims of the seat have still to learn that its time is over.
    await_that(
        lambda: http.post("/api/v1/reservations/", json=body).status_code == 201, "a rival holds it"
    )
    approve.click()
    page.wait_for_url("**/return/**")
    status = page.locator("main")
    words = re.compile("nothing was charged|is given back|refunded", re.IGNORECASE)
    expect(status).to_contain_text(words, timeout=60_000)
    assert buyer.paid() == []


def test_a_foreign_next_is_refused(site: Site, device):
    """After a login the browser stands on this site, wherever the address wanted to lead."""
    [fan] = site.fans(1)
    site.give_password(fan, PASSWORD)
    page = device().new_page()
    page.goto(f"{site.url}/account/login/?next=//example.com/en/me/")
    page.locator("input[name=login]").fill(fan.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    expect(page.locator("[data-fr-logged-in]").first).to_be_visible()
    assert urlsplit(page.url).netloc == urlsplit(site.url).netloc


def test_a_forged_return_confirms_nothing(buyer: Buyer, desk: Desk):
    page = buyer.ready(buyer.open(), "CARD")
    press(page)
    expect(page.locator("button[value=approve]")).to_be_visible()
    [(payment, order)] = buyer.site.rows(
        "SELECT id, order_id FROM payments_payment WHERE reservation_id = %s", buyer.held["id"]
    )
    page.goto(f"{buyer.checkout}return/?payment={payment}&paymentKey=made-up&orderId={order}")
    expect(page.locator("[data-fr-status]")).to_be_visible()
    page.wait_for_timeout(1_000)
    assert not page.url.endswith("/done/")
    assert desk.captured(order) == []
    assert buyer.paid() == []
