"""The reads of payments and charges, from the primary."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments.models import LIVE_STATUSES, Charge, Payment
from points import queries as points
from points.policy import TransferKind


class PaymentNotFound(DomainError):
    """The caller has no such payment."""

    code = "payment_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such payment.", ko="결제를 찾을 수 없습니다.")


class ChargeNotFound(DomainError):
    """The caller has no such charge."""

    code = "charge_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such charge.", ko="충전 내역을 찾을 수 없습니다.")


@dataclass(frozen=True, slots=True)
class PaidReservation:
    """The reservation that a payment is for."""

    id: UUID
    status: str
    performance_id: UUID


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A payment as its fan sees it."""

    id: UUID
    status: str
    method: str
    amount: Money
    points_amount: Money
    reservation: PaidReservation
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """Points bought, and the balance they left."""

    id: UUID
    status: str
    amount: Money
    balance: Money
    created_at: datetime


def payment(*, payment_id: UUID, user_id: UUID) -> PaymentResult:
    """Return the caller's payment. Raises PaymentNotFound, for others' too."""
    found = _payments().filter(pk=payment_id, user_id=user_id).first()
    if found is None:
        raise PaymentNotFound
    return payment_result(found, reservation_status=found.reservation.status)


def payment_of_request(*, request_key: str) -> PaymentResult | None:
    """Return the result of an earlier execution of the same request."""
    found = _payments().filter(request_key=request_key).first()
    if found is None:
        return None
    return payment_result(found, reservation_status=found.reservation.status)


def with_live_payment(*, reservation_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the reservations that have a payment through which money may have moved.

    Under the reservations' locks nobody adds one: every payment is written under them.
    """
    live = Payment.objects.filter(reservation__in=reservation_ids, status__in=LIVE_STATUSES)
    return set(live.values_list("reservation", flat=True))


def charge(*, charge_id: UUID, user_id: UUID) -> ChargeResult:
    """Return the caller's charge. Raises ChargeNotFound, for others' too."""
    found = Charge.objects.filter(pk=charge_id, user_id=user_id).first()
    if found is None:
        raise ChargeNotFound
    return _charge_result(found)


def charge_of_request(*, request_key: str) -> ChargeResult | None:
    """Return the result of an earlier execution of the same request."""
    found = Charge.objects.filter(request_key=request_key).first()
    return None if found is None else _charge_result(found)


def payment_result(payment: Payment, *, reservation_status: str) -> PaymentResult:
    """Return a payment as its fan sees it; its reservation must be loaded."""
    return PaymentResult(
        id=payment.pk,
        status=payment.status,
        method=payment.method,
        amount=payment.money,
        points_amount=payment.points,
        reservation=PaidReservation(
            payment.reservation_id, reservation_status, payment.reservation.performance_id
        ),
        created_at=payment.created_at,
    )


def charge_result(charge: Charge, *, balance: Money) -> ChargeResult:
    """Return a charge as its fan sees it."""
    return ChargeResult(
        id=charge.pk,
        status=charge.status,
        amount=charge.money,
        balance=balance,
        created_at=charge.created_at,
    )


def _payments() -> "QuerySet[Payment]":
    return Payment.objects.select_related("reservation")


def _charge_result(charge: Charge) -> ChargeResult:
    balance = points.balance_after(
        kind=TransferKind.CHARGE, reference=charge.pk, user_id=charge.user_id
    )
    return charge_result(charge, balance=balance)
