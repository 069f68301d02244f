"""Cards on a running site: the gateway's desk, and fans who begin, agree and confirm."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import psutil

from tests.support import sandbox
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

PRICE = 70_000
POINTS = 20_000
NEVER = 600  # seconds: until long after the test


class Desk:
    """The stack's sandbox, as its operator sees it."""

    def __init__(self, site: Site) -> None:
        url = f"http://127.0.0.1:{site.port('sandbox')}"
        self._http = httpx.Client(base_url=url, auth=(site.env["PAYMENT_GATEWAY_SECRET"], ""))

    def fault(self, kind: str, **more: object) -> None:
        self._http.post("/sandbox/faults", json={"kind": kind, **more}).raise_for_status()

    def close(self) -> None:
        self._http.close()

    def end_faults(self) -> None:
        self._http.delete("/sandbox/faults").raise_for_status()

    def captured(self, order_id: str) -> list[int]:
        """Return the amounts that were captured for an order, and not given back."""
        ledger = self._http.get("/sandbox/ledger").json()
        assert not [one for one in ledger["refunds"] if one["orderId"] == order_id]
        return [one["amount"] for one in ledger["captures"] if one["orderId"] == order_id]

    def give_back(self, payment_key: str) -> None:
        """Refund all of a payment by hand."""
        path = f"/v1/payments/{payment_key}/cancel"
        self._http.post(path, json={"cancelReason": "by hand"}).raise_for_status()

    def webhooks(self, order_id: str) -> list[dict]:
        """Return what became of an order's webhooks; others have tests with faults of their own."""
        every = self._http.get("/sandbox/webhooks").json()["webhooks"]
        return [one for one in every if one["order_id"] == order_id]


def begun(site: Site, sale: Sale, **more: object) -> tuple[Shopper, dict]:
    """Return a fan who holds a seat, and the payment by card that was begun for it."""
    [fan] = site.fans(1, points=50_000)
    shopper = Shopper(site, fan)
    held = shopper.hold(sale.performance_id, sale.seat_ids[:1]).json()
    body = {"reservation_id": held["id"], "method": "CARD", **more}
    answer = shopper.send(
        "POST", "/payments/", json=body, headers={"Idempotency-Key": str(uuid4())}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "REQUIRES_ACTION"
    return shopper, answer.json()


def agreed(payment: dict) -> str:
    """Agree on the gateway's page; return the key that the browser brings back."""
    back = sandbox.decide(payment["checkout_url"], "approve").headers["location"]
    query = parse_qs(urlsplit(back).query)
    assert (query["payment"], query["orderId"]) == ([payment["id"]], [payment["order_id"]])
    return query["paymentKey"][0]


def confirmed(shopper: Shopper, payment: dict, key: str) -> httpx.Response:
    return shopper.send(
        "POST",
        f"/payments/{payment['id']}/confirm/",
        json={"payment_key": key},
        headers={"Idempotency-Key": str(uuid4())},
    )


def status(site: Site, payment: dict) -> str:
    return site.rows("SELECT status FROM payments_payment WHERE id = %s", payment["id"])[0][0]


def look_up_now(site: Site, payment: dict) -> None:
    """Bring the next look-up forward, instead of waiting a minute for it."""
    statement = "UPDATE payments_payment SET resolve_after = now() WHERE id = %s RETURNING id"
    assert site.rows(statement, payment["id"])


def ask_once(shopper: Shopper, payment: dict, key: str) -> httpx.Response | None:
    """Confirm without a second try; None where nobody responded."""
    try:
        return shopper.http.post(
            f"/api/v1/payments/{payment['id']}/confirm/",
            json={"payment_key": key},
            headers={"Idempotency-Key": str(uuid4())},
            timeout=60,
        )
    except httpx.TransportError:
        return None


def api_workers(site: Site) -> list[psutil.Process]:
    """Return the processes that answer requests; found before the fault, which has no time."""
    workers = psutil.Process(site.process("api")["pid"]).children(recursive=True)
    assert workers
    return workers


def amid_the_confirm(
    site: Site, desk: Desk, sale: Sale, *, seconds: float, then: Callable[[dict, str], object]
) -> tuple[Shopper, dict, httpx.Response | None]:
    """Do `then` while the gateway, which has the money, keeps the API waiting for `seconds`.

    No webhook comes meanwhile. Returns the fan, the payment and what the confirm responded.
    """
    shopper, payment = begun(site, sale, points_amount=POINTS)
    key = agreed(payment)
    desk.fault("hang", call="confirm", order_id=payment["order_id"], seconds=seconds)
    desk.fault("webhook_reorder", order_id=payment["order_id"], seconds=NEVER)
    with ThreadPoolExecutor(1) as pool:
        confirming = pool.submit(ask_once, shopper, payment, key)
        await_that(lambda: desk.captured(payment["order_id"]), "the gateway has the money")
        assert status(site, payment) == "REQUESTED"
        then(payment, key)
        return shopper, payment, confirming.result(timeout=90)
