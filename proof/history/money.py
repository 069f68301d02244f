"""Checks of money: each fan's sum adds up, and a key moves money once."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from proof.history import reservations as found
from proof.history.recorded import FAIL, OK, History, Operation

_MOST_DOUBTS = 12  # unknown outcomes of one fan; beyond, too much is possible to say anything


def money_is_conserved(history: History) -> Iterator[str]:
    """A fan has what was there before, less what was paid, with what was charged and refunded.

    What no response says may or may not have happened: a balance is wrong where no way leads to it.
    A cancellation without a response gave back anything up to what was paid.
    """
    final = history.final
    if final is None:
        return
    moves = _moves(history)
    for fan, before in history.terms.balances.items():
        if fan not in final.balances:
            continue
        moved, after = moves.get(fan, _Moves()), final.balances[fan]
        if after < 0:
            yield f"fan {fan} has {after}"
        if len(moved.doubts) > _MOST_DOUBTS:
            continue
        reachable = {before + moved.sure}
        for amount in moved.doubts:
            reachable |= {balance + amount for balance in reachable}
        if not any(least <= after <= least + moved.refunded for least in reachable):
            yield f"fan {fan} had {before}, moved {moved.sure}, has {after}"


@dataclass(slots=True)
class _Moves:
    """What surely moved for a fan, what may have, and the most that came back unheard."""

    sure: int = 0
    doubts: list[int] = field(default_factory=list)
    refunded: float = 0


def _moves(history: History) -> dict[str, _Moves]:
    """Return what moved for each fan."""
    moves: defaultdict[str, _Moves] = defaultdict(_Moves)
    for fan, amount, is_sure in [*_spent(history), *_came(history)]:
        if is_sure:
            moves[fan].sure += amount
        else:
            moves[fan].doubts.append(amount)
    for fan, most in _came_unheard(history):
        moves[fan].refunded += most
    return moves


def _spent(history: History) -> Iterator[tuple[str, int, bool]]:
    """Yield what each reservation cost its fan: once, however often it was asked for."""
    final = history.final
    paid = set((final.payments or {}).values()) if final else set()
    for one in found.reservations(history).values():
        asked = [pay for pay in one.of("pay") if pay.may_have_happened]
        if not asked:
            continue
        amount = max((pay.amount for pay in asked), default=0) or one.held.amount
        decided = final is not None and final.payments is not None
        methods = {pay.method == "CARD" for pay in one.heard_paid or asked}
        if methods == {True}:
            continue  # a card moves no points
        if one.is_paid or (decided and one.id in paid):
            yield one.held.user_id, -amount, len(methods) == 1
        elif not decided:
            yield one.held.user_id, -amount, False


def _came(history: History) -> Iterator[tuple[str, int, bool]]:
    """Yield what charges brought and what cancellations said they did, each once by its key."""
    for op in ("charge", "cancel"):
        for fan, tries in _by_key(history, op):
            heard = [one for one in tries if one.outcome == OK]
            if heard or op == "charge":
                yield fan, (heard or tries)[0].amount, bool(heard)


def _came_unheard(history: History) -> Iterator[tuple[str, float]]:
    """Yield the most that each cancellation without a response may have given back."""
    made = found.reservations(history)
    for fan, tries in _by_key(history, "cancel"):
        if any(one.outcome == OK for one in tries):
            continue
        one = made.get(tries[0].reservation_id)
        known = [] if one is None else [one.held.amount, *(pay.amount for pay in one.of("pay"))]
        yield fan, max(known, default=0) or math.inf


def _by_key(history: History, op: str) -> Iterator[tuple[str, list[Operation]]]:
    """Yield fan and calls of each key that may have happened; without a key, each call."""
    by_key: dict[tuple[str, str, int], list[Operation]] = {}
    for number, one in enumerate(history.of(op)):
        if one.may_have_happened:
            key = (one.user_id, one.key, 0 if one.key else number)
            by_key.setdefault(key, []).append(one)
    for (fan, _, _), tries in by_key.items():
        yield fan, tries


def keys_are_honoured(history: History) -> Iterator[str]:
    """Calls with one key are one call: one effect, one response; and a reservation is paid once."""
    by_key: dict[tuple[str, str, str], list[Operation]] = {}
    for one in history.operations:
        if one.key and one.outcome == OK:
            by_key.setdefault((one.user_id, one.op, one.key), []).append(one)
    for (fan, op, key), calls in by_key.items():
        said = {(one.reservation_id, one.payment_id, one.amount, one.seat_ids) for one in calls}
        if len(said) > 1:
            yield f"{len(said)} responses to {op} of {fan} with key {key}"
    for made in found.reservations(history).values():
        heard = [pay for pay in made.heard_paid if pay.payment_id]
        payments = {pay.payment_id for pay in heard}
        if len(payments) > 1:
            yield f"{len(payments)} payments for {made.id}"
    final = history.final
    seen: dict[str, str] = {}
    for payment, reservation in (final.payments or {}).items() if final else ():
        if seen.setdefault(reservation, payment) != payment:
            yield f"2 payments for {reservation} in the end"


def refusals_cost_nothing(history: History) -> Iterator[str]:
    """What was refused, and by no call succeeded, has no payment in the end."""
    final = history.final
    paid = set((final.payments or {}).values()) if final else set()
    for one in found.reservations(history).values():
        asked = one.of("pay")
        if asked and all(pay.outcome == FAIL for pay in asked) and one.id in paid:
            yield f"{one.id} was refused and is paid"
