"""Money that comes late for seats that are gone, and the offers that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from kernel.money import Money
from payments.gateways.gateway import GatewayPayment, MoneyState
from payments.models import Offer, Payment
from payments.queries import PaymentResult
from payments.usecases import checkout
from payments.usecases.checkout import offers
from reservations.models import Reservation
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.gateways import Fault, GatewayDouble
from tests.support.holding import place
from tests.support.money import begin_by_card, confirm, give_points, hold

PRICE = 100_000
POINTS = 30_000
WEALTH = 10 * PRICE
SECOND = timedelta(seconds=1)
LASTS = timedelta(minutes=10)


@dataclass
class LateMoney:
    """A payment whose money the gateway has, known at `now`, when others have the seats."""

    fan: User
    payment_id: UUID
    held_id: UUID
    now: datetime

    def settle(self) -> PaymentResult:
        """Let us learn of the money."""
        row = Payment.objects.get(pk=self.payment_id)
        said = GatewayPayment(
            row.order_id or "", "key", MoneyState.CAPTURED, row.gateway_money, Money(0)
        )
        return checkout.settle(payment_id=self.payment_id, said=said, now=self.now)

    def accept(self, *, after: timedelta = SECOND) -> PaymentResult:
        return offers.accept(payment_id=self.payment_id, user_id=self.fan.pk, now=self.now + after)

    def decline(self, *, after: timedelta = SECOND) -> PaymentResult:
        return offers.decline(payment_id=self.payment_id, user_id=self.fan.pk, now=self.now + after)

    @property
    def payment(self) -> Payment:
        return Payment.objects.get(pk=self.payment_id)

    @property
    def offer(self) -> Offer:
        return Offer.objects.get(payment=self.payment_id)


def make_hall() -> Performance:
    """Make a hall with seats to offer, whose holds and payments last a minute."""
    return make_performance(
        seats=20, row_length=10, price=PRICE, hold_seconds=60, payment_seconds=60
    )


def late_money_beside_points(
    fan: User, performance: Performance, gateway: GatewayDouble
) -> LateMoney:
    """Pay for two seats in part by points, of which the fan has enough, as `late_money` does."""
    give_points(fan, WEALTH)
    return late_money(fan, performance, gateway, points_amount=POINTS)


def late_money(
    fan: User,
    performance: Performance,
    gateway: GatewayDouble,
    *,
    seats: Sequence[UUID] = (),
    points_amount: int = 0,
    taken: bool = True,
    **more: Any,
) -> LateMoney:
    """Pay for seats (else the first two) so that nobody knows, and let a rival have them after."""
    wanted = list(seats) or seat_ids(performance, 2)
    held = hold(fan, performance, seat_ids=wanted, **more)
    begun = begin_by_card(fan, held.id, points_amount=points_amount)
    gateway.fail("confirm", Fault.HANG)
    assert confirm(fan, begun.id).status == "PROCESSING"
    now = Reservation.objects.get(pk=held.id).expires_at + SECOND
    if taken:
        place(make_user(), performance, wanted, now=now)
    return LateMoney(fan, begun.id, held.id, max(now, clock.now()))
