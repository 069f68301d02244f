"""A caller whose trace is recorded, and the purchase that it makes."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from tests.support.shopper import Shopper
from tests.support.site import Fan, Sale, Site

# Spans that a purchase has at least.
OF_A_PURCHASE = {
    *("POST queue", "POST reservations", "POST payments", "gateway", "batch of hold"),
    *("publish reservation.held", "publish payment.paid", "publish reservation.confirmed"),
    *("consume reservation.confirmed", "mail reservation_confirmed"),
}


class Traced:
    """Headers of a caller whose trace is recorded; `span_id` is the caller's own span."""

    def __init__(self, site: Site) -> None:
        self.trace_id, self.span_id = token_hex(16), token_hex(8)
        self.headers = {
            "traceparent": f"00-{self.trace_id}-{self.span_id}-01",
            "X-Trace-Token": site.exports["OPS_TOKEN"],
        }


@dataclass(frozen=True)
class TracedPurchase:
    """What was bought, by whom, and the place in the line that led there."""

    sale: Sale
    fan: Fan
    place: dict[str, Any]

    def secrets(self) -> list[str]:
        """Return what no span may say."""
        mine = [self.fan.access_token, self.fan.email, self.fan.user_id]
        return [*mine, self.place["token"], self.place["pass"], *self.sale.seat_ids]


def buy(site: Site, traced: Traced) -> TracedPurchase:
    """Wait, hold two seats and pay by points, all in one trace."""
    sale = site.sale(seats=2, queue={"rate_per_second": 50, "capacity": 10})
    [fan] = site.fans(1, 500_000)
    shopper = Shopper(site, fan)
    shopper.http.headers.update(traced.headers)
    place = shopper.join(sale.performance_id)
    body = {"performance_id": sale.performance_id, "seat_ids": list(sale.seat_ids)}
    held = shopper.send(
        "POST", "/reservations/", json=body, headers={"X-Queue-Token": place["pass"]}
    )
    assert held.status_code == 201, held.text
    paid = shopper.pay(held.json()["id"])
    assert paid.json()["status"] == "PAID", paid.text
    return TracedPurchase(sale, fan, place)


def refused_hold(site: Site) -> Traced:
    """Ask for a seat that somebody has, as a caller whose trace is recorded; return the caller."""
    sale = site.sale(seats=1, queue=None)
    first, second = (Shopper(site, fan) for fan in site.fans(2, 0))
    assert first.hold(sale.performance_id, sale.seat_ids).status_code == 201
    traced = Traced(site)
    second.http.headers.update(traced.headers)
    assert second.hold(sale.performance_id, sale.seat_ids).json()["code"] == "seat_taken"
    return traced
