"""Clients who fight for few seats, recorded, and what the checker of histories says of it.

Each client holds random seats of a small hall, and lets go, pays or keeps them; all through the
product's use cases, with real commits. Import once Django is set up.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, connections

from accounts.models import User
from bench.fixtures import make_hall, seat_ids
from concerts.models import Performance
from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.ids import uuid7
from kernel.money import Money
from payments.models import Payment
from payments.usecases import checkout
from points import operations as points
from proof.history.checker import contradictions
from proof.history.recorded import FAIL, OK, History, Operation, RecordedTerms
from proof.history.stores import final_state
from proof.measures import latencies
from reservations.models import SalePolicy
from reservations.usecases import holds

SEATS = 40
PRICE, RICH = 1000, 10**6


@dataclass
class _Fan:
    """One client, and what it did."""

    process: int
    user_id: UUID
    performance: Performance
    seats: list[UUID]
    chance: random.Random
    done: list[Operation] = field(default_factory=list)

    def run(self, until: float) -> None:
        """Act until a moment of the monotonic clock."""
        try:
            while time.monotonic() < until:
                self._turn()
        finally:
            connections.close_all()

    def _turn(self) -> None:
        key, wanted = uuid7(), sorted(self.chance.sample(self.seats, self.chance.randint(1, 2)))
        begun, at = time.monotonic(), clock.now()
        members: dict[str, Any] = {"seat_ids": tuple(map(str, wanted))}
        try:
            hold = holds.place(
                user_id=self.user_id,
                performance_id=self.performance.pk,
                seat_ids=wanted,
                reservation_id=key,
                queue_token=None,
                now=at,
            )
        except DomainError as refusal:
            self._note("hold", begun, outcome=FAIL, code=refusal.code, **members)
            return
        self._note(
            "hold",
            begun,
            reservation_id=str(key),
            amount=PRICE * len(wanted),
            until=_monotonic(hold.expires_at),
            **members,
        )
        what = self.chance.random()
        if what < 0.03:
            self._pay(key, PRICE * len(wanted))
        elif what < 0.97:
            self._release(key)

    def _pay(self, key: UUID, amount: int) -> None:
        begun, payment = time.monotonic(), uuid7()
        members: dict[str, Any] = {"reservation_id": str(key), "amount": amount}
        try:
            checkout.begin(
                user_id=self.user_id,
                reservation_id=key,
                method=Payment.Method.POINTS,
                points_amount=None,
                payment_id=payment,
                request_key=uuid4().hex * 2,
                resumed=False,
                now=clock.now(),
            )
        except DomainError as refusal:
            self._note("pay", begun, outcome=FAIL, code=refusal.code, **members)
        else:
            self._note("pay", begun, payment_id=str(payment), **members)

    def _release(self, key: UUID) -> None:
        begun = time.monotonic()
        try:
            holds.release(user_id=self.user_id, reservation_id=key, now=clock.now())
        except DomainError as refusal:
            self._note("release", begun, FAIL, reservation_id=str(key), code=refusal.code)
        else:
            self._note("release", begun, reservation_id=str(key))

    def _note(self, op: str, begun: float, outcome: str = OK, **members: Any) -> None:
        self.done.append(
            Operation(
                process=self.process,
                op=op,
                invoked=begun,
                ended=time.monotonic(),
                outcome=outcome,
                user_id=str(self.user_id),
                **members,
            )
        )


def measure(*, clients: list[int], seconds: float) -> dict[str, Any]:
    """Return what so many clients at once did, and what was wrong with it."""
    return {
        "seats": SEATS,
        "seconds": seconds,
        "clients": {str(number): _round(number, seconds) for number in clients},
    }


def _round(number: int, seconds: float) -> dict[str, Any]:
    performance = make_hall(SEATS)
    SalePolicy.objects.filter(performance=performance).update(hold_seconds=60)
    seats = seat_ids(performance)
    fans = [
        User.objects.create_user(f"c{number}-{n}-{uuid4()}@example.com", None).pk
        for n in range(number)
    ]
    with transaction():
        points.open_accounts_with_points(
            user_ids=fans, amount=Money(RICH), reference=uuid4(), now=clock.now()
        )
    crowd = [_Fan(n, fan, performance, seats, random.Random(n)) for n, fan in enumerate(fans)]
    before = _deadlocks()
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=fan.run, args=(until,)) for fan in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = History(
        tuple(one for fan in crowd for one in fan.done),
        RecordedTerms(
            seats=tuple(map(str, seats)),
            clock_error=0.05,
            max_seats_per_fan=20,
            balances={str(fan): RICH for fan in fans},
        ),
        final=final_state(performance.pk, fans),
    )
    return _figures(history, seconds) | {"deadlocks": _deadlocks() - before}


def _figures(history: History, seconds: float) -> dict[str, Any]:
    holds_made = history.of("hold")
    found = contradictions(history)
    return {
        "operations": len(history.operations),
        "held": sum(one.outcome == OK for one in holds_made),
        "paid": len(history.of("pay", outcome=OK)),
        "refused": dict(Counter(one.code for one in history.operations if one.outcome == FAIL)),
        "operations_a_second": round(len(history.operations) / seconds, 1),
        "held_ms": _percentiles(one for one in holds_made if one.outcome == OK),
        "refused_ms": _percentiles(one for one in holds_made if one.outcome == FAIL),
        "contradictions": [f"{one.check}: {one.detail}" for one in found],
    }


def _percentiles(operations: Iterator[Operation]) -> dict[str, float]:
    took = [one.ended - one.invoked for one in operations]
    if not took:
        return {}
    found = latencies(took)
    return {"p50": round(found["p50_ms"], 1), "p99": round(found["p99_ms"], 1)}


def _monotonic(at: datetime) -> float:
    """Return a moment of the site's clock on the monotonic one, by both of them now."""
    return time.monotonic() + (at - clock.now()) / timedelta(seconds=1)


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
