"""What people do at an on-sale, and at a site under a steady load."""

import time
from collections.abc import Callable

from proof.rush.buying import HOLDS, hold, pay, pay_late, thought_at
from proof.rush.cards import pay_by_card
from proof.rush.choosing import FanEnd, FanPlan
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, FanCaller, Life, Part, Step

_LOOK_AGAIN_SECONDS = 0.5  # where all free seats are held: some come back
_LAPSED_SECONDS = 2.0  # after a deadline by this machine's clock: it is over by the site's too
_WITNESS_SECONDS = 1.0
_STEADY_POLLS = 5
_STEADY_PAUSE = 1.0  # seconds before each poll
_STEADY_HOLDING, _STEADY_PAYING = 0.7, 0.3  # of the visitors


def person(caller: FanCaller, plan: FanPlan, sale: RushSale, *, at: float) -> Life:
    """Join at a moment, wait, choose seats up to `choices` times, and pay or let go."""
    ticket = yield from admission(caller, sale, at=at)
    if ticket is None:
        return "too late" if sale.is_over else "not admitted"
    for _ in range(sale.profile.lists_each):
        yield caller.read("list", "/api/v1/concerts/")
    yield caller.read("map", f"{sale.path}seatmap/", at=thought_at(plan, sale), gzip=True)
    for wish in plan.wishes:
        held = yield from _choice(caller, plan, sale, ticket, wish)
        if held:
            became = yield from _decision(caller, plan, sale, held)
            if plan.looks_back:
                yield from _look_back(caller, held)
            return became
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
        "availability", f"{sale.path}availability/", at=thought_at(plan, sale)
    )
    chosen = sale.wishes.choose(looked.seat_statuses(), wish=wish, count=sale.profile.seats_each)
    if not chosen:
        at = time.monotonic() + _LOOK_AGAIN_SECONDS
        yield caller.read("availability", f"{sale.path}availability/", at=at)
        return None
    return (yield from hold(caller, plan, sale, ticket, chosen))


def _decision(caller: FanCaller, plan: FanPlan, sale: RushSale, held: Answer) -> Life:
    record = held.record
    if plan.looks_back:
        yield from _look_back(caller, held)
    if plan.end is FanEnd.WALK_AWAY:
        sale.kept(record.seat_ids)
        late = record.until + _LAPSED_SECONDS
        if plan.tries_late and record.until and late < sale.expected_until:
            yield pay_late(caller, held, at=late)
            return "came back too late"
        return "walked away"
    if plan.end is FanEnd.LET_GO:
        path = f"{HOLDS}{record.reservation_id}/"
        [released] = yield caller.call("release", "DELETE", path, at=thought_at(plan, sale),
                                       reservation_id=record.reservation_id,
                                       seat_ids=record.seat_ids)  # fmt: skip
        if plan.tries_late and released.is_ok:
            yield pay_late(caller, held, at=time.monotonic())
        return "let go"
    way = pay_by_card if plan.pays_by_card else pay
    return (yield from way(caller, plan, sale, held))


def _look_back(caller: FanCaller, held: Answer) -> Part:
    """Read what the site shows of one's own reservation and its tickets."""
    reservation, path = held.record.reservation_id, f"{HOLDS}{held.record.reservation_id}/"
    [looked] = yield caller.call("look", "GET", path, reservation_id=reservation)
    if looked.is_ok:
        looked.record.state = looked.json()["status"]
    path = f"{path}tickets/"
    [tickets] = yield caller.call("tickets", "GET", path, reservation_id=reservation)
    if tickets.is_ok:
        valid = (one for one in tickets.json()["results"] if one["status"] != "VOID")
        tickets.record.seat_ids = tuple(one["seat"]["id"] for one in valid)


def witness(
    caller: FanCaller, sale: RushSale, *, begun: float, goes_on: Callable[[], bool]
) -> Life:
    """Ask each second for what anybody and a fan reads: what works again, and since when."""
    at = begun
    while goes_on():
        yield tuple(_signs(caller, sale, at=at))
        at = max(at + _WITNESS_SECONDS, time.monotonic())
    return "witness"


def _signs(caller: FanCaller, sale: RushSale, *, at: float) -> list[Step]:
    asked = [
        caller.read("list", "/api/v1/concerts/", at=at),
        caller.read("availability", f"{sale.path}availability/", at=at),
        caller.call("balance", "GET", "/api/v1/points/", at=at),
    ]
    if sale.has_queue:
        asked.append(caller.read("status", f"{sale.path}queue/", at=at))
    return asked


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
