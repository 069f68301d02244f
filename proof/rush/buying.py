"""Holding and paying by points: keyed requests, sent until they are answered clearly."""

import time
from collections.abc import Callable, Sequence

from proof.history.recorded import FAIL, OK, UNKNOWN
from proof.rush.choosing import FanPlan
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, FanCaller, Life, Part, Step, monotonic, new_key

HOLDS, PAYMENTS = "/api/v1/reservations/", "/api/v1/payments/"
_ATTEMPTS = 8  # of a request that gets no clear response
_LONGEST_PAUSE = 5.0
_OUTCOMES = {"PAID": OK, "FAILED": FAIL}


def hold(
    caller: FanCaller, plan: FanPlan, sale: RushSale, ticket: str, chosen: Sequence[int]
) -> Part:
    """Hold seats by their indexes; return the answer, None where that failed."""
    seat_ids = tuple(sale.wishes.ids[index] for index in chosen)
    body = {"performance_id": sale.performance_id, "seat_ids": seat_ids}
    key = new_key()

    def step(at: float) -> Step:
        return caller.call("hold", "POST", HOLDS, at=at, body=body, queue_token=ticket, key=key,
                           seat_ids=seat_ids)  # fmt: skip

    answer: Answer | None = yield from keyed(step, plan, sale)
    if answer is None or not answer.is_ok:
        return None
    sale.counts["held"] += len(seat_ids)
    return answer


def pay(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Life:
    """Pay for what is held by points."""
    reservation, seats = held.record.reservation_id, held.record.seat_ids
    body = {"reservation_id": reservation, "method": "POINTS"}
    key, thought = new_key(), thought_at(plan, sale)

    def step(at: float) -> Step:
        return caller.call("pay", "POST", PAYMENTS, at=max(at, thought), body=body, key=key,
                           reservation_id=reservation, seat_ids=seats,
                           paid_by="POINTS")  # fmt: skip

    answer: Answer | None = yield from keyed(step, plan, sale)
    if answer is None:
        return "payment unknown"
    if not answer.is_ok:
        return f"payment refused ({answer.status})"
    if answer.json()["status"] != "PAID":
        return "payment declined"
    sale.sold(seats, reservation)
    return "paid"


def pay_late(caller: FanCaller, held: Answer, *, at: float) -> Step:
    """Return the attempt to pay, by points, for what is not held any more."""
    record = held.record
    body = {"reservation_id": record.reservation_id, "method": "POINTS"}
    return caller.call("pay", "POST", PAYMENTS, at=at, body=body, key=new_key(), paid_by="POINTS",
                       reservation_id=record.reservation_id, seat_ids=record.seat_ids)  # fmt: skip


def keyed(make: Callable[[float], Step], plan: FanPlan, sale: RushSale) -> Part:
    """Send a request with a key until the answer is clear; return it, None where none came.

    Who double-clicks sends the first two at once; who retries sends an answered one again. Two
    different successes of one key are a finding.
    """
    at, done = time.monotonic(), None
    for attempt in range(_ATTEMPTS):
        answers = yield (make(at), make(at)) if plan.double_clicks and not attempt else make(at)
        for answer in answers:
            if _in_progress(answer):
                answer.record.outcome = UNKNOWN
            done = _same(done, answer, sale)
        if done is not None:
            break
        open_ones = [one for one in answers if not one.is_refused or _in_progress(one)]
        if not open_ones:
            return answers[0]
        at = time.monotonic() + min(open_ones[0].retry_after(), _LONGEST_PAUSE)
    if done is not None and plan.retries:
        [again] = yield make(time.monotonic())
        _same(done, again, sale)
    return done


def _same(done: Answer | None, answer: Answer, sale: RushSale) -> Answer | None:
    """Return the first success of a key, its record complete; another one is a finding."""
    if not answer.is_ok:
        return done
    made, record = answer.json(), answer.record
    record.amount = made["amount"]["amount"]
    if record.op == "hold":
        record.reservation_id = made["id"]
        record.until = monotonic(made.get("expires_at"))
    else:
        record.payment_id = made["id"]
    if record.op == "pay":
        record.outcome = _OUTCOMES.get(made["status"], UNKNOWN)
    if done is not None and done.json()["id"] != made["id"]:
        sale.found(f"key {record.key} made {done.json()['id']} and {made['id']}")
    return done or answer


def _in_progress(answer: Answer) -> bool:
    return answer.status == "409" and answer.record.code == "idempotency_in_progress"


def thought_at(plan: FanPlan, sale: RushSale) -> float:
    """Return the moment at which a fan has thought about the next step."""
    return time.monotonic() + plan.thinks * sale.profile.think_seconds
