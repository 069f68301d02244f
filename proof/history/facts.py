"""What a sale left behind, from every side that saw it.

The facts are collected by the caller: responses over HTTP, rows of the primary, events in Kafka.
The checks know nothing of how the product works; tests/unit/test_history.py shows that each of
them reports the violation it is there for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from proof.history.event_order import Published, out_of_order


@dataclass(frozen=True)
class FanPurchase:
    """What one fan has bought, by the responses."""

    user_id: str
    reservation_id: str
    seat_ids: tuple[str, ...]
    amount: int


@dataclass
class Facts:
    """One sale, seen from every side."""

    seats: frozenset[str]
    purchases: list[FanPurchase]
    # (reservation id, seat id) of each valid ticket
    tickets: list[tuple[str, str]]
    # seat id -> reservation id, of the seats the inventory calls RESERVED
    inventory: dict[str, str]
    # user id -> points: before, and now
    before: dict[str, int]
    after: dict[str, int]
    records: list[Published] = field(default_factory=list)
    # reservations, seats and amount that `statistics` counted
    statistics: tuple[int, int, int] = (0, 0, 0)


# What happens to a reservation once; `_events` looks at what comes with a purchase.
_ONCE = {"reservation.held", "reservation.expired", "reservation.released"}


def violations(facts: Facts, *, repeats_allowed: bool = False) -> list[str]:
    """Return every way in which the facts contradict each other or the promises.

    After a crash an event may be in its topic more than once (`repeats_allowed`), with the same id.
    """
    return [
        *_seats_sold_twice(facts),
        *_tickets(facts),
        *_money(facts),
        *_events(facts, repeats_allowed=repeats_allowed),
        *_updated(facts),
        *_counted(facts),
        *out_of_order(facts.records),
    ]


def _seats_sold_twice(facts: Facts) -> Iterable[str]:
    owners: dict[str, set[str]] = {}
    for purchase in facts.purchases:
        for seat in purchase.seat_ids:
            owners.setdefault(seat, set()).add(purchase.reservation_id)
    for seat, reservations in owners.items():
        if len(reservations) > 1:
            yield f"seat {seat} was sold {len(reservations)} times"
        if seat not in facts.seats:
            yield f"seat {seat} was never on sale"
    expected = {seat: next(iter(reservations)) for seat, reservations in owners.items()}
    if expected != facts.inventory:
        different = {
            s
            for s in expected.keys() | facts.inventory.keys()
            if expected.get(s) != facts.inventory.get(s)
        }
        yield f"the inventory disagrees on {len(different)} seats"


def _tickets(facts: Facts) -> Iterable[str]:
    due = {(p.reservation_id, seat) for p in facts.purchases for seat in p.seat_ids}
    issued = Counter(facts.tickets)
    for ticket, times in issued.items():
        if times > 1:
            yield f"{times} tickets for seat {ticket[1]}"
        if ticket not in due:
            yield f"a ticket for seat {ticket[1]} that nobody bought"
    for _, seat in due - issued.keys():
        yield f"no ticket for seat {seat}"


def _money(facts: Facts) -> Iterable[str]:
    spent: Counter[str] = Counter()
    for purchase in facts.purchases:
        spent[purchase.user_id] += purchase.amount
    for user, before in facts.before.items():
        if facts.after.get(user) != before - spent[user]:
            yield f"fan {user} had {before}, spent {spent[user]}, has {facts.after.get(user)}"


def _events(facts: Facts, *, repeats_allowed: bool) -> Iterable[str]:
    for wanted in ("reservation.confirmed", "payment.paid"):
        ids: dict[str, set[str]] = {}
        times: Counter[str] = Counter()
        for record in facts.records:
            if record.type == wanted:
                ids.setdefault(_reservation_of(record), set()).add(record.id)
                times[record.id] += 1
        for purchase in facts.purchases:
            found = len(ids.pop(purchase.reservation_id, ()))
            if found != 1:
                yield f"{found} {wanted} for reservation {purchase.reservation_id}"
        for reservation in ids:
            yield f"{wanted} for reservation {reservation} that nobody bought"
        repeated = [event for event, count in times.items() if count > 1]
        if repeated and not repeats_allowed:
            yield f"{len(repeated)} {wanted} were published more than once"


def _reservation_of(record: Published) -> str:
    return str(record.data["reservation_id"]) if record.type == "payment.paid" else record.key


def _updated(facts: Facts) -> Iterable[str]:
    """A repetition has the id of the first; a second id tells the same fact a second time."""
    ids: dict[tuple[str, str], set[str]] = {}
    for record in facts.records:
        if record.type in _ONCE:
            ids.setdefault((record.type, record.key), set()).add(record.id)
    for (type_, reservation), found in ids.items():
        if len(found) > 1:
            yield f"{len(found)} {type_} for reservation {reservation}"


def _counted(facts: Facts) -> Iterable[str]:
    due = (
        len(facts.purchases),
        sum(len(purchase.seat_ids) for purchase in facts.purchases),
        sum(purchase.amount for purchase in facts.purchases),
    )
    if facts.statistics != due:
        yield f"statistics counted {facts.statistics} instead of {due}"
