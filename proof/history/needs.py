"""What each check of a history needs: without it, it finds nothing and says nothing."""

from collections.abc import Callable

from proof.history import reservations as found
from proof.history.recorded import OK, History


def _final(history: History) -> bool:
    return history.final is not None


def _ends(history: History) -> bool:
    """Return whether any hold surely lasted: by a deadline or a payment."""
    made = found.reservations(history).values()
    return any(
        one.surely_until(seat) > one.held.ended for one in made for seat in one.held.seat_ids
    )


def _deadlines(history: History) -> bool:
    return any(one.held.until for one in found.reservations(history).values())


def _limit(history: History) -> bool:
    return bool(history.terms.max_seats_per_fan) and _ends(history)


def _numbers(history: History) -> bool:
    return any(one.number for one in history.of("join", "poll", outcome=OK))


def _pace(history: History) -> bool:
    terms = history.terms
    return _numbers(history) and bool(terms.rate_per_second or terms.capacity)


def _payments(history: History) -> bool:
    return history.final is not None and history.final.payments is not None


NEEDS: dict[str, Callable[[History], bool]] = {
    "seats_have_one_owner": _ends,
    "no_success_is_lost": _final,
    "nothing_is_sold_by_nobody": _final,
    "seats_are_conserved": lambda history: _final(history) and bool(history.terms.seats),
    "nothing_succeeds_on_a_lapsed_hold": _deadlines,
    "fans_keep_their_limit": _limit,
    "money_is_conserved": lambda history: _final(history) and bool(history.terms.balances),
    "keys_are_honoured": lambda history: any(one.key for one in history.operations),
    "refusals_cost_nothing": _payments,
    "numbers_are_in_order": _numbers,
    "nobody_overtakes": _numbers,
    "admission_keeps_its_pace": _pace,
    "own_writes_are_visible": lambda history: bool(history.of("look", "tickets")),
    "faults_are_survived": lambda history: bool(history.faults),
    "events_are_published_once": (
        lambda history: history.final is not None and history.final.outbox is not None
    ),
}
