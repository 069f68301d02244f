"""A fan at the checkout of the running site, in a browser: the real pages and the gateway's."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from tests.support import sandbox
from tests.support.card_site import PRICE
from tests.support.site import Sale, Site
from tests.support.waiting import await_that


class Till:
    """A fan who is logged in and holds a seat."""

    def __init__(
        self, site: Site, page: Page, *, points: int = PRICE, seats: int = 1, **policy: object
    ) -> None:
        self.site, self.page = site, page
        [self.fan] = site.fans(1, points=points)
        self.sale: Sale = site.sale(seats=4, price=PRICE, queue=None, **policy)
        page.context.add_cookies([site.login(self.fan)])
        self.http = site.http(self.fan.access_token)
        body = {
            "performance_id": self.sale.performance_id,
            "seat_ids": self.sale.seat_ids[:seats],
        }
        self.held: dict[str, Any] = self.http.post("/api/v1/reservations/", json=body).json()
        self.url = f"{site.url}/en/checkout/{self.held['id']}/"

    def open(self) -> None:
        self.page.goto(self.url)

    @property
    def said(self) -> Locator:
        """Where the scripts say what is so."""
        return self.page.locator("[data-fr-status]")

    @property
    def seats_url(self) -> str:
        return f"/en/performances/{self.sale.performance_id}/seats/"

    def press_pay(self, method: str = "POINTS") -> None:
        self.page.locator(f"#fr-pay input[value={method}]").check()
        self.page.locator("#fr-pay input[name=agreed]").check()
        self.page.get_by_role("button", name="Pay", exact=True).click()

    def begin_card(self) -> str:
        """Begin a card payment; returns the address of the gateway's page, where the browser is."""
        self.press_pay("CARD")
        self.page.wait_for_url(f"**:{self.site.port('sandbox')}/**")
        return self.page.url

    def decide(self, action: str) -> None:
        """Press a button of the gateway's page, which leads back."""
        self.page.locator(f"button[value={action}]").click()
        self.page.wait_for_url("**/return/**")

    def answer_of(self, action: str) -> str:
        """Decide elsewhere; returns the address that the gateway would lead back to."""
        return sandbox.decide(self.page.url, action).headers["location"]

    def status(self) -> str:
        return self.http.get(f"/api/v1/reservations/{self.held['id']}/").json()["status"]

    def payments(self) -> list[tuple[str, str]]:
        statement = "SELECT method, status FROM payments_payment WHERE reservation_id = %s"
        return self.site.rows(statement + " ORDER BY id", self.held["id"])

    def payment_id(self) -> str:
        statement = "SELECT id FROM payments_payment WHERE reservation_id = %s ORDER BY id DESC"
        return str(self.site.rows(statement, self.held["id"])[0][0])

    def end_hold(self) -> None:
        """Let the time be over, as the server judges it, and nobody look a payment up."""
        self.site.rows(
            "UPDATE payments_payment SET resolve_after = now() + interval '1 hour'"
            " WHERE reservation_id = %s AND resolve_after IS NOT NULL RETURNING id",
            self.held["id"],
        )
        for table, column, key in (
            ("reservations_reservation", "expires_at", "id"),
            ("reservations_seatinventory", "held_until", "reservation_id"),
        ):
            statement = (
                f"UPDATE {table} SET {column} = now() - interval '1 second'"
                f" WHERE {key} = %s RETURNING {key}"
            )
            assert self.site.rows(statement, self.held["id"])
        self.await_that(lambda: self.status() == "EXPIRED", "the hold is over")

    def await_that(self, holds: Any, words: str) -> None:
        """Await what happens while the page goes on running."""
        await_that(lambda: self.page.wait_for_timeout(50) or holds(), words)


def order_in(url: str) -> str:
    """Return the order that the address of the way back names."""
    return parse_qs(urlsplit(url).query)["orderId"][0]
