"""Since when money has been open: for the people who watch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min
from django.db.models.functions import Coalesce

from payments.models import Charge, Offer, Payment, Refund


@dataclass(frozen=True, slots=True)
class OldestOpen:
    """Since when the oldest of each kind has been open, None where there is none."""

    unknown: datetime | None
    late: datetime | None


def oldest_open(*, now: datetime) -> OldestOpen:
    """Return the oldest unknown payment or charge, and the oldest late capture nobody handled.

    One is handled once its money went back, and while other seats are on offer for it.
    """
    since = Min(Coalesce("requested_at", "created_at"))
    unknown = [
        model.objects.filter(status="UNKNOWN", resolve_after__isnull=False).aggregate(at=since)
        for model in (Payment, Charge)
    ]
    refunds = Refund.objects.filter(
        reason=Refund.Reason.LATE_CAPTURE, resolve_after__isnull=False
    ).aggregate(at=Min("created_at"))
    offers = Offer.objects.filter(status=Offer.Status.OPEN, until__lt=now)
    late = [refunds, offers.aggregate(at=Min("until"))]
    return OldestOpen(_earliest(unknown), _earliest(late))


def _earliest(found: Iterable[Mapping[str, datetime | None]]) -> datetime | None:
    return min((one["at"] for one in found if one["at"] is not None), default=None)
