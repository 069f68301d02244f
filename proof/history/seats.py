"""Checks of seats: one owner at a time, nothing lost, nothing sold by nobody or after its end."""

from collections import Counter
from collections.abc import Iterator

from proof.history import reservations as found
from proof.history.recorded import FAIL, OK, UNKNOWN, History
from proof.history.spells import Spell, owned_twice


def seats_have_one_owner(history: History) -> Iterator[str]:
    """Two clients never surely have one seat at the same time."""
    yield from owned_twice(found.spells(history))


def no_success_is_lost(history: History) -> Iterator[str]:
    """What a client has bought or still holds, by a response, is there in the end."""
    final = history.final
    if final is None:
        return
    tickets = None if final.tickets is None else set(final.tickets)
    for one in found.reservations(history).values():
        sold, over = one.is_paid, one.surely_promised_until() - history.terms.clock_error
        held = not one.is_changed and over > final.at
        if not sold and not held:
            continue
        for seat in one.kept_seats():
            if final.owners.get(seat) != one.id:
                yield f"seat {seat} of {one.id} belongs to {final.owners.get(seat)}"
            elif sold and final.seats.get(seat, "R") != "R":
                yield f"seat {seat} of {one.id} was paid and is {final.seats[seat]}"
            elif sold and tickets is not None and (one.id, seat) not in tickets:
                yield f"no ticket for seat {seat} of {one.id}"


def nothing_is_sold_by_nobody(history: History) -> Iterator[str]:
    """What is sold in the end was paid by a client, as far as that client can know."""
    final = history.final
    if final is None:
        return
    made = found.reservations(history)
    unheard = any(one.outcome not in (OK, FAIL) for one in history.of("hold"))
    for seat, state in final.seats.items():
        if state != "R":
            continue
        owner = final.owners.get(seat, "")
        one = made.get(owner)
        if one is None and not unheard:
            yield f"seat {seat} was sold to {owner or 'nobody'}, which no client made"
        elif one is not None and not one.may_be_paid:
            yield f"seat {seat} was sold to {owner}, which nobody paid"
        elif one is not None and seat not in one.held.seat_ids:
            yield f"seat {seat} was sold to {owner}, which never held it"
    for reservation, seat in final.tickets or ():
        if final.seats and (final.seats.get(seat), final.owners.get(seat)) != ("R", reservation):
            yield f"a ticket for seat {seat} of {reservation}, to which it is not sold"


def seats_are_conserved(history: History) -> Iterator[str]:
    """Each seat of the sale is there in the end, once, and free, held, sold or blocked."""
    final, seats = history.final, history.terms.seats
    if final is None or not seats:
        return
    for seat in sorted(set(seats) - final.seats.keys()):
        yield f"seat {seat} is gone"
    for seat in sorted(final.seats.keys() - set(seats)):
        yield f"seat {seat} was never on sale"
    for seat, state in final.seats.items():
        if state not in ("A", "T", "R", "B"):
            yield f"seat {seat} is {state!r}"
        if state in ("T", "R") and seat not in final.owners:
            yield f"seat {seat} is {state} and has no owner"
        if state in ("A", "B") and seat in final.owners:
            yield f"seat {seat} is {state} and belongs to {final.owners[seat]}"
    for ticket, times in Counter(final.tickets or ()).items():
        if times > 1:
            yield f"{times} tickets for seat {ticket[1]} of {ticket[0]}"


def nothing_succeeds_on_a_lapsed_hold(history: History) -> Iterator[str]:
    """Neither a payment nor an extension that is asked for after the deadline succeeds."""
    terms = history.terms
    for one in found.reservations(history).values():
        for asked in one.of("pay", "extend"):
            if asked.outcome != OK:
                continue
            deadline = _deadline(history, one, asked.invoked)
            if asked.invoked > deadline + terms.clock_error:
                late = asked.invoked - deadline
                yield f"{asked.op} of {one.id} succeeded {late:.3f} s after its deadline"
        given_up = [a for a in one.of("release", "cancel") if a.outcome == OK and one.is_whole(a)]
        for asked in one.of("pay", "extend"):
            ended = [a for a in given_up if a.precedes(asked)]
            if asked.outcome == OK and ended and not _is_repeat(one, asked):
                yield f"{asked.op} of {one.id} succeeded after {ended[0].op}"


def _deadline(history: History, one: found.HeldReservation, at: float) -> float:
    """Return the latest moment at which a call begun at `at` may succeed, by all that is known.

    An extension that may have happened, or a payment that has begun, may have moved it.
    """
    moved = [
        extended
        for extended in one.of("extend")
        if extended.invoked < at
        and (extended.outcome == UNKNOWN or (extended.outcome == OK and extended.ended >= at))
    ]
    paying = [asked for asked in one.of("begin", "pay") if asked.invoked < at]
    if moved or (paying and not history.terms.payment_window) or _is_paid_by(one, at):
        return float("inf")
    window = history.terms.payment_window
    return max([one.promised_until(before=at), *(asked.invoked + window for asked in paying)])


def _is_paid_by(one: found.HeldReservation, at: float) -> bool:
    """Return whether it may have been paid by a call that began before; to ask again is fine."""
    return any(asked.invoked < at and asked.may_have_happened for asked in one.of("pay"))


def _is_repeat(one: found.HeldReservation, asked: object) -> bool:
    """Return whether a call repeats an earlier one with its Idempotency-Key."""
    calls = one.of("pay", "extend")
    key = getattr(asked, "key", "")
    return bool(key) and any(it.key == key and it is not asked for it in calls)


def fans_keep_their_limit(history: History) -> Iterator[str]:
    """No fan surely has more seats at a moment than the sale allows one."""
    limit = history.terms.max_seats_per_fan
    if not limit:
        return
    owners = {one.id: one.held.user_id for one in found.reservations(history).values()}
    of_fan: dict[str, list[Spell]] = {}
    for spell in found.spells(history):
        if spell.since < spell.until:
            of_fan.setdefault(owners[spell.owner], []).append(spell)
    for fan, had in of_fan.items():
        most = max(sum(it.since <= one.since < it.until for it in had) for one in had)
        if most > limit:
            yield f"fan {fan} had {most} seats of {limit}"
