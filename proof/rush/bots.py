"""What bots do: hurry, open many tabs of one login, make up logins, places and passes."""

import base64
import json
import time
from collections.abc import Callable
from uuid import uuid4

from proof.rush.buying import hold, pay
from proof.rush.choosing import FanPlan
from proof.rush.lives import admission
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, FanCaller, Life, Step

TABS = 5  # of one login
_HURRY = 0.2  # of the wait that the server asks for
_TRIES = 10
_FORGERIES = 3  # rounds of each
_JSON = "/api/v1/"


def impatient(caller: FanCaller, plan: FanPlan, sale: RushSale, *, at: float) -> Life:
    """Poll far too often, then want any seat, again and again without a pause."""
    ticket = yield from admission(caller, sale, at=at, patience=_HURRY)
    if ticket is None:
        return "bot: too late"
    for attempt in range(_TRIES):
        if sale.is_over:
            break
        [looked] = yield caller.read("availability", f"{sale.path}availability/")
        chosen = sale.wishes.choose(
            looked.seat_statuses(), wish=attempt / _TRIES, count=sale.profile.seats_each
        )
        held = (yield from hold(caller, plan, sale, ticket, chosen)) if chosen else None
        if held is not None:
            return f"bot: {(yield from pay(caller, plan, sale, held))}"
    return "bot: no luck"


def tab(caller: FanCaller, plan: FanPlan, sale: RushSale, *, at: float) -> Life:
    """Be one of many tabs of a login: all join, wait, and hold what each of them likes."""
    ticket = yield from admission(caller, sale, at=at)
    if ticket is None:
        return "tab: too late"
    [looked] = yield caller.read("availability", f"{sale.path}availability/")
    chosen = sale.wishes.choose(
        looked.seat_statuses(), wish=plan.wishes[0], count=sale.profile.seats_each
    )
    held = (yield from hold(caller, plan, sale, ticket, chosen)) if chosen else None
    if held is None:
        return "tab: no luck"
    return f"tab: {(yield from pay(caller, plan, sale, held))}"


def forger(caller: FanCaller, client_ip: str, sale: RushSale, *, at: float) -> Life:
    """Send what no server of ours signed; whatever succeeds is a finding."""
    forged = FanCaller(client_ip=client_ip, user_id=caller.user_id,
                    access_token=_altered(caller.access_token))  # fmt: skip
    queue, body = f"{sale.path}queue/", _wish(sale)
    makes: tuple[Callable[[], Step], ...] = (
        lambda: forged.call("forge", "POST", queue, at=at),
        lambda: forged.call("forge", "GET", f"{queue}me/", queue_token=_altered("b" * 60)),
        lambda: caller.call("forge", "GET", f"{queue}me/", queue_token=_altered("a" * 60)),
        lambda: caller.call("forge", "POST", f"{_JSON}reservations/", body=body),
        lambda: caller.call("forge", "POST", f"{_JSON}reservations/", body=body,
                            queue_token="frontrow." + "A" * 80),
    )  # fmt: skip
    for _ in range(_FORGERIES):
        for make in makes:
            step = make()
            [answer] = yield step
            if answer.is_ok:
                sale.found(f"a forged request was accepted: {step.sent.splitlines()[0].decode()}")
            at = time.monotonic() + _pause(answer)
    return "bot: refused"


def _pause(answer: Answer) -> float:
    return answer.retry_after() if answer.status == "429" else 0.0


def _wish(sale: RushSale) -> dict[str, object]:
    seat = next(iter(sale.wishes.ids.values()))
    return {"performance_id": sale.performance_id, "seat_ids": [seat]}


def _altered(token: str) -> str:
    """Return a token that says something else than was signed: of a login, who it is.

    A login with nothing but its signature spoilt may wait, and buys nothing (docs/decisions/0030).
    """
    head, dot, rest = token.partition(".")
    claims, _, signature = rest.partition(".")
    if not dot:
        return f"{token[:-8]}{token[-8:].swapcase()[::-1]}A"
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    said["sub"] = str(uuid4())
    made = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode())
    return f"{head}.{made.rstrip(b'=').decode()}.{signature}"
