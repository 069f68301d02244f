"""The use cases of an offer of other seats: accept it, decline it, let it lapse.

Note [Offers]
The late money of an open offer is with us, and so are its points part and the seats. Whatever ends
the offer locks both reservations and the payment first (Note [Lock order]) and then goes by the
state it finds, so it ends once: in seats, or in a refund of all of it. The seats are free by their
deadline even if nobody ends the offer (Note [Hold deadline]); the next answer or the reconciler
then writes the end down.

The money waits at the gateway for as long as the fan thinks about it, and its desk may give it back
meanwhile. So the gateway is looked up before the seats are taken for good; where it can't be, the
offer stays open, and the fan asks again.
"""

import logging
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.outcomes import result_of
from payments import gateways, locking, metrics, offer_queries, operations, queries
from payments.freed_seats import publish_freed
from payments.gateways.gateway import GatewayPayment, NotSent
from payments.models import Offer
from payments.offer_queries import OfferKeys
from payments.operations import LockedOffer
from payments.orders import find_order
from payments.queries import PaymentResult
from payments.usecases.checkout.publication import PaidSeats, publish_sales
from payments.verdicts import MoneyVerdict, verdict_on
from reservations import operations as reservations

log = logging.getLogger(__name__)


class OfferExpired(DomainError):
    """The offer was answered otherwise, or its time has passed (`until`); the money goes back."""

    code = "offer_expired"
    kind = Kind.CONFLICT
    message = text(
        en="This offer is over. What was paid goes back to you.",
        ko="제안 기간이 끝났습니다. 결제한 금액은 환불됩니다.",
    )


class OfferNotChecked(DomainError):
    """The gateway can't be asked whether it still has the money; the offer stays as it is."""

    code = "offer_not_checked"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Your payment cannot be looked up at the moment. The seats stay held for you until the"
        " offer ends: please try again.",
        ko="지금은 결제 내역을 확인할 수 없습니다. 제안 기간이 끝날 때까지 좌석은 유지되니 다시"
        " 시도해 주세요.",
    )
    retry_after = 5


def accept(*, payment_id: UUID, user_id: UUID, now: datetime) -> PaymentResult:
    """Take the seats on offer for the money that came late; repeatable.

    Where the gateway has given the money back, the offer ends. Raises PaymentNotFound,
    OfferNotFound, OfferExpired and OfferNotChecked.
    """
    keys = _keys(payment_id, user_id)
    if offer_queries.is_open(offer_id=keys.offer_id, now=now) and not _has_its_money(payment_id):
        log.warning("the money of an offer was given back", extra={"payment": str(payment_id)})
        _bring_to(keys, Offer.Status.LAPSED, now)
    return _answer(keys, Offer.Status.ACCEPTED, now)


def decline(*, payment_id: UUID, user_id: UUID, now: datetime) -> PaymentResult:
    """Refuse the seats on offer, so that the money goes back; repeatable.

    Raises PaymentNotFound, OfferNotFound and OfferExpired.
    """
    return _answer(_keys(payment_id, user_id), Offer.Status.DECLINED, now)


def lapse(*, offer_id: UUID, now: datetime) -> str:
    """End an offer whose time has passed; return its status. Changes no other."""
    keys = offer_queries.offer_keys_of(offer_id=offer_id)
    return _bring_to(keys, Offer.Status.OPEN, now).status


def _keys(payment_id: UUID, user_id: UUID) -> OfferKeys:
    queries.attempt_keys(payment_id=payment_id, user_id=user_id)
    return offer_queries.offer_keys(payment_id=payment_id)


def _has_its_money(payment_id: UUID) -> bool:
    """Say whether the gateway still has all the money of a late capture. Raises OfferNotChecked."""
    payment = queries.attempt(payment_id=payment_id)
    gateway = gateways.current()
    try:
        said = find_order(gateway, payment) if gateway else None
    except NotSent as reason:
        raise OfferNotChecked from reason
    verdict = verdict_on(payment, said)
    if verdict is MoneyVerdict.GIVEN_BACK:
        return False
    if verdict is not MoneyVerdict.CAPTURED:
        raise OfferNotChecked  # it captured this order: it can't have said that
    return isinstance(said, GatewayPayment) and not said.refunded.amount


def _answer(keys: OfferKeys, wanted: Offer.Status, now: datetime) -> PaymentResult:
    offer = _bring_to(keys, wanted, now)
    if offer.status != wanted:
        raise OfferExpired(until=offer.until)
    return queries.payment(payment_id=keys.payment_id, user_id=keys.user_id)


def _bring_to(keys: OfferKeys, wanted: Offer.Status, now: datetime) -> Offer:
    """Bring an open offer to `wanted`, or let it lapse where it does not stand any more."""
    with transaction():
        locked = _lock(keys)
        before = locked.offer.status
        after = wanted if locked.stands(now) else Offer.Status.LAPSED
        if before != Offer.Status.OPEN or after == Offer.Status.OPEN:
            return locked.offer
        record(events=_changed(locked, after, now), now=now)
    _publish(locked, keys, now)
    metrics.offers.labels(after.lower()).inc()
    return locked.offer


def _changed(locked: LockedOffer, status: Offer.Status, now: datetime) -> list[NewEvent]:
    if status == Offer.Status.ACCEPTED:
        return operations.accept_offer(locked=locked, now=now)
    return operations.end_offer(locked=locked, status=status, now=now)


def _lock(keys: OfferKeys) -> LockedOffer:
    wanted = [(keys.instead_of, keys.user_id), (keys.reservation_id, keys.user_id)]
    instead_of, held = map(result_of, reservations.lock_reservations(wanted=wanted))
    payment = locking.lock_payment(payment_id=keys.payment_id)
    return LockedOffer(locking.lock_offer(offer_id=keys.offer_id), payment, instead_of, held)


def _publish(locked: LockedOffer, keys: OfferKeys, now: datetime) -> None:
    if locked.offer.status == Offer.Status.ACCEPTED:
        sale = PaidSeats(keys.user_id, keys.reservation_id, locked.held.seat_ids)
        publish_sales(performance_id=keys.performance_id, sales=[sale], now=now)
        return
    own = [row.seat_id for row in locked.held.rows if row.reservation_id == keys.reservation_id]
    publish_freed(locked=locked.held, seat_ids=own, now=now)
