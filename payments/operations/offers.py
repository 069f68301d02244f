"""The life of an offer of other seats, each step under the locks of reservations and payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from concerts.models import Performance
from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from kernel.errors import DomainError
from kernel.ids import uuid7
from kernel.outcomes import outcome_of
from payments import events, policy
from payments.models import Offer, Payment
from payments.operations.attempts import refund_late, show
from payments.operations.received import write_paid
from payments.operations.sales import PaidHold, complete
from payments.public import FAILED, PAID, PROCESSING
from reservations import operations as reservations
from reservations.models import Reservation
from reservations.operations import LockedReservation, NewHold
from reservations.usecases.holds import check_open

_BOUGHT = {Reservation.Status.CONFIRMED, Reservation.Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class Offered:
    """The hold of the seats on offer, None where none are, and the events to record."""

    hold: NewHold | None = None
    events: Sequence[NewEvent] = ()


@dataclass(frozen=True, slots=True)
class LockedOffer:
    """An offer with its payment and both reservations, all of them locked."""

    offer: Offer
    payment: Payment
    instead_of: LockedReservation
    held: LockedReservation

    def stands(self, now: datetime) -> bool:
        """Say whether its fan may accept it: in time, the seats still held, the show going on."""
        return (
            self.offer.status == Offer.Status.OPEN
            and not self.held.has_lapsed(now)
            and self.held.rules.status != Performance.Status.CANCELLED
        )


def offer_seats(*, payment: Payment, locked: LockedReservation, now: datetime) -> Offered:
    """Hold other seats for late money and offer them, where its sale goes on and there are any.

    `payment` is LATE_CAPTURED. A reservation has one offer at most that is open or accepted.
    """
    require_transaction()
    reservation = locked.reservation
    sells = not isinstance(outcome_of(check_open, locked.rules, now=now), DomainError)
    if not sells or reservation.status in _BOUGHT or _has_offer(reservation):
        return Offered()
    until = now + policy.OFFER_LASTS
    found = reservations.hold_instead(
        locked=locked,
        reservation_id=uuid7(),
        payment_id=payment.pk,
        payment_status=PROCESSING,
        until=until,
        now=now,
    )
    if found.hold is None:
        return Offered(events=found.events)
    offer = Offer.objects.create(
        payment=payment,
        reservation=found.hold.reservation,
        instead_of=reservation,
        until=until,
        created_at=now,
    )
    return Offered(found.hold, [*found.events, events.offered(payment, offer, found.hold.seats)])


def accept_offer(*, locked: LockedOffer, now: datetime) -> list[NewEvent]:
    """Let the late money buy the seats on offer; return the events to record.

    From here on the payment is that of the new reservation.
    """
    payment, held = locked.payment, locked.held
    payment.reservation = held.reservation
    payment.save(update_fields=["reservation"])
    write_paid(row=payment, payment_key=payment.payment_key, now=now)
    show(payment, locked.instead_of, PAID, money=False)
    _close(locked.offer, Offer.Status.ACCEPTED, now)
    return complete(paid=[PaidHold(held, payment)], now=now)


def end_offer(*, locked: LockedOffer, status: Offer.Status, now: datetime) -> list[NewEvent]:
    """End an open offer that was DECLINED or has LAPSED: its money goes back, the seats are free.

    Returns the events to record; after the commit the caller publishes the change.
    """
    declined = status == Offer.Status.DECLINED
    freed = reservations.end_substitute(locked=locked.held, declined=declined, now=now)
    reservations.set_payment(
        locked=locked.held,
        payment_id=locked.payment.pk,
        payment_status=FAILED,
        money_may_have_moved=False,
    )
    _close(locked.offer, status, now)
    return [*freed, *refund_late(payment=locked.payment, with_points=True, now=now)]


def _has_offer(reservation: Reservation) -> bool:
    counts = [Offer.Status.OPEN, Offer.Status.ACCEPTED]
    return Offer.objects.filter(instead_of=reservation.pk, status__in=counts).exists()


def _close(offer: Offer, status: Offer.Status, now: datetime) -> None:
    require_transaction()
    offer.status, offer.closed_at = status, now
    offer.save(update_fields=["status", "closed_at"])
