"""A model of a sale that makes legal histories: each operation happens at one moment of its own.

Clients run side by side on a clock of the model. An operation takes effect at a moment between its
beginning and its end, and now and then its client hears nothing. What comes out is what a correct
site could have shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from proof.history.recorded import (
    FAIL,
    OK,
    UNKNOWN,
    FinalState,
    History,
    Operation,
    RecordedTerms,
)

PRICE, HOLD_SECONDS, RICH = 1000, 20.0, 100_000


@dataclass
class ModelReservation:
    """What the model's stores hold of one reservation."""

    id: str
    fan: str
    seats: tuple[str, ...]
    until: float
    state: str = "PENDING"
    payment: str = ""


@dataclass
class SaleModel:
    """One sale; `run` makes it a history."""

    random: Random
    fans: int = 4
    seats: tuple[str, ...] = ("s1", "s2", "s3", "s4", "s5")
    limit: int = 2
    doubt: float = 0.1  # how many responses are lost
    now: float = 0.0
    numbers: int = 0
    made: dict[str, ModelReservation] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def run(self, steps: int) -> History:
        """Return a history of so many operations, and what it left behind."""
        fans = [f"fan{n}" for n in range(self.fans)]
        self.balances = dict.fromkeys(fans, RICH)
        terms = RecordedTerms(
            seats=self.seats, max_seats_per_fan=self.limit, balances=dict(self.balances)
        )
        free = [(0.0, n, fan) for n, fan in enumerate(fans)]
        planned = []
        for _ in range(steps):
            begun, process, fan = free.pop(0)
            begun += self.random.uniform(0.01, 4)
            point = begun + self.random.uniform(0.001, 1)
            ended = point + self.random.uniform(0.001, 1)
            planned.append((point, begun, ended, process, fan))
            free.append((ended, process, fan))
            free.sort()
        for point, begun, ended, process, fan in sorted(planned):
            self.now = point
            made = self._operation(fan)
            made = replace(made, process=process, user_id=fan, invoked=begun, ended=ended)
            if self.random.random() < self.doubt:
                made = replace(made, outcome=UNKNOWN, status=0, until=0.0, payment_id="")
            self.operations.append(made)
        last = max((one.ended for one in self.operations), default=0.0)
        return History(tuple(self.operations), terms, final=self._final(last + 1))

    def _operation(self, fan: str) -> Operation:
        mine = [one for one in self.made.values() if one.fan == fan]
        known = [one for one in mine if self._is_known(one)]
        kinds: list[Callable[[str, list[ModelReservation]], Operation]] = [self._hold, self._join]
        if known:
            kinds += [self._pay, self._pay, self._release, self._extend, self._look]
        return self.random.choice(kinds)(fan, known)

    def _is_known(self, one: ModelReservation) -> bool:
        """Return whether its fan knows it: by a response that has come by now."""
        return any(
            it.op == "hold" and it.outcome == OK and it.reservation_id == one.id
            and it.ended < self.now - 1.0
            for it in self.operations
        )  # fmt: skip

    def _live(self, one: ModelReservation) -> bool:
        return one.state == "CONFIRMED" or (one.state == "PENDING" and self.now < one.until)

    def _hold(self, fan: str, _: list[ModelReservation]) -> Operation:
        wanted = tuple(self.random.sample(self.seats, self.random.randint(1, 2)))
        live = [one for one in self.made.values() if self._live(one)]
        taken = {seat for one in live for seat in one.seats}
        mine = sum(len(one.seats) for one in live if one.fan == fan)
        if taken & set(wanted) or mine + len(wanted) > self.limit:
            return _answer("hold", FAIL, seat_ids=wanted)
        made = ModelReservation(f"r{len(self.made)}", fan, wanted, self.now + HOLD_SECONDS)
        self.made[made.id] = made
        self.events.append(f"held {made.id}")
        return _answer(
            "hold",
            OK,
            reservation_id=made.id,
            seat_ids=wanted,
            amount=PRICE * len(wanted),
            until=made.until,
        )

    def _join(self, fan: str, _: list[ModelReservation]) -> Operation:
        self.numbers += 1
        return _answer("join", OK, number=self.numbers, state="WAITING")

    def _pay(self, fan: str, known: list[ModelReservation]) -> Operation:
        one = self.random.choice(known)
        amount = PRICE * len(one.seats)
        asked = {"reservation_id": one.id, "amount": amount, "key": f"pay {one.id}"}
        if one.state == "CONFIRMED":  # the same key: the same response
            return _answer("pay", OK, payment_id=one.payment, **asked)
        if not self._live(one):
            return _answer("pay", FAIL, **asked)
        one.state, one.payment = "CONFIRMED", f"p{one.id}"
        self.balances[fan] -= amount
        self.events += [f"paid {one.id}", f"confirmed {one.id}"]
        return _answer("pay", OK, payment_id=one.payment, **asked)

    def _release(self, fan: str, known: list[ModelReservation]) -> Operation:
        one = self.random.choice(known)
        if one.state == "CONFIRMED":
            return _answer("release", FAIL, reservation_id=one.id)
        one.state = "RELEASED"
        return _answer("release", OK, reservation_id=one.id)

    def _extend(self, fan: str, known: list[ModelReservation]) -> Operation:
        one = self.random.choice(known)
        if one.state != "PENDING" or not self._live(one):
            return _answer("extend", FAIL, reservation_id=one.id)
        one.until += HOLD_SECONDS / 4
        return _answer("extend", OK, reservation_id=one.id, until=one.until)

    def _look(self, fan: str, known: list[ModelReservation]) -> Operation:
        one = self.random.choice(known)
        state = one.state if one.state != "PENDING" or self._live(one) else "EXPIRED"
        return _answer("look", OK, reservation_id=one.id, state=state)

    def _final(self, at: float) -> FinalState:
        self.now = at
        states = dict.fromkeys(self.seats, "A")
        owners = {}
        for one in self.made.values():
            if self._live(one):
                for seat in one.seats:
                    states[seat] = "R" if one.state == "CONFIRMED" else "T"
                    owners[seat] = one.id
        paid = [one for one in self.made.values() if one.state == "CONFIRMED"]
        return FinalState(
            at=at,
            seats=states,
            owners=owners,
            tickets=tuple((one.id, seat) for one in paid for seat in one.seats),
            balances=dict(self.balances),
            payments={one.payment: one.id for one in paid},
            outbox=tuple(self.events),
            published=tuple(self.events),
        )


def _answer(op: str, outcome: str, **members: object) -> Operation:
    status = 200 if outcome == OK else 409
    return Operation(process=0, op=op, invoked=0.0, outcome=outcome, status=status, **members)  # type: ignore[arg-type]
