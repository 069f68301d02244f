"""Paying in a browser, against the running site and its gateway's sandbox."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from kernel import clock
from tests.support import sandbox
from tests.support.browser_pages import BrowserPages
from tests.support.card_site import PRICE, Desk
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that

LogIn = Callable[[BrowserContext, Fan], None]
FORM = """<h1>Checkout</h1>
<p class="fr-timer">Held until <fr-countdown at="{expires_at}">soon</fr-countdown></p>
<form method="post" id="fr-pay"><fieldset><legend>Pay by</legend>
<label><input type="radio" name="method" value="POINTS" checked> Points</label>
<label><input type="radio" name="method" value="CARD"> Card</label></fieldset>
<button class="fr-button is-primary">Pay</button><p data-fr-status role="status"></p></form>
<form method="post" id="fr-extend"><button>Extend</button></form>{{data}}"""
CONFIRM = """<h1>Your payment</h1><p class="fr-notice">Without scripts: press the button.</p>
<form method="post" id="fr-confirm"><button>Complete</button>
<p data-fr-status role="status"></p></form>{data}"""


class Till:
    """A fan with a held seat, before the pages of paying."""

    def __init__(self, pages: BrowserPages, site: Site, page: Page, fan: Fan, sale: Sale) -> None:
        self.pages, self.site, self.page, self.fan = pages, site, page, fan
        self.http = site.http(fan.access_token)
        body = {"performance_id": sale.performance_id, "seat_ids": sale.seat_ids[:1]}
        self.held = self.http.post("/api/v1/reservations/", json=body).json()

    def open(self, **changes: Any) -> None:
        self.held = {**self.held, **changes}
        urls = {name: f"/en/{name}/" for name in ("done", "seats", "back")}
        data = {
            "page": "checkout",
            "now": clock.now().isoformat(),
            "reservation": self.held,
            "points": {"amount": 0, "currency": "KRW"},
            "urls": {**urls, "return": f"{self.site.url}/en/return/"},
        }
        body = FORM.format(expires_at=self.held["expires_at"])
        self.page.goto(self.pages.add("/checkout/", script="checkout", data=data, body=body))

    def come_back(self, query: dict[str, list[str]]) -> None:
        """Open the page that the gateway leads back to, as the site makes it."""
        failure = {"code": query["code"][0]} if "code" in query else None
        data = {
            "page": "return",
            "now": clock.now().isoformat(),
            "kind": "payment",
            "id": query["payment"][0],
            "payment_key": query.get("paymentKey", [None])[0],
            "order_id": query["orderId"][0],
            "failure": failure,
            "urls": {"done": "/en/done/", "back": "/en/checkout/"},
        }
        url = self.pages.add("/return/", script="checkout", data=data, body=CONFIRM)
        self.page.goto(f"{url}?paymentKey=secret-of-this-payment")

    def begin_card(self) -> str:
        """Begin a card payment; returns the address of the gateway's page, which isn't opened."""
        gone: list[str] = []
        host = f"http://127.0.0.1:{self.site.port('sandbox')}"

        def stay(route: Route) -> None:
            gone.append(route.request.url)
            route.fulfill(status=204)  # an error's page would come later, over the next one

        self.page.route(f"{host}/**", stay)
        self.page.get_by_label("Card").check()
        self.page.get_by_role("button", name="Pay").click()
        await_that(lambda: self.page.wait_for_timeout(50) or gone, "the way to the gateway")
        return gone[0]

    def status(self) -> str:
        return self.http.get(f"/api/v1/reservations/{self.held['id']}/").json()["status"]

    def payments(self) -> list[tuple[str, str]]:
        statement = "SELECT method, status FROM payments_payment WHERE reservation_id = %s"
        return self.site.rows(statement + " ORDER BY id", self.held["id"])


@pytest.fixture
def till(pages, site: Site, page: Page, context: BrowserContext, log_in: LogIn) -> Till:
    [fan] = site.fans(1, points=PRICE)
    log_in(context, fan)
    return Till(pages, site, page, fan, site.sale(seats=2, price=PRICE, queue=None))


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    desk = Desk(site)
    yield desk
    desk.end_faults()
    desk.close()


def back_from(url: str, action: str) -> dict[str, list[str]]:
    """Decide on the gateway's page; returns what it sends back."""
    return parse_qs(urlsplit(sandbox.decide(url, action).headers["location"]).query)


def test_points_pay_at_once_and_a_double_press_pays_once(till: Till):
    till.open()
    till.page.get_by_role("button", name="Pay").dblclick()
    till.page.wait_for_url("**/done/")
    assert till.status() == "CONFIRMED"
    assert till.payments() == [("POINTS", "PAID")]


