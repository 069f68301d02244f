"""What staff look at of a performance's money, from the primary."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, Sum

from kernel.ids import first_uuid7_at
from payments.models import Charge, Payment, Refund

_OPEN = ("REQUESTED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class AttemptFigures:
    """Attempts to pay that began within a while: paid, failed, and not decided yet."""

    paid: int
    failed: int
    undecided: int


@dataclass(frozen=True, slots=True)
class RefundFigures:
    """What goes or went back to fans in minor units, and refunds that the gateway has refused."""

    amount: int
    refused: int


def recent_attempts(*, performance_id: UUID, since: datetime) -> AttemptFigures:
    """Count the attempts that began after `since`: read along the key, which time orders."""
    rows = Payment.objects.filter(
        pk__gte=first_uuid7_at(since), reservation__performance=performance_id
    )
    counted = rows.aggregate(
        paid=Count("pk", filter=Q(status=Payment.Status.PAID)),
        failed=Count("pk", filter=Q(status=Payment.Status.FAILED)),
        undecided=Count("pk", filter=Q(status__in=_OPEN)),
    )
    return AttemptFigures(**counted)


def refund_figures(*, performance_id: UUID) -> RefundFigures:
    """Sum up the refunds of a performance; those that were refused are counted apart."""
    refused = Q(status=Refund.Status.REFUSED)
    rows = Refund.objects.filter(payment__reservation__performance=performance_id)
    found = rows.aggregate(
        amount=Sum("amount", filter=~refused, default=0), refused=Count("pk", filter=refused)
    )
    return RefundFigures(**found)


def payments_of(*, user_id: UUID, limit: int) -> list[Payment]:
    """Return a fan's attempts to pay, the latest first."""
    return list(Payment.objects.filter(user=user_id).order_by("-pk")[:limit])


def charges_of(*, user_id: UUID, limit: int) -> list[Charge]:
    """Return the points that a fan bought or tried to, the latest first."""
    return list(Charge.objects.filter(user=user_id).order_by("-pk")[:limit])


def refunds_of(*, user_id: UUID, limit: int) -> list[Refund]:
    """Return what went or goes back to a fan, the latest first."""
    return list(Refund.objects.filter(payment__user=user_id).order_by("-pk")[:limit])
