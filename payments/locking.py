"""The row locks of payments, charges and refunds, after those of the reservation.

Note [Lock order] (reservations/locking.py) is the whole order. A payment is locked and written
under its reservation's lock only, so its own lock is never what anybody waits for, except that a
refund's writers meet there. What is due is locked with SKIP LOCKED, which never waits.
"""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from kernel.db.transaction import require_transaction
from payments.models import (
    LIVE_STATUSES,
    Charge,
    GatewayNotice,
    Offer,
    Payment,
    Refund,
    RefundPolicy,
)

Due = TypeVar("Due", Payment, Charge, Refund)


def lock_payment(*, payment_id: UUID) -> Payment:
    """Lock a payment and return it as it is then, with its reservation."""
    require_transaction()
    rows = Payment.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("reservation").get(pk=payment_id)


def lock_live_payment(*, reservation_id: UUID) -> Payment | None:
    """Lock the one payment of a locked reservation through which money may have moved."""
    require_transaction()
    rows = Payment.objects.select_for_update(no_key=True, of=("self",))
    live = rows.filter(reservation=reservation_id, status__in=LIVE_STATUSES)
    return live.select_related("reservation").first()


def lock_charge(*, charge_id: UUID) -> Charge:
    """Lock a charge and return it as it is then."""
    require_transaction()
    return Charge.objects.select_for_update(no_key=True).get(pk=charge_id)


def lock_refund(*, refund_id: UUID) -> Refund:
    """Lock a refund whose payment is locked, and return it as it is then."""
    require_transaction()
    rows = Refund.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("payment__reservation").get(pk=refund_id)


def lock_offer(*, offer_id: UUID) -> Offer:
    """Lock an offer whose payment is locked, and return it as it is then."""
    require_transaction()
    return Offer.objects.select_for_update(no_key=True).get(pk=offer_id)


def lock_due(model: type[Due], *, limit: int, now: datetime) -> list[Due]:
    """Lock up to `limit` rows that are to be looked up at `now`, the longest due first."""
    require_transaction()
    rows = model._default_manager.select_for_update(no_key=True, skip_locked=True)
    return list(rows.filter(resolve_after__lte=now).order_by("resolve_after")[:limit])


def lock_notices(*, limit: int) -> list[GatewayNotice]:
    """Lock up to `limit` notices that nobody has handled, the oldest first."""
    require_transaction()
    rows = GatewayNotice.objects.select_for_update(no_key=True, skip_locked=True)
    return list(rows.filter(handled_at__isnull=True).order_by("received_at")[:limit])


def lock_refund_policy(*, performance_id: UUID | None) -> RefundPolicy | None:
    """Lock the fee table of a performance (after the performance), None: the one of all others."""
    require_transaction()
    rows = RefundPolicy.objects.select_for_update(no_key=True)
    return rows.filter(performance=performance_id).first()
