"""Checks of the seats of a performance: each has one owner, and what it shows is true."""

from proof.findings import AuditBatch, Violation

_OWNERS = """
    WITH owned AS (
        SELECT seat_id, reservation_id, performance_id FROM reservations_seatinventory
         WHERE performance_id = ANY(%(keys)s::uuid[]) AND status = 'RESERVED'
        UNION
        SELECT seat_id, reservation_id, performance_id FROM tickets_ticket
         WHERE performance_id = ANY(%(keys)s::uuid[]) AND status <> 'VOID'
        UNION
        SELECT sold.seat_id, sold.reservation_id, seat.performance_id
          FROM concerts_seat seat
          JOIN reservations_reservationseat sold ON sold.seat_id = seat.id
          JOIN reservations_reservation reservation ON reservation.id = sold.reservation_id
         WHERE seat.performance_id = ANY(%(keys)s::uuid[])
           AND sold.cancelled_at IS NULL AND reservation.status = 'CONFIRMED')
    SELECT seat_id, performance_id,
           'sold to ' || string_agg(reservation_id::text, ' and ' ORDER BY reservation_id)
      FROM owned
     GROUP BY seat_id, performance_id HAVING count(DISTINCT reservation_id) > 1
     ORDER BY seat_id LIMIT %(limit)s
"""


def seat_has_one_owner(batch: AuditBatch) -> list[Violation]:
    """Find seats that inventory, tickets and sold reservations together give to two."""
    return batch.violations("seat", _OWNERS)


# Each seat has one row with one of four states, so the four counts are the capacity.
_COUNTED = """
    SELECT seat.id, seat.performance_id,
           CASE WHEN inventory.seat_id IS NULL THEN 'not in the inventory'
                WHEN inventory.performance_id <> seat.performance_id
                    THEN 'in the inventory of ' || inventory.performance_id
                WHEN inventory.index <> seat.index
                    THEN 'at index ' || inventory.index || ' instead of ' || seat.index
                ELSE 'in the state ' || inventory.status END
      FROM concerts_seat seat
      LEFT JOIN reservations_seatinventory inventory ON inventory.seat_id = seat.id
     WHERE seat.performance_id = ANY(%(keys)s::uuid[])
       AND (inventory.seat_id IS NULL OR inventory.performance_id <> seat.performance_id
            OR inventory.index <> seat.index
            OR inventory.status NOT IN
               ('AVAILABLE', 'TEMPORARILY_RESERVED', 'RESERVED', 'BLOCKED'))
     ORDER BY seat.id LIMIT %(limit)s
"""


def seats_are_counted(batch: AuditBatch) -> list[Violation]:
    """Find seats that are not free, held, sold or blocked: together these are the capacity."""
    return batch.violations("seat", _COUNTED)


_SOLD = """
    (SELECT inventory.seat_id, inventory.performance_id,
            'sold to ' || inventory.reservation_id || ', which '
            || CASE WHEN reservation.id IS NULL THEN 'does not exist'
                    WHEN reservation.status <> 'CONFIRMED' THEN 'is ' || reservation.status
                    WHEN sold.id IS NULL THEN 'has no such seat'
                    ELSE 'gave it up' END
       FROM reservations_seatinventory inventory
       LEFT JOIN reservations_reservation reservation ON reservation.id = inventory.reservation_id
       LEFT JOIN reservations_reservationseat sold
              ON sold.reservation_id = inventory.reservation_id
             AND sold.seat_id = inventory.seat_id
      WHERE inventory.performance_id = ANY(%(keys)s::uuid[]) AND inventory.status = 'RESERVED'
        AND (reservation.status IS DISTINCT FROM 'CONFIRMED' OR sold.id IS NULL
             OR sold.cancelled_at IS NOT NULL)
      ORDER BY inventory.seat_id LIMIT %(limit)s)
    UNION ALL
    (SELECT seat.id, seat.performance_id,
            'bought by ' || reservation.id || ', but ' || inventory.status
       FROM concerts_seat seat
       JOIN reservations_reservationseat sold ON sold.seat_id = seat.id
       JOIN reservations_reservation reservation ON reservation.id = sold.reservation_id
       JOIN reservations_seatinventory inventory ON inventory.seat_id = seat.id
      WHERE seat.performance_id = ANY(%(keys)s::uuid[])
        AND sold.cancelled_at IS NULL AND reservation.status = 'CONFIRMED'
        AND inventory.status <> 'RESERVED'
      ORDER BY seat.id LIMIT %(limit)s)
"""


def sold_seats_are_bought(batch: AuditBatch) -> list[Violation]:
    """Find sold seats that no reservation has bought, and bought ones that are not sold."""
    return batch.violations("seat", _SOLD)


