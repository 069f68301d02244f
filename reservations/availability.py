"""When a seat is free: one predicate and one SQL fragment, used by everything that asks.

Note [Hold deadline]
A hold ends by itself: every claim and every read judges `SeatInventory.held_until` by its own
`now`, so nobody waits for a job to notice. The reservation's `expires_at` is the same moment, and
both move together in one transaction, under the locks of Note [Lock order]. A seat whose hold has
lapsed is free to the next request; the reservation it belonged to becomes EXPIRED in the
transaction that takes the seat over, or in the sweep, whichever comes first. Nothing may move the
deadline past `extendable_until`, which counts from the first hold: by the sale policy's cap, or by
its longer one where the fan had `extra_time` set when the seats were first held.

Note [First hold]
Giving seats up, or letting them lapse, and holding them again is one hold: while an earlier hold
of the same fan at the same performance could still run, a new hold of any of its seats ends no
later than that one's `extendable_until`. Once that has passed, the fan may hold them afresh like
anybody else.
"""

from datetime import datetime

# Of a row of reservations_seatinventory AS inventory, with the parameter `now`. Never NULL: a seat
# that is TEMPORARILY_RESERVED has a deadline (reservations_inventory_state_consistent).
FREE = """
    (inventory.status = 'AVAILABLE'
     OR (inventory.status = 'TEMPORARILY_RESERVED' AND inventory.held_until <= %(now)s))
"""

# The letter of a seat in the availability string.
LETTER = f"""
    CASE WHEN {FREE} THEN 'A'
         WHEN inventory.status = 'TEMPORARILY_RESERVED' THEN 'T'
         WHEN inventory.status = 'RESERVED' THEN 'R'
         ELSE 'B'
    END
"""
NAMES = {"A": "AVAILABLE", "T": "TEMPORARILY_RESERVED", "R": "RESERVED", "B": "BLOCKED"}


def is_free(*, status: str, held_until: datetime | None, now: datetime) -> bool:
    """Say whether a claim at `now` may take a seat of that status and deadline."""
    if status == "TEMPORARILY_RESERVED":
        return held_until is not None and held_until <= now
    return status == "AVAILABLE"
