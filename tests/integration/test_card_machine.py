"""Whatever happens in whatever order: our ledger and the gateway's agree once everything heals."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from kernel import clock
from kernel.errors import DomainError
from payments import reconciliation
from payments.models import Offer, Payment, Refund
from payments.usecases import checkout
from payments.usecases.checkout import offers
from points.policy import SALES
from points.queries import system_balance
from reservations.models import Reservation, SeatInventory
from tests.support import database
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.gateways import Fault, GatewayDouble
from tests.support.holding import inventory_disagreements, place
from tests.support.money import balance_of, begin, give_points
from tickets.models import Ticket

PRICE = 100_000
WEALTH = 3 * PRICE
DAY = timedelta(days=1)
NO_FAULT = None


class CardPayments(RuleBasedStateMachine):
    """Two fans who want the same two seats, others to offer, and everything that may go wrong."""

    gateway: GatewayDouble

    @initialize()
    def start(self):
        database.clean("default")
        self.gateway.ledger.clear()
        self.now = clock.now()
        self.performance = make_performance(
            seats=4, price=PRICE, hold_seconds=60, payment_seconds=60, now=self.now
        )
        self.seats = seat_ids(self.performance, 2)
        self.fans = [make_user() for _ in range(2)]
        for fan in self.fans:
            give_points(fan, WEALTH)
        self.hold(who=0, seat=0)
        self.hold(who=1, seat=1)

    def attempt(self, call):
        """Do it as a request does; a refusal is an answer."""
        try:
            return call()
        except (DomainError, ZeroDivisionError):
            return None

    def one_of(self, rows, pick):
        found = list(rows.order_by("pk"))
        return found[pick % len(found)] if found else None

    @rule(who=st.integers(0, 1), seat=st.integers(0, 1))
    def hold(self, who, seat):
        self.attempt(
            lambda: place(self.fans[who], self.performance, [self.seats[seat]], now=self.now)
        )

    @rule(pick=st.integers(0, 9), points=st.sampled_from([0, 30_000]), away=st.booleans())
    def begin_by_card(self, pick, points, away):
        held = self.one_of(Reservation.objects, pick)
        if held is None:
            return
        if away:
            self.gateway.fail("open", Fault.NOT_SENT)
        self.attempt(
            lambda: begin(held.user, held.pk, method="CARD", points_amount=points, now=self.now)
        )
        self.gateway._faults.clear()

    @rule(pick=st.integers(0, 9))
    def pay_by_points(self, pick):
        held = self.one_of(Reservation.objects, pick)
        if held is not None:
            self.attempt(lambda: begin(held.user, held.pk, now=self.now))

    @rule(
        pick=st.integers(0, 9),
        fault=st.sampled_from([NO_FAULT, *[f for f in Fault if f is not Fault.REFUSE]]),
        crash=st.booleans(),
        lapse=st.booleans(),
    )
    def confirm(self, pick, fault, crash, lapse):
        payment = self.one_of(Payment.objects.filter(method="CARD"), pick)
        if payment is None:
            return
        if fault is not NO_FAULT:
            self.gateway.fail("confirm", fault)
        at = self.now
        if lapse:  # another fan takes what lapses meanwhile
            self.now += timedelta(seconds=61)

        def during(call):
            if lapse:
                for seat in self.seats:
                    self.attempt(
                        lambda s=seat: place(self.fans[1], self.performance, [s], now=self.now)
                    )
            if crash:
                raise ZeroDivisionError

        self.gateway.during = during
        self.attempt(
            lambda: checkout.confirm(
                payment_id=payment.pk,
                user_id=payment.user_id,
                payment_key=f"key-of-{payment.order_id}",
                resumed=False,
                now=at,
            )
        )
        self.gateway.during = lambda call: None
        self.gateway._faults.clear()

    @rule(pick=st.integers(0, 9))
    def capture_by_itself(self, pick):
        orders = sorted(self.gateway.ledger)
        if orders:
            self.gateway.capture(orders[pick % len(orders)])

    @rule(pick=st.integers(0, 9))
    def abandon(self, pick):
        payment = self.one_of(Payment.objects.filter(method="CARD"), pick)
        if payment is not None:
            self.attempt(
                lambda: checkout.abandon(
                    payment_id=payment.pk, user_id=payment.user_id, now=self.now
                )
            )

    @rule(pick=st.integers(0, 9), accept=st.booleans())
    def answer_an_offer(self, pick, accept):
        offer = self.one_of(Offer.objects, pick)
        if offer is not None:
            answer = offers.accept if accept else offers.decline
            user_id = offer.payment.user_id
            self.attempt(lambda: answer(payment_id=offer.payment_id, user_id=user_id, now=self.now))

    @rule(pick=st.integers(0, 9))
    def bring_a_notice(self, pick):
        """A webhook says that something happened: it is looked up and settled."""
        payment = self.one_of(Payment.objects.exclude(order_id=None), pick)
        if payment is not None:
            said = self.gateway.find(payment.order_id, payment_key=None)
            checkout.settle(payment_id=payment.pk, said=said, now=self.now)

    @rule(fault=st.sampled_from([NO_FAULT, Fault.HANG, Fault.LOST, Fault.NOT_SENT]))
    def reconcile(self, fault):
        if fault is not NO_FAULT:
            self.gateway.fail("refund", fault)
        reconciliation.reconcile(now=self.now)
        self.gateway._faults.clear()

    @rule(seconds=st.sampled_from([1, 20, 61, 300]))
    def let_time_pass(self, seconds):
        self.now += timedelta(seconds=seconds)

    def teardown(self):
        if not hasattr(self, "fans"):
            return
        for _ in range(30):  # everything heals
            self.now += DAY / 4
            reconciliation.reconcile(now=self.now)
        self.assert_healed()

    def assert_healed(self):
        payments = {row.pk: row for row in Payment.objects.all()}
        assert {row.status for row in payments.values()} <= {
            "PAID", "FAILED", "ABANDONED", "LATE_CAPTURED"
        }  # fmt: skip
        assert set(Refund.objects.values_list("status", flat=True)) <= {"DONE"}
        assert not Offer.objects.filter(status="OPEN").exists()
        cards = 0
        for row in payments.values():
            kept = row.gateway_money.amount if row.status == "PAID" and row.order_id else 0
            cards += kept
            if row.order_id:
                assert self.gateway.money_of(row.order_id) == kept, row
                found = self.gateway.ledger.get(row.order_id)
                assert found is None or found.captures <= 1
        points = sum(row.points_amount for row in payments.values() if row.status == "PAID")
        assert system_balance(account_id=SALES).amount == points
        assert sum(balance_of(fan) for fan in self.fans) == 2 * WEALTH - points
        sold = SeatInventory.objects.filter(status="RESERVED").count()
        assert cards + points == PRICE * sold == PRICE * Ticket.objects.count()
        assert inventory_disagreements(self.now) == []


def run(gateway, examples):
    CardPayments.gateway = gateway
    run_state_machine_as_test(
        CardPayments,
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_ledgers_agree_after_healing(db_ready, gateway):
    run(gateway, 15)


@pytest.mark.control
def test_control_points_that_do_not_come_back_are_seen(db_ready, gateway, monkeypatch):
    monkeypatch.setattr("payments.operations.attempts.return_points", lambda **_: [])
    walk = CardPayments()
    walk.gateway = gateway
    walk.start()
    walk.begin_by_card(pick=0, points=30_000, away=False)
    walk.abandon(pick=0)
    with pytest.raises(AssertionError):
        walk.teardown()