_HELD = """
    SELECT inventory.seat_id, inventory.performance_id,
           'held until ' || to_char(inventory.held_until AT TIME ZONE 'UTC',
                                    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
           || ' by ' || inventory.reservation_id || ', which '
           || CASE WHEN reservation.id IS NULL THEN 'does not exist'
                   WHEN reservation.status <> 'PENDING' THEN 'is ' || reservation.status
                   WHEN inventory.held_until > reservation.extendable_until
                       THEN 'may hold it no longer than its cap'
                   ELSE 'ends at another time' END
      FROM reservations_seatinventory inventory
      LEFT JOIN reservations_reservation reservation ON reservation.id = inventory.reservation_id
     WHERE inventory.performance_id = ANY(%(keys)s::uuid[])
       AND inventory.status = 'TEMPORARILY_RESERVED' AND inventory.held_until > %(now)s
       AND (reservation.status IS DISTINCT FROM 'PENDING'
            OR inventory.held_until > reservation.extendable_until
            OR inventory.held_until <> reservation.expires_at)
     ORDER BY inventory.seat_id LIMIT %(limit)s
"""


def holds_end(batch: AuditBatch) -> list[Violation]:
    """Find seats that are held for nobody, or longer than their hold may last."""
    return batch.violations("seat", _HELD)


# A limit that staff lowered takes nothing away: the highest that was ever in force counts.
_LIMITS = """
    WITH terms AS (
        SELECT sale.performance_id,
               greatest(sale.max_seats_per_fan,
                   (SELECT max(greatest((entry.changes #>> '{max_seats_per_fan,from}')::int,
                                        (entry.changes #>> '{max_seats_per_fan,to}')::int))
                      FROM accounts_auditentry entry
                     WHERE entry.target_type = 'reservations.salepolicy'
                       AND entry.target_id = sale.performance_id::text
                       AND entry.action = 'reservations.set_policy')) AS seats
          FROM reservations_salepolicy sale
         WHERE sale.performance_id = ANY(%(keys)s::uuid[]))
    SELECT reservation.user_id, terms.performance_id,
           'has ' || count(*) || ' seats, at most ' || terms.seats || ' are allowed'
      FROM terms
      JOIN concerts_seat seat ON seat.performance_id = terms.performance_id
      JOIN reservations_reservationseat chosen ON chosen.seat_id = seat.id
      JOIN reservations_reservation reservation ON reservation.id = chosen.reservation_id
     WHERE chosen.cancelled_at IS NULL
       AND (reservation.status = 'CONFIRMED'
            OR reservation.status = 'PENDING' AND reservation.expires_at > %(now)s)
     GROUP BY reservation.user_id, terms.performance_id, terms.seats
    HAVING count(*) > terms.seats
     ORDER BY reservation.user_id LIMIT %(limit)s
"""


def fans_keep_their_limit(batch: AuditBatch) -> list[Violation]:
    """Find fans who hold or have bought more seats of a performance than one may."""
    return batch.violations("fan", _LIMITS)


_TICKETS = """
    (SELECT inventory.seat_id, inventory.performance_id,
            valid.tickets || ' valid tickets of its fan'
       FROM reservations_seatinventory inventory
       JOIN reservations_reservation reservation ON reservation.id = inventory.reservation_id
      CROSS JOIN LATERAL (
            SELECT count(*) AS tickets FROM tickets_ticket ticket
             WHERE ticket.seat_id = inventory.seat_id AND ticket.status <> 'VOID'
               AND ticket.performance_id = inventory.performance_id
               AND ticket.reservation_id = inventory.reservation_id
               AND ticket.user_id = reservation.user_id) AS valid
      WHERE inventory.performance_id = ANY(%(keys)s::uuid[]) AND inventory.status = 'RESERVED'
        AND valid.tickets <> 1
      ORDER BY inventory.seat_id LIMIT %(limit)s)
    UNION ALL
    (SELECT ticket.seat_id, ticket.performance_id,
            'ticket ' || ticket.code || ' of a seat that is not sold'
       FROM tickets_ticket ticket
       LEFT JOIN reservations_seatinventory inventory ON inventory.seat_id = ticket.seat_id
      WHERE ticket.performance_id = ANY(%(keys)s::uuid[]) AND ticket.status <> 'VOID'
        AND inventory.status IS DISTINCT FROM 'RESERVED'
      ORDER BY ticket.seat_id LIMIT %(limit)s)
"""


def sold_seats_have_tickets(batch: AuditBatch) -> list[Violation]:
    """Find sold seats without the one valid ticket of their fan, and tickets of unsold seats."""
    return batch.violations("seat", _TICKETS)
