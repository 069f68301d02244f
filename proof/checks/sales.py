"""Checks of what was paid: every sale has its money, and every payment its seats."""

from proof.findings import AuditBatch, Violation

_PAID = """
    WITH sold AS (
        SELECT DISTINCT reservation_id, performance_id FROM reservations_seatinventory
         WHERE performance_id = ANY(%(keys)s::uuid[]) AND status = 'RESERVED')
    SELECT reservation.id, sold.performance_id,
           CASE WHEN price.total <> reservation.amount
                THEN 'costs ' || reservation.amount || ', its seats ' || price.total
                WHEN payment.id IS NULL THEN 'nobody paid ' || reservation.amount
                ELSE 'costs ' || reservation.amount || ' ' || reservation.currency
                     || ', paid ' || payment.amount || ' ' || payment.currency END
      FROM sold
      JOIN reservations_reservation reservation ON reservation.id = sold.reservation_id
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(seat.price), 0) AS total FROM reservations_reservationseat seat
            WHERE seat.reservation_id = reservation.id) AS price
      LEFT JOIN payments_payment payment
             ON payment.reservation_id = reservation.id AND payment.status = 'PAID'
     WHERE price.total <> reservation.amount
        OR reservation.amount > 0
           AND (payment.id IS NULL OR payment.amount <> reservation.amount
                OR payment.currency <> reservation.currency)
     ORDER BY reservation.id LIMIT %(limit)s
"""


def sales_are_paid(batch: AuditBatch) -> list[Violation]:
    """Find sales without a payment of their price; what costs nothing needs none."""
    return batch.violations("reservation", _PAID)


# The points part is with us in every live state, and back exactly once in every other. With late
# money it is back at once, or goes with the refund of the rest.
_POINTS = """
    SELECT payment.id, reservation.performance_id,
           payment.status || ' with a points part of ' || payment.points_amount || ', but '
           || moved.points || ' points moved'
      FROM payments_payment payment
      JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
     CROSS JOIN LATERAL (
           SELECT coalesce(-sum(entry.amount), 0) AS points
             FROM points_transfer transfer
             JOIN points_entry entry ON entry.transfer_id = transfer.id
                                    AND entry.account_id = payment.user_id
            WHERE transfer.reference = payment.id
              AND transfer.kind IN ('payment', 'payment_hold', 'payment_return')) AS moved
     WHERE payment.id = ANY(%(keys)s::uuid[])
       AND moved.points <> CASE
           WHEN payment.status IN ('CREATED', 'REQUESTED', 'UNKNOWN', 'PAID')
           THEN payment.points_amount ELSE 0 END
       AND NOT (payment.status = 'LATE_CAPTURED' AND moved.points = payment.points_amount)
     ORDER BY payment.id LIMIT %(limit)s
"""


def points_of_payments_moved(batch: AuditBatch) -> list[Violation]:
    """Find payments whose points part is not where their state says."""
    return batch.violations("payment", _POINTS)


_CHARGES = """
    SELECT charge.id, NULL::uuid,
           charge.status || ' for ' || charge.amount || ', but ' || moved.points || ' points came'
      FROM payments_charge charge
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(entry.amount), 0) AS points
             FROM points_transfer transfer
             JOIN points_entry entry ON entry.transfer_id = transfer.id
                                    AND entry.account_id = charge.user_id
            WHERE transfer.reference = charge.id AND transfer.kind = 'charge') AS moved
     WHERE charge.id = ANY(%(keys)s::uuid[])
       AND moved.points <> CASE charge.status WHEN 'PAID' THEN charge.amount ELSE 0 END
     ORDER BY charge.id LIMIT %(limit)s
"""


def charges_bought_points(batch: AuditBatch) -> list[Violation]:
    """Find charges that bought other points than were paid for."""
    return batch.violations("charge", _CHARGES)


# A refund that the gateway refused is still the fan's money: somebody gives it back by hand.
_BEHIND = """
    SELECT payment.id, reservation.performance_id,
           'paid ' || payment.amount || ', back ' || back.amount || ', fees ' || kept.fees
           || ', valid seats worth ' || bought.worth
      FROM payments_payment payment
      JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(refund.amount), 0) AS amount FROM payments_refund refund
            WHERE refund.payment_id = payment.id) AS back
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(cancellation.fee), 0) AS fees
             FROM payments_cancellation cancellation
            WHERE cancellation.payment_id = payment.id) AS kept
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(seat.price), 0) AS worth FROM reservations_reservationseat seat
            WHERE seat.reservation_id = reservation.id AND seat.cancelled_at IS NULL
              AND reservation.status = 'CONFIRMED') AS bought
     WHERE payment.id = ANY(%(keys)s::uuid[]) AND payment.status = 'PAID'
       AND payment.amount - back.amount - kept.fees <> bought.worth
     ORDER BY payment.id LIMIT %(limit)s
"""


def money_is_behind_seats(batch: AuditBatch) -> list[Violation]:
    """Find payments that, less refunds and fees, are not the price of the seats that are left."""
    return batch.violations("payment", _BEHIND)


_REFUNDS = """
    SELECT payment.id, reservation.performance_id,
           payment.status || ' of ' || payment.amount || ' (' || payment.points_amount
           || ' points), back ' || back.amount || ' (' || back.points || ' points), of which '
           || back.moved || ' points moved'
      FROM payments_payment payment
      JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(refund.amount), 0) AS amount,
                  coalesce(sum(refund.points_amount), 0) AS points,
                  coalesce(sum(refund.points_amount) FILTER (WHERE refund.status = 'DONE'), 0)
                      AS done,
                  coalesce(sum((SELECT sum(entry.amount)
                                  FROM points_transfer transfer
                                  JOIN points_entry entry ON entry.transfer_id = transfer.id
                                                         AND entry.account_id = payment.user_id
                                 WHERE transfer.kind = 'refund'
                                   AND transfer.reference = refund.id)), 0) AS moved
             FROM payments_refund refund
            WHERE refund.payment_id = payment.id) AS back
     WHERE payment.id = ANY(%(keys)s::uuid[])
       AND (back.moved <> back.done
            OR back.points > payment.points_amount
            OR back.amount - back.points > payment.amount - payment.points_amount
            OR back.amount > 0 AND payment.status NOT IN ('PAID', 'LATE_CAPTURED'))
     ORDER BY payment.id LIMIT %(limit)s
"""


def refunds_stay_within_payments(batch: AuditBatch) -> list[Violation]:
    """Find payments of which more went back than was captured, by either way, or not as said."""
    return batch.violations("payment", _REFUNDS)
