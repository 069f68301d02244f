"""Checks of our rows against the gateway's own ledger, read on the primary.

The gateway moves on while we read, so what differs is looked at again, order by order: our row,
the gateway, and our row once more. Only if ours stood still does a difference count.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import QuerySet

from payments import gateways
from payments.models import Charge, Payment
from payments.orders import known_orders
from proof import gateway_ledger, policy
from proof.findings import AuditBatch, Violation
from proof.gateway_ledger import NOTHING

R = TypeVar("R", Payment, Charge)


def gateway_agrees(batch: AuditBatch) -> list[Violation]:
    """Find orders of which the gateway has taken or given back other money than our rows say.

    Where the gateway lists what it took, every settled order is compared, else the latest ones.
    """
    if gateways.current() is None:
        return []
    listed = gateway_ledger.listed()
    found: list[Violation] = []
    for row in _orders(batch, limit=None if listed is not None else policy.LOOK_UPS_PER_AUDIT):
        ours = gateway_ledger.expected(row)
        if ours is None:
            continue
        if listed is not None and listed.get(str(row.order_id), NOTHING) == ours:
            continue
        found += _looked_at_again(batch, row)
        if len(found) >= policy.EXAMPLES:
            break
    return found


def gateway_took_nothing_else(batch: AuditBatch) -> list[Violation]:
    """Find orders whose money the gateway has and we know nothing of, where it lists them."""
    listed = gateway_ledger.listed() or {}
    order_ids = [order_id for order_id, one in listed.items() if one.captured > one.refunded]
    unknown: list[str] = []
    for start in range(0, len(order_ids), policy.KEYS_PER_BATCH):
        some = order_ids[start : start + policy.KEYS_PER_BATCH]
        known = known_orders(some)
        unknown += [order_id for order_id in some if order_id not in known]
    return [
        batch.violation("order", order_id, f"captured {listed[order_id].captured}, unknown to us")
        for order_id in unknown[: policy.EXAMPLES]
    ]


def _orders(batch: AuditBatch, *, limit: int | None) -> Iterable[Payment | Charge]:
    """Yield the rows that have an order at the gateway in use, the latest first."""
    gateway, performance = gateways.current(), batch.scope.performance_id
    name = gateway.name if gateway else ""
    payments = Payment.objects.filter(gateway=name).order_by("-pk")
    payments = payments.select_related("reservation").prefetch_related("refunds")
    charges = Charge.objects.filter(gateway=name).order_by("-pk")
    if performance is not None:
        payments = payments.filter(reservation__performance=performance)
        charges = charges.none()
    yield from islice(_by_key(payments), limit)
    yield from islice(_by_key(charges), limit)


def _by_key(rows: "QuerySet[R]") -> Iterator[R]:
    """Yield rows in bounded batches, each read when the one before is done with."""
    page = list(rows[: policy.KEYS_PER_BATCH])
    while page:
        yield from page
        page = list(rows.filter(pk__lt=page[-1].pk)[: policy.KEYS_PER_BATCH])


def _looked_at_again(batch: AuditBatch, row: Payment | Charge) -> list[Violation]:
    ours = gateway_ledger.expected(gateway_ledger.reread(row))
    theirs = gateway_ledger.look_up(row)
    if ours is None or theirs is None or ours == theirs:
        return []
    if gateway_ledger.expected(gateway_ledger.reread(row)) != ours:
        return []
    kind = type(row).__name__.lower()
    said = f"we say {ours.captured} less {ours.refunded}, {row.gateway} says"
    said = f"{said} {theirs.captured} less {theirs.refunded} ({row.order_id})"
    return [batch.violation(kind, row.pk, said, gateway_ledger.performance_of(row))]
