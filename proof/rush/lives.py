"""What people do at an on-sale, and at a site under a steady load."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from proof.history.recorded import FAIL, OK, UNKNOWN
from proof.rush.choosing import FanEnd, FanPlan
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, FanCaller, Life, Part, Step, new_key

_LOOK_AGAIN_SECONDS = 0.5  # where all free seats are held: some come back
_ATTEMPTS = 8  # of a request that gets no clear response
_LONGEST_PAUSE = 5.0
_PAYMENT_OUTCOMES = {"PAID": OK, "FAILED": FAIL}
_HOLDS, _PAYMENTS = "/api/v1/reservations/", "/api/v1/payments/"
_STEADY_POLLS = 5
_STEADY_PAUSE = 1.0  # seconds before each poll
_STEADY_HOLDING, _STEADY_PAYING = 0.7, 0.3  # of the visitors


def person(caller: FanCaller, plan: FanPlan, sale: RushSale, *, at: float) -> Life:
    """Join at a moment, wait, choose seats up to `choices` times, and pay or let go."""
    ticket = yield from admission(caller, sale, at=at)
    if ticket is None:
        return "too late" if sale.is_over else "not admitted"
    yield caller.read("map", f"{sale.path}seatmap/", at=_thought(plan, sale), gzip=True)
    for wish in plan.wishes:
        held = yield from _choice(caller, plan, sale, ticket, wish)
        if held:
            return (yield from _decision(caller, plan, sale, held))
        if sale.is_over:
            return "too late"
    return "no luck"


def admission(caller: FanCaller, sale: RushSale, *, at: float, patience: float = 1.0) -> Part:
    """Join and poll until admitted; return the pass, None where there is none to be had.

    `patience` multiplies the wait that the server asks for. Where there is no waiting room the
    fan comes at that moment, and the pass is empty.
    """
    if not sale.has_queue:
        yield caller.read("list", "/api/v1/concerts/", at=at)
        return ""
    token = ""
    while True:
        if token:
            step = caller.call("poll", "GET", f"{sale.path}queue/me/", at=at, queue_token=token)
        else:
            step = caller.call("join", "POST", f"{sale.path}queue/", at=at)
        [answer] = yield step
        wait = answer.retry_after()
        if answer.is_ok:
            state, token, ticket, wait = answer.place()
            if state != "WAITING":
                sale.counts["admitted"] += state == "ADMITTED"
                return ticket if state == "ADMITTED" else None
        elif answer.is_refused:
            return None
        if sale.is_over:
            return None
        at = time.monotonic() + wait * patience


def _choice(caller: FanCaller, plan: FanPlan, sale: RushSale, ticket: str, wish: float) -> Part:
    """Look which seats are free and hold some; return the answer, None where that failed."""
    [looked] = yield caller.read(
        "availability", f"{sale.path}availability/", at=_thought(plan, sale)
    )
    chosen = sale.wishes.choose(looked.seat_statuses(), wish=wish, count=sale.profile.seats_each)
    if not chosen:
        at = time.monotonic() + _LOOK_AGAIN_SECONDS
        yield caller.read("availability", f"{sale.path}availability/", at=at)
        return None
    return (yield from hold(caller, plan, sale, ticket, chosen))


def hold(
    caller: FanCaller, plan: FanPlan, sale: RushSale, ticket: str, chosen: Sequence[int]
) -> Part:
    """Hold seats by their indexes; return the answer, None where that failed."""
    seat_ids = tuple(sale.wishes.ids[index] for index in chosen)
    body = {"performance_id": sale.performance_id, "seat_ids": seat_ids}
    key = new_key()

    def step(at: float) -> Step:
        return caller.call("hold", "POST", _HOLDS, at=at, body=body, queue_token=ticket, key=key,
                           seat_ids=seat_ids)  # fmt: skip

    answer: Answer | None = yield from _keyed(step, plan, sale)
    if answer is None or not answer.is_ok:
        return None
    sale.counts["held"] += len(seat_ids)
    return answer


def _decision(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Life:
    reservation, seats = held.record.reservation_id, tuple(held.record.seat_ids)
    if plan.end is FanEnd.WALK_AWAY:
        sale.kept(seats)
        return "walked away"
    if plan.end is FanEnd.LET_GO:
        path = f"{_HOLDS}{reservation}/"
        yield caller.call("release", "DELETE", path, at=_thought(plan, sale),
                          reservation_id=reservation, seat_ids=seats)  # fmt: skip
        return "let go"
    return (yield from pay(caller, plan, sale, held))


def pay(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Life:
    """Pay for what is held by points."""
    reservation, seats = held.record.reservation_id, tuple(held.record.seat_ids)
    body = {"reservation_id": reservation, "method": "POINTS"}
    key, thought = new_key(), _thought(plan, sale)

    def step(at: float) -> Step:
        return caller.call("pay", "POST", _PAYMENTS, at=max(at, thought), body=body, key=key,
                           reservation_id=reservation, seat_ids=seats)  # fmt: skip

    answer: Answer | None = yield from _keyed(step, plan, sale)
    if answer is None:
        return "payment unknown"
    if not answer.is_ok:
        return f"payment refused ({answer.status})"
    if answer.json()["status"] != "PAID":
        return "payment declined"
    sale.sold(seats, reservation)
    return "paid"


def _keyed(make: Callable[[float], Step], plan: FanPlan, sale: RushSale) -> Part:
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
    made = answer.json()
    answer.record.amount = made["amount"]["amount"]
    if answer.record.op == "hold":
        answer.record.reservation_id = made["id"]
        answer.record.until = _monotonic(made.get("expires_at"))
    else:
        answer.record.payment_id = made["id"]
        answer.record.outcome = _PAYMENT_OUTCOMES.get(made["status"], UNKNOWN)
    if done is not None and done.json()["id"] != made["id"]:
        sale.found(f"key {answer.record.key} made {done.json()['id']} and {made['id']}")
    return done or answer


def _monotonic(moment: str | None) -> float:
    """Return a moment of the sale's clock, this machine's, by the monotonic one; 0 for none."""
    if not moment:
        return 0.0
    return round(time.monotonic() + datetime.fromisoformat(moment).timestamp() - time.time(), 3)


def _in_progress(answer: Answer) -> bool:
    return answer.status == "409" and b'"idempotency_in_progress"' in answer.received.data


def _thought(plan: FanPlan, sale: RushSale) -> float:
    """Return the moment at which a fan has thought about the next step."""
    return time.monotonic() + plan.thinks * sale.profile.think_seconds


def visitor(caller: FanCaller, plan: FanPlan, sale: RushSale, *, at: float) -> Life:
    """Make ten requests of a steady mix, one after the other.

    Of a hundred: 50 own polls, 10 each joins and statuses, 12 looks at the availability, 4 maps, 4
    lists, 7 holds and 3 payments; who has nothing to hold or to pay for makes fewer.
    """
    [joined] = yield caller.call("join", "POST", f"{sale.path}queue/", at=at)
    state, token, ticket, _ = joined.place()
    for _ in range(_STEADY_POLLS):
        at += _STEADY_PAUSE
        path = f"{sale.path}queue/me/"
        [polled] = yield caller.call("poll", "GET", path, at=at, queue_token=token)
        state, token, ticket = polled.place()[:3] if polled.is_ok else (state, token, ticket)
    yield caller.read("status", f"{sale.path}queue/")
    [looked] = yield caller.read("availability", f"{sale.path}availability/")
    if plan.browses < 0.2:
        yield caller.read("availability", f"{sale.path}availability/")
    if plan.browses < 0.4:
        yield caller.read("map", f"{sale.path}seatmap/", gzip=True)
    elif plan.browses < 0.8:
        yield caller.read("list", "/api/v1/concerts/")
    if plan.thinks >= _STEADY_HOLDING or (sale.has_queue and not ticket):
        return "looked"
    chosen = sale.wishes.choose(
        looked.seat_statuses(), wish=plan.browses, count=sale.profile.seats_each
    )
    held = (yield from hold(caller, plan, sale, ticket, chosen)) if chosen else None
    if held is None:
        return "no luck"
    if plan.thinks >= _STEADY_PAYING:
        return "held"
    return (yield from pay(caller, plan, sale, held))
