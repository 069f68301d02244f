"""Checks of the outbox: what was committed has its event."""

from kernel.ids import first_uuid7_at
from proof import policy
from proof.findings import AuditBatch, Violation

# The outbox has no index by what an event is about: the ids near the moment are read instead.
_SALES = """
    WITH paid AS (
        SELECT payment.id, payment.reservation_id, reservation.performance_id
          FROM payments_payment payment
          JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
         WHERE payment.id = ANY(%(keys)s::uuid[]) AND payment.status = 'PAID'
           AND payment.paid_at >= %(kept_since)s),
    recorded AS MATERIALIZED (
        SELECT type, aggregate_id FROM events_outboxevent
         WHERE id >= %(first)s AND id < %(last)s
           AND type IN ('payment.paid', 'reservation.confirmed'))
    SELECT paid.id, paid.performance_id, 'no event ' || due.type
      FROM paid
     CROSS JOIN LATERAL (VALUES ('payment.paid', paid.id),
                                ('reservation.confirmed', paid.reservation_id))
           AS due (type, aggregate_id)
     WHERE NOT EXISTS (SELECT FROM recorded
                        WHERE recorded.type = due.type
                          AND recorded.aggregate_id = due.aggregate_id)
     ORDER BY paid.id LIMIT %(limit)s
"""
_PAID_BETWEEN = """
    SELECT min(paid_at), max(paid_at) FROM payments_payment
     WHERE id = ANY(%(keys)s::uuid[]) AND status = 'PAID' AND paid_at >= %(kept_since)s
"""


def sales_have_events(batch: AuditBatch) -> list[Violation]:
    """Find sales whose events were never recorded."""
    return _unrecorded(batch, "payment", _SALES, _PAID_BETWEEN)


_TRANSFERS = """
    WITH moved AS (
        SELECT id, CASE WHEN kind = 'charge' THEN 'points.charged'
                        WHEN kind IN ('payment', 'payment_hold') THEN 'points.spent'
                        WHEN kind = 'adjustment' THEN 'points.adjusted'
                        ELSE 'points.refunded' END AS type
          FROM points_transfer
         WHERE id = ANY(%(keys)s::uuid[]) AND created_at >= %(kept_since)s
           AND kind IN ('charge', 'payment', 'payment_hold', 'payment_return', 'refund',
                        'adjustment')),
    recorded AS MATERIALIZED (
        SELECT type, data ->> 'transfer_id' AS transfer_id FROM events_outboxevent
         WHERE id >= %(first)s AND id < %(last)s
           AND type IN ('points.charged', 'points.spent', 'points.refunded',
                        'points.adjusted'))
    SELECT moved.id, NULL::uuid, 'no event ' || moved.type
      FROM moved
     WHERE NOT EXISTS (SELECT FROM recorded
                        WHERE recorded.type = moved.type
                          AND recorded.transfer_id = moved.id::text)
     ORDER BY moved.id LIMIT %(limit)s
"""
_MOVED_BETWEEN = """
    SELECT min(created_at), max(created_at) FROM points_transfer
     WHERE id = ANY(%(keys)s::uuid[]) AND created_at >= %(kept_since)s
"""


def transfers_have_events(batch: AuditBatch) -> list[Violation]:
    """Find points that moved without the event that says so; points given away have none."""
    return _unrecorded(batch, "transfer", _TRANSFERS, _MOVED_BETWEEN)


def _unrecorded(batch: AuditBatch, kind: str, statement: str, between: str) -> list[Violation]:
    kept_since = batch.now - policy.EVENTS_KEPT
    [(first, last)] = batch.rows(between, kept_since=kept_since)
    if first is None:
        return []
    return batch.violations(
        kind,
        statement,
        kept_since=kept_since,
        first=first_uuid7_at(first - policy.EVENTS_BEFORE),
        last=first_uuid7_at(last + policy.EVENTS_AFTER),
    )
