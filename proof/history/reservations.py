"""What a history says of each reservation: who asked, what was promised, how it went on."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from proof.history.recorded import OK, History, Operation
from proof.history.spells import Spell

_GIVE_UP = ("release", "cancel")
PAID = "PAID"  # the state of a payment


@dataclass(slots=True)
class HeldReservation:
    """One reservation that a client knows by a response, and what was asked of it, in order."""

    held: Operation
    later: list[Operation] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id."""
        return self.held.reservation_id

    def of(self, *ops: str) -> list[Operation]:
        """Return what was asked of some kinds."""
        return [one for one in self.later if one.op in ops]

    @property
    def is_changed(self) -> bool:
        """Whether anything was asked of it that may have changed it."""
        return any(one.may_have_happened for one in self.of("extend", "pay", *_GIVE_UP))

    @property
    def heard_paid(self) -> list[Operation]:
        """The responses that said that it is paid: to a payment, or to a look at one."""
        return [
            one
            for one in self.of("pay", "payment")
            if one.outcome == OK and (one.op == "pay" or one.state == PAID)
        ]

    @property
    def is_paid(self) -> bool:
        """Whether a response said that it is paid."""
        return bool(self.heard_paid)

    @property
    def may_be_paid(self) -> bool:
        """Whether it is paid, as far as any client can know."""
        return any(one.may_have_happened for one in self.of("pay"))

    def is_whole(self, asked: Operation) -> bool:
        """Whether a call is about all seats; one that names none is."""
        return not asked.seat_ids or set(self.held.seat_ids) <= set(asked.seat_ids)

    def promised_until(self, *, before: float = math.inf) -> float:
        """Return the latest deadline that was promised by responses before a moment.

        Infinite where a response did not say one.
        """
        known = [self.held.until]
        known += [
            one.until for one in self.of("extend") if one.outcome == OK and one.ended <= before
        ]
        return max(one or math.inf for one in known)

    def surely_promised_until(self) -> float:
        """Return the latest deadline that a response said; where none did, when it was held."""
        said = [one.until for one in self.of("extend") if one.outcome == OK]
        return max([self.held.until, *said]) or self.held.ended

    def kept_seats(self) -> list[str]:
        """Return the seats that its fan gave up by no call, as far as any client can know."""
        return [seat for seat in self.held.seat_ids if not self._given_up(seat)]

    def surely_until(self, seat: str) -> float:
        """Return until when its fan surely had a seat: it was given up, or time was over."""
        asked = [one.invoked for one in self._given_up(seat)]
        over = math.inf if self.is_paid else self.surely_promised_until()
        return min([over, *asked])

    def _given_up(self, seat: str) -> list[Operation]:
        """Return the calls that may have given a seat up; one that names none gives up all."""
        return [
            one
            for one in self.of(*_GIVE_UP)
            if one.may_have_happened and (not one.seat_ids or seat in one.seat_ids)
        ]


def reservations(history: History) -> dict[str, HeldReservation]:
    """Return the reservations that clients know by responses, by id."""
    found: dict[str, HeldReservation] = {}
    for hold in history.of("hold", outcome=OK):
        found.setdefault(hold.reservation_id, HeldReservation(hold))
    for one in history.of("extend", "begin", "pay", "payment", *_GIVE_UP, "look", "tickets"):
        if one.reservation_id in found:
            found[one.reservation_id].later.append(one)
    return found


def spells(history: History) -> Iterator[Spell]:
    """Yield who surely had which seat when; an error of clocks shortens each."""
    error = history.terms.clock_error
    for one in reservations(history).values():
        for seat in one.held.seat_ids:
            yield Spell(seat, one.id, one.held.ended, one.surely_until(seat) - error)


def by_user(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """Return operations by whose they are, in the same order."""
    found: defaultdict[str, list[Operation]] = defaultdict(list)
    for one in operations:
        found[one.user_id].append(one)
    return found
