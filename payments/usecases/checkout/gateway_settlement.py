"""Settle a payment that a gateway takes: by what it said, once, from wherever it comes.

Note [Settling]
The view that confirms, the webhook and the reconciler all settle, in any order and at once, also
late: a paused process may bring what was said minutes ago. So each locks in the order of Note [Lock
order] and then goes by the state it finds. What is known to be final stays; money that was taken
always ends in seats or in a refund, the seats perhaps others that the fan accepts (Note [Offers] in
usecases/checkout/offers.py), and the points part is back exactly where there are no seats.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from concerts.models import Performance
from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from payments import failures, locking, metrics, operations, queries
from payments.gateways.gateway import GatewayPayment
from payments.models import OPEN_STATUSES, Payment
from payments.operations import Ended, PaidHold
from payments.queries import AttemptKeys, PaymentResult
from payments.usecases.checkout.attempts import GIVEN_UP
from payments.usecases.checkout.publication import (
    PaidSeats,
    publish_offered,
    publish_sales,
    publish_window,
)
from payments.verdicts import MoneyVerdict, Said, failure_in, verdict_on
from reservations import operations as reservations
from reservations.models import Reservation
from reservations.operations import LockedReservation, NewHold

log = logging.getLogger(__name__)
_ENDED = {Payment.Status.FAILED, Payment.Status.ABANDONED}


def settle(
    *, payment_id: UUID, said: Said, now: datetime, keys: AttemptKeys | None = None
) -> PaymentResult:
    """Bring a payment to the state that follows from what the gateway said; idempotent.

    `keys`: those of the payment while it was open, if they are known. Never fails for lack of
    points. Raises PaymentNotFound.
    """
    # An accepted offer alone changes them, and a payment that was offered seats isn't settled any
    # more: by the keys from before it is found final.
    keys = keys or queries.attempt_keys(payment_id=payment_id)
    with transaction():
        locked = reservations.lock_to_settle(
            reservation_id=keys.reservation_id,
            user_id=keys.user_id,
            performance_id=keys.performance_id,
        )
        payment = locking.lock_payment(payment_id=payment_id)
        settlement = Settlement(payment, locked, said, now)
        settlement.carry_out()
        record(events=settlement.events, now=now)
    _publish(settlement)
    if settlement.outcome:
        metrics.payments.labels(payment.method, settlement.outcome).inc()
    if settlement.sold:
        payment.reservation = locked.reservation
        return queries.payment_result(payment, reservation_status=Reservation.Status.CONFIRMED)
    payment = queries.attempt(payment_id=payment_id)
    return queries.payment_result(payment, reservation_status=payment.reservation.status)


def _publish(settlement: "Settlement") -> None:
    locked, now = settlement.locked, settlement.now
    reservation = locked.reservation
    if settlement.sold:
        sale = PaidSeats(reservation.user_id, reservation.pk, locked.seat_ids)
        publish_sales(performance_id=reservation.performance_id, sales=[sale], now=now)
    if settlement.offered is not None:
        publish_offered(settlement.offered, now=now)
        metrics.offers.labels("made").inc()
    if settlement.prolonged:
        publish_window(locked=locked, now=now)


@dataclass(slots=True)
class Settlement:
    """One payment under its locks, what the gateway said of it, and what comes of that."""

    payment: Payment
    locked: LockedReservation
    said: Said
    now: datetime
    events: list[NewEvent] = field(default_factory=list)
    outcome: str = ""
    sold: bool = False
    offered: NewHold | None = None
    prolonged: bool = False

    def carry_out(self) -> None:
        """Write what follows, if anything does."""
        _STEPS[verdict_on(self.payment, self.said)](self)

    @property
    def _is_open(self) -> bool:
        return self.payment.status in OPEN_STATUSES

    def _capture(self) -> None:
        """Hand the seats over for the money, or write down that it has to go back."""
        if self.payment.status in {Payment.Status.PAID, Payment.Status.LATE_CAPTURED}:
            return
        with_points = self._is_open
        may_have_seats = self._may_have_seats()
        if may_have_seats and self._take_seats():
            self._hand_over()
            return
        operations.capture_late(
            payment=self.payment, locked=self.locked, payment_key=self._payment_key
        )
        if may_have_seats and self._offer_others():
            return
        self.events += operations.refund_late(
            payment=self.payment, with_points=with_points, now=self.now
        )
        self.outcome = "late_captured"
        log.warning("money captured without seats", extra={"payment": str(self.payment.pk)})

    def _may_have_seats(self) -> bool:
        """Say whether the money is all there, the show goes on, and no other attempt has paid."""
        if self.payment.status in _ENDED and self.payment.points_amount:
            return False  # the points part is back, and may be spent
        if self.locked.rules.status == Performance.Status.CANCELLED:
            return False
        rival = self._rival()
        return rival is None or rival.status == Payment.Status.CREATED

    def _rival(self) -> Payment | None:
        """Return another attempt that is alive; none is beside an open one, by constraint."""
        if self._is_open:
            return None
        live = locking.lock_live_payment(reservation_id=self.locked.reservation.pk)
        return None if live is None or live.pk == self.payment.pk else live

    def _take_seats(self) -> bool:
        """Say whether the seats are the fan's, if need be after taking them again."""
        if not self.locked.holds_its_seats:
            reclaimed = reservations.reclaim(locked=self.locked, now=self.now)
            self.events += reclaimed.events
            if not reclaimed.succeeded:
                return False
        rival = self._rival()
        if rival is not None:
            # Nobody has confirmed it: the attempt that has the money goes first.
            self.events += operations.end(
                payment=rival, locked=self.locked, ended=GIVEN_UP, now=self.now
            )
        return True

    def _offer_others(self) -> bool:
        """Say whether other seats of the same worth are held for the fan, who may accept them."""
        found = operations.offer_seats(payment=self.payment, locked=self.locked, now=self.now)
        self.events += found.events
        self.offered = found.hold
        self.outcome = "offered" if found.hold else ""
        return found.hold is not None

    def _hand_over(self) -> None:
        operations.write_paid(row=self.payment, payment_key=self._payment_key, now=self.now)
        paid = PaidHold(self.locked, self.payment)
        self.events += operations.complete(paid=[paid], now=self.now)
        self.outcome, self.sold = "paid", True

    @property
    def _payment_key(self) -> str:
        return self.said.payment_key if isinstance(self.said, GatewayPayment) else ""

    def _fail(self) -> None:
        """End an open attempt as the gateway says: nothing was taken, nothing will be."""
        reason = failure_in(self.said)
        self._end(Ended(Payment.Status.FAILED, reason.code, reason.message, final=True))
        if self.payment.status in _ENDED:
            operations.stop_looking(payment=self.payment)

    def _give_up(self) -> None:
        """End an attempt whose money somebody gave back at the gateway."""
        if self.payment.status in _ENDED:
            operations.write_given_back(row=self.payment)
        self._end(Ended(Payment.Status.FAILED, failures.REFUNDED_BY_GATEWAY, final=True))

    def _end(self, ended: Ended) -> None:
        if self._is_open:
            self.events += operations.end(
                payment=self.payment, locked=self.locked, ended=ended, now=self.now
            )
            self.outcome = ended.code

    def _wait(self) -> None:
        """Leave an attempt open that nobody has paid; after the hold's time it ends, watched."""
        if not self._is_open:
            return
        if not self.locked.has_lapsed(self.now) and self._may_be_paid:
            operations.keep_open(payment=self.payment, locked=self.locked, now=self.now)
        elif self.payment.status == Payment.Status.CREATED:
            self._end(Ended(Payment.Status.ABANDONED, failures.NOT_PAID))
        else:
            self._end(Ended(Payment.Status.FAILED, failures.NOT_PAID))

    @property
    def _may_be_paid(self) -> bool:
        return self.locked.holds_its_seats

    def _doubt(self) -> None:
        if self._is_open:
            self.prolonged = operations.mark_unknown(
                payment=self.payment, locked=self.locked, now=self.now
            )
            self.outcome = "unknown"


_STEPS: Mapping[MoneyVerdict, Callable[[Settlement], None]] = {
    MoneyVerdict.CAPTURED: Settlement._capture,
    MoneyVerdict.FAILED: Settlement._fail,
    MoneyVerdict.GIVEN_BACK: Settlement._give_up,
    MoneyVerdict.OPEN: Settlement._wait,
    MoneyVerdict.UNKNOWN: Settlement._doubt,
    # Never PAID: the state stays open until somebody has looked.
    MoneyVerdict.MISMATCH: Settlement._doubt,
}
