"""Paying by card as a browser does: begin, the gateway's page, the way back, confirm, ask again."""

import time
from urllib.parse import parse_qs, urlsplit

from proof.rush.buying import HOLDS, PAYMENTS, keyed, pay, thought_at
from proof.rush.choosing import FanPlan, PageEnd
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, FanCaller, Life, Part, Step, new_key

_PAGE_ATTEMPTS, _PAGE_PAUSE = 3, 1.0
_ASKS, _ASK_SECONDS = 30, 2.0  # for a payment whose outcome the site does not know yet
_OPEN = "REQUIRES_ACTION"


def pay_by_card(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Life:
    """Pay for what is held on the gateway's page; by points where the card comes to nothing.

    Who closes the page gives the seats back.
    """
    begun: Answer | None = yield from _begin(caller, plan, sale, held)
    document = begun.json() if begun is not None and begun.is_ok else {}
    if document.get("status") != _OPEN:
        return (yield from pay(caller, plan, sale, held))
    payment_key = yield from _decide(caller, plan, document["checkout_url"])
    if plan.at_page is PageEnd.CLOSE:
        yield _release(caller, held)
        return "closed the page"
    if payment_key:
        answer = yield from _confirm(caller, plan, sale, held, document["id"], payment_key)
        status = yield from _outcome(caller, sale, held, document["id"], answer)
        if status == "PAID":
            sale.sold(held.record.seat_ids, held.record.reservation_id)
            return "paid by card"
        if status not in ("FAILED", _OPEN):
            return f"card: {status}"
        if status == "FAILED":
            return (yield from pay(caller, plan, sale, held))
    yield caller.call("abandon", "POST", f"{PAYMENTS}{document['id']}/abandon/")
    return (yield from pay(caller, plan, sale, held))


def _begin(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Part:
    """Begin an attempt; return the answer, None where none was clear."""
    record, key, thought = held.record, new_key(), thought_at(plan, sale)
    body = {"reservation_id": record.reservation_id, "method": "CARD"}

    def step(at: float) -> Step:
        return caller.call("begin", "POST", PAYMENTS, at=max(at, thought), body=body, key=key,
                           reservation_id=record.reservation_id, seat_ids=record.seat_ids,
                           paid_by="CARD")  # fmt: skip

    return (yield from keyed(step, plan, sale))


def _decide(caller: FanCaller, plan: FanPlan, url: str) -> Part:
    """Open the gateway's page and press a button; return the payment key, "" where there is none.

    A page that does not come is opened again.
    """
    path, at = urlsplit(url).path, time.monotonic()
    for _ in range(_PAGE_ATTEMPTS):
        [answer] = yield caller.page("GET", path, at=at)
        if answer.is_ok:
            [answer] = yield caller.page("POST", path, form=f"action={plan.at_page}")
            if answer.status == "303":
                query = parse_qs(urlsplit(answer.header("location")).query)
                return query.get("paymentKey", [""])[0]
        if answer.is_refused:
            break
        at = time.monotonic() + _PAGE_PAUSE
    return ""


def _confirm(
    caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer, payment: str, payment_key: str
) -> Part:
    record, key = held.record, new_key()

    def step(at: float) -> Step:
        return caller.call("pay", "POST", f"{PAYMENTS}{payment}/confirm/", at=at, key=key,
                           body={"payment_key": payment_key}, paid_by="CARD",
                           reservation_id=record.reservation_id,
                           seat_ids=record.seat_ids)  # fmt: skip

    return (yield from keyed(step, plan, sale))


def _outcome(
    caller: FanCaller, sale: RushSale, held: Answer, payment: str, answer: Answer | None
) -> Part:
    """Return the status of a confirmed payment; asks until the site knows it, or for a minute."""
    if answer is not None and answer.is_refused:
        return f"refused ({answer.record.code})"
    status: str = "unknown" if answer is None else answer.json()["status"]
    record, asks = held.record, 0
    while status in ("unknown", "PROCESSING") and asks < _ASKS:
        sale.kept(record.seat_ids)  # by money of which nobody knows where it is
        asks += 1
        [asked] = yield caller.call(
            "payment", "GET", f"{PAYMENTS}{payment}/", at=time.monotonic() + _ASK_SECONDS,
            reservation_id=record.reservation_id, seat_ids=record.seat_ids, paid_by="CARD",
        )  # fmt: skip
        if asked.is_ok:
            document = asked.json()
            status = asked.record.state = document["status"]
            asked.record.payment_id = payment
            asked.record.amount = document["amount"]["amount"]
    return status


def _release(caller: FanCaller, held: Answer) -> Step:
    record = held.record
    return caller.call("release", "DELETE", f"{HOLDS}{record.reservation_id}/",
                       reservation_id=record.reservation_id, seat_ids=record.seat_ids)  # fmt: skip