def test_a_card_is_confirmed_when_the_gateway_sends_the_browser_back(till: Till):
    till.open()
    till.come_back(back_from(till.begin_card(), "approve"))
    till.page.wait_for_url("**/done/")
    assert till.status() == "CONFIRMED"


def test_the_payment_key_leaves_the_address_and_a_reload_confirms_nothing_twice(till: Till):
    till.open()
    query = back_from(till.begin_card(), "approve")
    till.pages.failing["/confirm/"] = (503, {"code": "service_unavailable"})
    till.come_back(query)
    expect(till.page.locator("[data-fr-status]")).to_contain_text("Please do not pay again")
    assert till.page.url.endswith("/return/")
    till.pages.failing.clear()
    till.page.reload()
    till.page.wait_for_url("**/done/")
    assert till.payments() == [("CARD", "PAID")]


def test_a_decline_says_that_nothing_was_charged_and_leads_back(till: Till):
    till.open()
    till.come_back(back_from(till.begin_card(), "decline"))
    status = till.page.locator("[data-fr-status]")
    expect(status).to_contain_text("Nothing was charged")
    expect(status.get_by_role("link", name="Back to the checkout")).to_be_visible()
    expect(till.page.get_by_text("Without scripts")).to_have_count(0)
    assert till.status() == "PENDING"


def test_after_a_closed_card_page_points_pay(till: Till):
    till.open()
    till.come_back(back_from(till.begin_card(), "close"))
    expect(till.page.locator("[data-fr-status]")).to_contain_text("You closed the payment")
    till.open()
    till.page.get_by_role("button", name="Pay").click()
    till.page.wait_for_url("**/done/")
    assert [method for method, state in till.payments() if state == "PAID"] == ["POINTS"]


def test_another_method_after_back_gives_the_open_card_payment_up(till: Till):
    till.open()
    till.begin_card()
    till.open()
    till.page.get_by_role("button", name="Pay").click()
    till.page.wait_for_url("**/done/")
    assert [method for method, state in till.payments() if state == "PAID"] == ["POINTS"]


def test_the_same_method_after_back_leads_to_the_same_page_of_the_gateway(till: Till):
    till.open()
    first = till.begin_card()
    till.open()
    assert till.begin_card() == first
    assert len(till.payments()) == 1


def test_a_gateway_that_hangs_is_waited_for_and_charges_once(till: Till, desk: Desk):
    till.open()
    query = back_from(till.begin_card(), "approve")
    desk.fault("reset", call="confirm", order_id=query["orderId"][0])
    till.come_back(query)
    expect(till.page.locator("[data-fr-status]")).to_contain_text("being confirmed")
    till.page.wait_for_url("**/done/", timeout=90_000)
    assert desk.captured(query["orderId"][0]) == [PRICE]


def test_without_enough_points_the_words_say_what_helps(
    pages, site: Site, page: Page, context: BrowserContext, log_in: LogIn
):
    [poor] = site.fans(1, points=1)
    log_in(context, poor)
    till = Till(pages, site, page, poor, site.sale(seats=2, price=PRICE, queue=None))
    till.open()
    page.get_by_role("button", name="Pay").click()
    expect(page.locator("[data-fr-status]")).to_contain_text("not enough points")
    expect(page.get_by_role("button", name="Pay")).to_be_enabled()


def test_a_hold_that_lapsed_charges_nothing_and_leads_to_the_same_seats(till: Till):
    till.http.delete(f"/api/v1/reservations/{till.held['id']}/")
    till.open(expires_at="2026-01-01T00:00:00.000Z")
    status = till.page.locator("[data-fr-status]")
    expect(status).to_contain_text("Nothing was charged")
    link = status.get_by_role("link", name="Choose again")
    again = f"/en/seats/#seats={till.held['seats'][0]['id']}&sections=%5B%22A%22%5D"
    expect(link).to_have_attribute("href", again)
    expect(till.page.get_by_role("button", name="Pay")).to_be_disabled()


def test_more_time_is_offered_and_moves_the_one_timer(till: Till):
    till.open()
    before = till.page.locator("fr-countdown").get_attribute("at")
    till.page.wait_for_timeout(1100)
    till.page.get_by_role("button", name="Extend").click()
    expect(till.page.locator("fr-countdown")).not_to_have_attribute("at", before or "")


def test_the_last_minute_opens_a_dialog(till: Till):
    soon = clock.now().timestamp() + 62
    at = clock.now().fromtimestamp(soon, tz=clock.now().tzinfo).isoformat()
    till.open(expires_at=at)
    dialog = till.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Do you need more?")
    dialog.get_by_role("button", name="More time").click()
    expect(dialog).to_have_count(0)
    await_that(
        lambda: till.page.wait_for_timeout(50) or till.pages.count("POST", "/extend/"), "it is sent"
    )
    assert till.pages.count("POST", "/extend/") == 1
