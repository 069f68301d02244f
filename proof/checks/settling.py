"""Checks of what is to settle by itself: open outcomes at the gateway, and the outbox."""

from datetime import timedelta

from proof import policy
from proof.findings import AuditBatch, Violation

_OPEN = """
    WITH open AS (
        SELECT 'payment' AS kind, payment.id, reservation.performance_id, payment.status,
               payment.requested_at AS asked_at, payment.resolve_after
          FROM payments_payment payment
          JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
         WHERE payment.resolve_after IS NOT NULL
        UNION ALL
        SELECT 'charge', id, NULL, status, requested_at, resolve_after
          FROM payments_charge WHERE resolve_after IS NOT NULL
        UNION ALL
        SELECT 'refund', refund.id, reservation.performance_id, refund.status, refund.created_at,
               refund.resolve_after
          FROM payments_refund refund
          JOIN payments_payment payment ON payment.id = refund.payment_id
          JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
         WHERE refund.resolve_after IS NOT NULL)
    SELECT kind, id, performance_id, {said} FROM open
     WHERE {condition}
       AND (%(performance)s::uuid IS NULL OR performance_id = %(performance)s::uuid)
     ORDER BY id LIMIT %(limit)s
"""
_UNKNOWN = _OPEN.format(
    said="status || ' since ' || asked_at",
    condition="status IN ('REQUESTED', 'UNKNOWN') AND asked_at < %(settled)s",
)
_OVERDUE = _OPEN.format(
    said="status || ', not looked up since ' || resolve_after",
    condition="resolve_after < %(settled)s",
)


def outcomes_become_known(batch: AuditBatch) -> list[Violation]:
    """Find money of which the gateway has not said for too long where it is."""
    return _still_open(batch, _UNKNOWN, policy.OUTCOMES_SETTLE)


def gateway_is_asked(batch: AuditBatch) -> list[Violation]:
    """Find what was to be looked up at the gateway a while ago, and was not."""
    return _still_open(batch, _OVERDUE, policy.LOOK_UPS_SETTLE)


def _still_open(batch: AuditBatch, statement: str, settles: timedelta) -> list[Violation]:
    settled, performance = batch.settled_before(settles), batch.scope.performance_id
    rows = batch.rows(statement, settled=settled, performance=performance)
    return [batch.violation(kind, key, said, of) for kind, key, of, said in rows]


_LATE = """
    SELECT payment.id, reservation.performance_id,
           'late money of ' || payment.amount - payment.points_amount || ', of which '
           || back.amount || ' is on its way back'
      FROM payments_payment payment
      JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(refund.amount - refund.points_amount), 0) AS amount
             FROM payments_refund refund WHERE refund.payment_id = payment.id) AS back
     WHERE payment.id = ANY(%(keys)s::uuid[]) AND payment.status = 'LATE_CAPTURED'
       AND payment.created_at < %(settled)s
       AND back.amount <> payment.amount - payment.points_amount
       AND NOT EXISTS (SELECT FROM payments_offer offer
                        WHERE offer.payment_id = payment.id AND offer.status = 'OPEN'
                          AND offer.until > %(settled)s)
     ORDER BY payment.id LIMIT %(limit)s
"""


def late_money_goes_back(batch: AuditBatch) -> list[Violation]:
    """Find money that came too late, bought nothing, waits for no answer and does not go back."""
    settled = batch.settled_before(policy.LATE_MONEY_SETTLES)
    return batch.violations("payment", _LATE, settled=settled)


_UNPUBLISHED = """
    SELECT id, NULL::uuid, type || ' waits since ' || created_at
      FROM events_outboxevent
     WHERE published_at IS NULL AND dead_at IS NULL AND created_at < %(settled)s
     ORDER BY id LIMIT %(limit)s
"""


def events_are_published(batch: AuditBatch) -> list[Violation]:
    """Find events that wait for Kafka longer than the relay needs."""
    settled = batch.settled_before(policy.OUTBOX_SETTLES)
    return batch.violations("event", _UNPUBLISHED, settled=settled)


_DEAD = """
    SELECT id, NULL::uuid, type || ' was set aside: ' || failure
      FROM events_outboxevent WHERE dead_at IS NOT NULL
     ORDER BY dead_at LIMIT %(limit)s
"""


def events_are_accepted(batch: AuditBatch) -> list[Violation]:
    """Find events that Kafka refused and nobody has sent again."""
    return batch.violations("event", _DEAD)
