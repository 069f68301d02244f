"""Writes of the inbox of webhooks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kernel.db.transaction import require_transaction
from payments import locking
from payments.gateways.gateway import Notice
from payments.models import Charge, GatewayNotice, Payment
from payments.models.notices import NOTICE_ID_LENGTH


def receive_notice(*, gateway: str, notice: Notice, now: datetime) -> None:
    """Keep a notice, unless it has been received before: one statement, which waits for nobody."""
    require_transaction()
    row = GatewayNotice(
        gateway=gateway,
        notice_id=notice.id[:NOTICE_ID_LENGTH],
        order_id=notice.order_id,
        occurred_at=notice.occurred_at,
        received_at=now,
    )
    GatewayNotice.objects.bulk_create([row], ignore_conflicts=True)


def take_notices(*, limit: int, now: datetime) -> int:
    """Make the orders of up to `limit` unhandled notices due now; return how many notices.

    An order that is final, or that nobody here knows, is left as it is.
    """
    require_transaction()
    notices = locking.lock_notices(limit=limit)
    orders = [notice.order_id for notice in notices]
    _make_due(orders, now)
    handled: Sequence[UUID] = [notice.pk for notice in notices]
    GatewayNotice.objects.filter(pk__in=handled).update(handled_at=now)
    return len(notices)


def _make_due(orders: Sequence[str], now: datetime) -> None:
    payments = Payment.objects.filter(order_id__in=orders)
    payments.exclude(status__in=["PAID", "LATE_CAPTURED"]).update(resolve_after=now)
    Charge.objects.filter(order_id__in=orders).exclude(status="PAID").update(resolve_after=now)
