"""Confirm a payment after the gateway's page, or abandon it before."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from events.operations import record
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.outcomes import outcome_of, result_of
from payments import failures, gateways, locking, operations, queries
from payments.errors import GatewayUnavailable, PaymentKeyInvalid
from payments.gateways.gateway import Gateway, NotSent, OutcomeUnknown
from payments.models import Payment
from payments.operations import Ended
from payments.orders import check_gateway, check_key, find_order, order_of
from payments.queries import AttemptKeys, PaymentResult
from payments.usecases.checkout.attempts import GIVEN_UP
from payments.usecases.checkout.gateway_settlement import settle
from payments.verdicts import Said, is_of_another_key
from reservations import operations as reservations
from reservations.operations import LockedReservation
from reservations.usecases.holds import PaymentInProgress

_TOO_LATE = Ended(Payment.Status.ABANDONED, failures.RESERVATION_ENDED)


def confirm(
    *, payment_id: UUID, user_id: UUID, payment_key: str, resumed: bool, now: datetime
) -> PaymentResult:
    """Ask the gateway for the money of an attempt, once, and settle by what it says.

    That it is asked is committed before it is. An attempt that was confirmed already is shown as it
    is; if the execution that did so died (`resumed`), the gateway is looked up. Raises
    PaymentNotFound, ReservationExpired and ReservationNotPayable (then the attempt is over), and
    GatewayUnavailable and PaymentKeyInvalid: nothing was charged, and the same attempt may be
    confirmed again.
    """
    keys = queries.attempt_keys(payment_id=payment_id, user_id=user_id)
    gateway = gateways.current()
    if gateway is None:
        raise GatewayUnavailable
    asked = _request(keys, payment_key, now)
    if asked is not None:
        said = _confirm_at_gateway(gateway, asked, now)
        if is_of_another_key(asked.payment, said) and _take_back(asked, now):
            raise PaymentKeyInvalid
        return settle(payment_id=payment_id, said=said, now=now, keys=keys)
    if resumed:
        _look_up(gateway, payment_id, now)
    return queries.payment(payment_id=payment_id, user_id=user_id)


class _AskedAttempt(NamedTuple):
    """An attempt whose gateway is about to be asked, and the key that its page had named, or ""."""

    payment: Payment
    named_key: str


def _request(keys: AttemptKeys, payment_key: str, now: datetime) -> _AskedAttempt | None:
    """Write down that the gateway is asked; None where that has been done before."""
    refusal: DomainError | None = None
    with transaction():
        locked, payment = _lock(keys)
        if payment.status != Payment.Status.CREATED:
            return None
        check_key(payment, payment_key)
        named_key = payment.payment_key
        refusal = _refusal(locked, now)
        if refusal is None:
            operations.mark_requested(
                payment=payment, locked=locked, payment_key=payment_key, now=now
            )
        else:
            record(
                events=operations.end(payment=payment, locked=locked, ended=_TOO_LATE, now=now),
                now=now,
            )
    if refusal is not None:
        raise refusal
    return _AskedAttempt(payment, named_key)


def _refusal(locked: LockedReservation, now: datetime) -> DomainError | None:
    outcome = outcome_of(reservations.check_payable, locked, now)
    return outcome if isinstance(outcome, DomainError) else None


def _confirm_at_gateway(gateway: Gateway, asked: _AskedAttempt, now: datetime) -> Said:
    """Return what the gateway says. Raises GatewayUnavailable where it was certainly not asked."""
    payment = asked.payment
    order = order_of(payment, name="")  # its page has shown it
    try:
        check_gateway(gateway, payment)
        return gateway.confirm(order, payment_key=payment.payment_key)
    except OutcomeUnknown as doubt:
        return doubt
    except NotSent as reason:
        if _take_back(asked, now):
            raise GatewayUnavailable from reason
        return OutcomeUnknown("settled by somebody else meanwhile")


def _take_back(asked: _AskedAttempt, now: datetime) -> bool:
    """Let the attempt be confirmed again, unless somebody has settled it meanwhile."""
    with transaction():
        locked, payment = _lock(queries.attempt_keys(payment_id=asked.payment.pk))
        mine = payment.requested_at == asked.payment.requested_at
        if payment.status != Payment.Status.REQUESTED or not mine:
            return False
        operations.take_back_request(
            payment=payment, locked=locked, named_key=asked.named_key, now=now
        )
    return True


def _look_up(gateway: Gateway, payment_id: UUID, now: datetime) -> None:
    payment = queries.attempt(payment_id=payment_id)
    if payment.status not in {Payment.Status.REQUESTED, Payment.Status.UNKNOWN}:
        return
    try:
        said = find_order(gateway, payment)
    except NotSent:
        return  # the reconciler looks again
    settle(payment_id=payment_id, said=said, now=now)


def abandon(*, payment_id: UUID, user_id: UUID, now: datetime) -> PaymentResult:
    """Give an attempt up that nobody has confirmed, so that another may begin; repeatable.

    Its points part is back at once. Raises PaymentNotFound, and PaymentInProgress once money may
    have moved.
    """
    keys = queries.attempt_keys(payment_id=payment_id, user_id=user_id)
    with transaction():
        locked, payment = _lock(keys)
        if payment.status == Payment.Status.CREATED:
            ended = operations.end(payment=payment, locked=locked, ended=GIVEN_UP, now=now)
            record(events=ended, now=now)
        elif payment.status not in {Payment.Status.ABANDONED, Payment.Status.FAILED}:
            raise PaymentInProgress
    return queries.payment(payment_id=payment_id, user_id=user_id)


def _lock(keys: AttemptKeys) -> tuple[LockedReservation, Payment]:
    locked = result_of(
        reservations.lock_reservations(wanted=[(keys.reservation_id, keys.user_id)])[0]
    )
    return locked, locking.lock_payment(payment_id=keys.payment_id)
