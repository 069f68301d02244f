"""The reads of offers of other seats, from the primary."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments.models import Offer, Payment
from reservations.events import PricedSeat
from reservations.models import ReservationSeat


class OfferNotFound(DomainError):
    """Nothing was offered for this payment."""

    code = "offer_not_found"
    kind = Kind.NOT_FOUND
    message = text(
        en="No other seats were offered for this payment.", ko="제안된 대체 좌석이 없습니다."
    )


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """Seats that are held for a fan until `until`, instead of those that were gone."""

    reservation_id: UUID
    seats: tuple[PricedSeat, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class OfferKeys:
    """What must be locked for an offer; while it is open none of it changes."""

    offer_id: UUID
    payment_id: UUID
    user_id: UUID
    performance_id: UUID
    instead_of: UUID
    reservation_id: UUID


def offer_keys(*, payment_id: UUID) -> OfferKeys:
    """Return the keys of the offer that a payment has or had. Raises OfferNotFound."""
    return _keys(Offer.objects.filter(payment=payment_id))


def offer_keys_of(*, offer_id: UUID) -> OfferKeys:
    """Return the keys of an offer. Raises OfferNotFound."""
    return _keys(Offer.objects.filter(pk=offer_id))


def due_offers(*, limit: int, now: datetime) -> list[UUID]:
    """Return up to `limit` open offers whose time has passed, the longest over first."""
    due = Offer.objects.filter(status=Offer.Status.OPEN, until__lte=now)
    return list(due.order_by("until").values_list("pk", flat=True)[:limit])


def payment_of_offered(*, reservation_id: UUID) -> UUID | None:
    """Return the payment whose open offer holds the seats of a reservation, if one does."""
    rows = Offer.objects.filter(reservation=reservation_id, status=Offer.Status.OPEN)
    return rows.values_list("payment_id", flat=True).first()


def is_open(*, offer_id: UUID, now: datetime) -> bool:
    """Say whether an offer waits for its fan, and its time has not passed."""
    return Offer.objects.filter(pk=offer_id, status=Offer.Status.OPEN, until__gt=now).exists()


def open_offers() -> int:
    """Return how many offers wait for their fans."""
    return Offer.objects.filter(status=Offer.Status.OPEN).count()


def shown_offer(payment: Payment) -> ShownOffer | None:
    """Return the open offer of a payment as its fan sees it."""
    if payment.status != Payment.Status.LATE_CAPTURED:
        return None
    offer = Offer.objects.filter(payment=payment, status=Offer.Status.OPEN).first()
    if offer is None:
        return None
    rows = ReservationSeat.objects.filter(reservation=offer.reservation_id)
    rows = rows.select_related("seat__section").order_by("seat__index")
    seats = tuple(
        PricedSeat(
            row.seat_id,
            row.seat.section.code,
            row.seat.row,
            row.seat.number,
            Money(row.price, row.currency),
        )
        for row in rows
    )
    return ShownOffer(offer.reservation_id, seats, offer.until)


def _keys(rows: "QuerySet[Offer]") -> OfferKeys:
    found = rows.values_list(
        "pk",
        "payment",
        "payment__user_id",
        "reservation__performance_id",
        "instead_of",
        "reservation",
    ).first()
    if found is None:
        raise OfferNotFound
    return OfferKeys(*found)
