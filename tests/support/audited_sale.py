"""A sale in which everything has happened once, for audits; and a way to corrupt its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import connection

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from kernel.money import Money
from payments.models import Charge, Payment
from payments.usecases import charging
from proof import auditing
from proof.checks import CHECKS, AuditCheck
from proof.findings import AuditReport, AuditScope
from reservations.queries import ReservationDetail
from tests.support.cancelling import buy, cancel
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.gateways import GatewayDouble
from tests.support.holding import place
from tests.support.money import begin_by_card, give_points

PRICE = 100_000
POINTS = 30_000  # of a payment by card


@dataclass(frozen=True)
class AuditedSale:
    """What fans did at one performance; `free` is a seat that nobody ever wanted."""

    performance: Performance
    by_points: ReservationDetail  # two seats
    by_card: Payment  # one seat, by points and card
    cancelled: Payment  # two seats by points and card, one of them given up
    held: ReservationDetail  # one seat
    attempt: Payment  # for another held seat, not confirmed
    charge: Charge
    buyer: User  # of `by_points`
    free: UUID


def make_sale(gateway: GatewayDouble) -> AuditedSale:
    """Sell, hold, cancel and charge through the use cases; then all events count as published."""
    performance = make_performance(seats=10, price=PRICE)
    buyer, card, leaver, holder, payer = (make_user() for _ in range(5))
    for fan in (buyer, card, leaver, payer):
        give_points(fan, 10 * PRICE)
    seats = seat_ids(performance)
    by_points = buy(buyer, performance, seat_ids=seats[:2])
    by_card = buy(card, performance, seat_ids=seats[2:3], by_points=POINTS)
    bought = buy(leaver, performance, seat_ids=seats[3:5], by_points=POINTS)
    cancel(leaver, bought.id, seat_ids=seats[3:4])
    held = place(holder, performance, seats[5:6])
    attempt = begin_by_card(payer, place(payer, performance, seats[6:7]).id, points_amount=POINTS)
    charge = _charged(holder, gateway)
    corrupt("UPDATE events_outboxevent SET published_at = now()")
    return AuditedSale(
        performance=performance,
        by_points=by_points,
        by_card=Payment.objects.get(reservation=by_card.id),
        cancelled=Payment.objects.get(reservation=bought.id),
        held=held,
        attempt=Payment.objects.get(pk=attempt.id),
        charge=charge,
        buyer=buyer,
        free=seats[-1],
    )


def _charged(fan: User, gateway: GatewayDouble) -> Charge:
    gateway.approves_at_once = True
    made = charging.charge(
        user_id=fan.pk,
        amount=Money(50_000),
        request_key=uuid4().hex * 2,
        resumed=False,
        now=clock.now(),
    )
    return Charge.objects.get(pk=made.id)


def corrupt(statement: str, *values: object) -> None:
    """Write past triggers and foreign keys, as a defect or a hand in the database might."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        changed = cursor.rowcount
        cursor.execute("COMMIT")
    assert changed, f"nothing to corrupt: {statement}"


def audited(
    *, scope: AuditScope | None = None, checks: Sequence[AuditCheck] = CHECKS
) -> AuditReport:
    """Return what an audit of everything (or a scope) says at this moment."""
    return auditing.run(scope or AuditScope(), now=clock.now(), checks=checks)


def found(report: AuditReport) -> set[str]:
    """Return the checks that found something; every check must have been able to look."""
    assert report.failures == []
    return {one.check for one in report.violations}
