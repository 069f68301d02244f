"""Bought reservations to cancel, and the ledgers that must agree afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, Sum

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from payments.models import Payment, Refund
from payments.refund_queries import CancellationResult
from payments.usecases import refunding
from reservations.models import ReservationSeat
from reservations.queries import ReservationDetail
from tests.support.gateways import GatewayDouble
from tests.support.money import begin, begin_by_card, confirm, hold
from tickets.models import Ticket


def buy(
    user: User,
    performance: Performance,
    *,
    seats: int = 2,
    by_points: int | None = None,
    **more: Any,
) -> ReservationDetail:
    """Buy seats: by points alone, or by card with a part `by_points`."""
    held = hold(user, performance, seats=seats, **more)
    if by_points is None:
        begin(user, held.id)
    else:
        begun = begin_by_card(user, held.id, points_amount=by_points)
        assert confirm(user, begun.id).status == "PAID"
    return held


def cancel(
    user: User,
    reservation_id: UUID,
    seat_ids: Sequence[UUID] | None = None,
    *,
    now: datetime | None = None,
    request_key: str = "",
    resumed: bool = False,
) -> CancellationResult:
    """Call the use case as the view does."""
    return refunding.cancel(
        reservation_id=reservation_id,
        user_id=user.pk,
        seat_ids=seat_ids,
        cancellation_id=uuid7(),
        request_key=request_key or uuid4().hex * 2,
        resumed=resumed,
        now=now or clock.now(),
    )


def refunded(payment: Payment) -> tuple[int, int]:
    """Return what the refunds of a payment give back by the gateway, and as points."""
    sums = Refund.objects.filter(payment=payment).aggregate(
        gateway=Sum(F("amount") - F("points_amount"), default=0),
        points=Sum("points_amount", default=0),
    )
    return sums["gateway"], sums["points"]


def money_behind_tickets() -> int:
    """Return the prices of all seats with a ticket that is not void."""
    live = Ticket.objects.exclude(status="VOID").values("reservation", "seat")
    return sum(
        ReservationSeat.objects.get(reservation=one["reservation"], seat=one["seat"]).price
        for one in live
    )


def money_kept(*, fees: int = 0) -> int:
    """Return what was captured less what is given back and less fees, in all payments."""
    captured = Payment.objects.filter(status="PAID").aggregate(sum=Sum("amount", default=0))["sum"]
    back = Refund.objects.exclude(status="REFUSED").aggregate(sum=Sum("amount", default=0))["sum"]
    return captured - back - fees


def gateway_agrees(gateway: GatewayDouble) -> bool:
    """Say whether the gateway has just what our ledger says it has."""
    for payment in Payment.objects.exclude(gateway=""):
        done = Refund.objects.filter(payment=payment, status="DONE")
        back = sum(one.gateway_money.amount for one in done)
        ours = payment.gateway_money.amount - back if payment.status == "PAID" else 0
        assert gateway.money_of(payment.order_id) == ours
    return True
