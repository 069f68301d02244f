"""Payments by points in batches: decided one by one, written together; equal to one by one."""

from collections import Counter
from uuid import UUID

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concerts.models import Performance
from events.models import OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from kernel.telemetry.context import Correlation, correlated
from payments import policy
from payments.models import Payment
from payments.usecases import checkout
from payments.usecases.checkout import Order, settle_at_once, settle_many
from points.errors import InsufficientPoints
from points.models import Entry, Transfer
from points.policy import SALES
from points.queries import system_balance
from reservations.models import Reservation, SeatInventory
from reservations.operations import (
    ReservationExpired,
    ReservationNotFound,
    ReservationNotPayable,
)
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import claim_of, inventory_disagreements, place
from tests.support.money import (
    balance_of,
    begin,
    buyers,
    give_points,
    hold,
    order_of,
    orders_of,
    outbox,
)
from tests.support.round_trips import counted_round_trips
from tickets.models import Ticket

PRICE = 10_000


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=140, price=PRICE)


def let_lapse(held, now):
    Reservation.objects.filter(pk=held.id).update(expires_at=now)
    SeatInventory.objects.filter(reservation_id=held.id).update(held_until=now)


def settle(orders):
    return settle_many(orders, now=clock.now())


@pytest.mark.parametrize("number", [1, 8, 64])
def test_a_batch_costs_ten_statements_whatever_its_size(performance, number):
    orders = orders_of(buyers(performance, number, seats=2))
    with counted_round_trips() as counts:
        outcomes = settle_at_once(orders, now=clock.now())
    assert [outcome.status for outcome in outcomes] == ["PAID"] * number
    places = [sql for sql in counts.sql if "queueing_queueconfig" in sql]
    assert len(counts.sql) - len(places) == 10, counts.sql
    claims = [command for command in counts.redis if "fr_write_seats" in command]
    assert len(claims) == 1


def test_everybody_gets_what_they_paid_for_and_nothing_else(performance, lock_redis):
    found = buyers(performance, 8, seats=2)
    orders = orders_of(found)
    outcomes = settle(orders)
    for (fan, held), order, outcome in zip(found, orders, outcomes, strict=True):
        assert (outcome.id, outcome.amount.amount) == (order.payment_id, 2 * PRICE)
        assert outcome.reservation.id == held.id
        assert outcome.reservation.status == Reservation.objects.get(pk=held.id).status
        payment = Payment.objects.get(pk=outcome.id)
        assert (payment.user_id, payment.reservation_id) == (fan.pk, held.id)
        assert payment.request_key == order.request_key
        assert balance_of(fan) == 98 * PRICE
        reservation = Reservation.objects.get(pk=held.id)
        assert (reservation.payment_id, reservation.payment_status) == (payment.pk, "PAID")
        assert reservation.money_may_have_moved
        seats = {seat.seat_id for seat in held.seats}
        sold = SeatInventory.objects.filter(reservation_id=held.id, status="RESERVED")
        assert set(sold.values_list("seat_id", flat=True)) == seats
        tickets = Ticket.objects.filter(user=fan, reservation_id=held.id)
        assert set(tickets.values_list("seat_id", flat=True)) == seats
        for seat in seats:
            kind = claim_of(lock_redis, performance, seat).decode().split("|")[2]
            assert kind == "S"
    assert system_balance(account_id=SALES).amount == 16 * PRICE
    assert inventory_disagreements(clock.now()) == []


def test_the_events_of_each_name_the_request_of_its_fan(performance):
    orders = []
    for number, (fan, held) in enumerate(buyers(performance, 3)):
        with correlated(Correlation(f"request-{number}", f"trace-{number}")):
            orders.append(order_of(fan, held.id))
    settle(orders)
    for number, order in enumerate(orders):
        mine = OutboxEvent.objects.filter(request_id=f"request-{number}")
        assert {event.type for event in mine} == {
            "payment.paid",
            "points.spent",
            "reservation.confirmed",
        }
        assert {event.traceparent for event in mine} == {f"trace-{number}"}
        assert {event.aggregate_id for event in mine} == {
            order.payment_id,
            order.user_id,
            order.reservation_id,
        }


def test_performances_are_published_one_by_one(db_ready):
    """A batch may span sales; each has a slot of its own on the lock server."""
    several = [factories.make_performance(seats=2, price=PRICE) for _ in range(3)]
    orders = [orders_of(buyers(one, 2)) for one in several]
    with counted_round_trips() as counts:
        outcomes = settle([order for some in zip(*orders, strict=True) for order in some])
    assert {outcome.status for outcome in outcomes} == {"PAID"}
    assert len([command for command in counts.redis if "fr_write_seats" in command]) == 3


def test_a_batch_has_an_end(performance):
    orders = [order_of(factories.make_user(), uuid7())] * (policy.PAYMENTS_PER_BATCH + 1)
    with pytest.raises(ValueError, match="more than a batch"):
        settle(orders)
    assert settle([]) == []


def test_seats_that_cost_nothing_are_sold_beside_others(performance):
    free = factories.make_performance(seats=2, price=0)
    outcomes = settle(orders_of([*buyers(free, 1), *buyers(performance, 1)]))
    assert [outcome.amount.amount for outcome in outcomes] == [0, PRICE]
    assert Transfer.objects.filter(kind="payment").count() == 1
    assert Ticket.objects.count() == 2


def test_the_second_order_for_a_reservation_finds_it_paid(performance):
    [(fan, held)] = buyers(performance, 1)
    first, second = order_of(fan, held.id), order_of(fan, held.id)
    _, alone = settle_at_once([first, second], now=clock.now())
    assert isinstance(alone, checkout.OrderAlone)
    refusal = alone.decide()
    assert isinstance(refusal, ReservationNotPayable)
    assert balance_of(fan) == 99 * PRICE


def test_two_orders_of_a_fan_spend_each_point_once(performance):
    """With points for one of them, the first in the batch gets them."""
    fan, seats = factories.make_user(), factories.seat_ids(performance, 2)
    give_points(fan, PRICE + PRICE // 2)
    orders = [order_of(fan, place(fan, performance, [seat]).id) for seat in seats]
    first, second = settle(orders)
    assert first.status == "PAID"
    assert isinstance(second, InsufficientPoints)
    assert second.extras["balance"] == {"amount": PRICE // 2, "currency": "KRW"}
    assert balance_of(fan) == PRICE // 2


def test_a_retry_of_an_order_that_was_settled_in_a_batch_gets_its_payment(performance):
    found = buyers(performance, 4)
    orders = orders_of(found)
    outcomes = settle(orders)
    for resumed in (True, False):
        for (fan, held), order, outcome in zip(found, orders, outcomes, strict=True):
            again = begin(fan, held.id, request_key=order.request_key, resumed=resumed)
            assert again == outcome
    again = settle(orders)
    assert {type(one) for one in again} == {ReservationNotPayable}
    assert Payment.objects.count() == 4
    assert [balance_of(fan) for fan, _ in found] == [99 * PRICE] * 4


FANS, HOLDS = 4, 8
scenarios = st.fixed_dictionaries(
    {
        "points": st.lists(st.integers(0, 3), min_size=FANS, max_size=FANS),
        "holds": st.lists(
            st.tuples(
                st.integers(0, FANS - 1),
                st.sampled_from(["live", "live", "live", "lapsed", "released", "paying"]),
                st.integers(1, 2),
            ),
            min_size=1,
            max_size=HOLDS,
        ),
        "orders": st.lists(
            st.tuples(
                st.one_of(st.none(), st.integers(0, HOLDS - 1)),
                st.sampled_from(["owner", "owner", "owner", "other"]),
                st.sampled_from([None, None, "exact", "wrong"]),
            ),
            min_size=1,
            max_size=10,
        ),
        "cancelled": st.booleans(),
    }
)


class World:
    """One copy of a scenario; two of them differ in nothing but their keys."""

    def __init__(self, scenario, now) -> None:
        self.now = now
        self.fans = [factories.make_user() for _ in range(FANS)]
        for fan, points in zip(self.fans, scenario["points"], strict=True):
            if points:  # without any there is no account
                give_points(fan, points * PRICE)
        self.performances = [
            factories.make_performance(
                seats=2 * HOLDS,
                price=PRICE,
                max_seats_per_fan=20,
                hold_seconds=60,
                holds_per_minute=1000,
                holds_per_minute_per_address=1000,
                lapses_before_backoff=100,
            )
            for _ in range(2)
        ]
        self.holds = [self._held(number, *one) for number, one in enumerate(scenario["holds"])]
        if scenario["cancelled"]:
            Performance.objects.filter(pk=self.performances[1].pk).update(status="CANCELLED")
        self.orders = [self._order(*one) for one in scenario["orders"]]

    def _held(self, number, fan, state, seats):
        performance = self.performances[number % 2]
        chosen = factories.seat_ids(performance)[2 * number : 2 * number + seats]
        made = hold(self.fans[fan], performance, seat_ids=chosen, now=self.now)
        if state == "lapsed":
            let_lapse(made, self.now)
        if state == "released":
            holds.release(reservation_id=made.id, user_id=made.user_id, now=self.now)
        if state == "paying":
            Payment.objects.create(
                reservation_id=made.id,
                user_id=made.user_id,
                method="CARD",
                status="UNKNOWN",
                amount=seats * PRICE,
                points_amount=0,
                request_key=uuid7().hex * 2,
                created_at=self.now,
            )
        return made

    def _order(self, number, who, meant) -> Order:
        if number is None or number >= len(self.holds):
            return order_of(self.fans[0], uuid7())
        held = self.holds[number]
        owner = next(fan for fan in self.fans if fan.pk == held.user_id)
        fan = owner if who == "owner" else self.fans[self.fans.index(owner) - 1]
        amount = {None: None, "exact": held.amount.amount, "wrong": held.amount.amount + 1}[meant]
        return order_of(fan, held.id, points_amount=amount)

    def result(self, outcomes):
        """Return what has become of the orders and of everything else, without keys."""
        named = [
            type(one).__name__ if isinstance(one, Exception) else (one.status, one.amount.amount)
            for one in outcomes
        ]
        statuses = [Reservation.objects.get(pk=held.id).status for held in self.holds]
        tickets = [Ticket.objects.filter(reservation_id=held.id).count() for held in self.holds]
        spent = Entry.objects.filter(account_id__in=[fan.pk for fan in self.fans])
        return (
            named,
            statuses,
            tickets,
            [balance_of(fan) for fan in self.fans],
            [self._history(fan.pk) for fan in self.fans],
            spent.filter(amount__lt=0).count(),
        )

    def _history(self, account: UUID):
        entries = Entry.objects.filter(account_id=account).order_by("id")
        return list(entries.values_list("amount", "balance_after"))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(scenario=scenarios)
def test_a_batch_ends_as_the_same_orders_one_by_one(db_ready, scenario):
    now = clock.now()
    together, apart = World(scenario, now), World(scenario, now)
    batch = together.result(settle_many(together.orders, now=now))
    one_by_one = apart.result(
        [settle_many([order], now=now)[0] for order in _in_batch_order(apart.orders)]
    )
    named, *rest = batch
    named_apart, *rest_apart = one_by_one
    assert Counter(named) == Counter(named_apart)
    assert rest == rest_apart
    sums = Entry.objects.values("transfer").annotate(total=Sum("amount"))
    assert not sums.exclude(total=0).exists()
    assert inventory_disagreements(now) == []


def _in_batch_order(orders):
    """Return the orders as a batch decides them: those that share a fan or a hold come later."""
    first, later, seen = [], [], set()
    for order in orders:
        rivals = {order.reservation_id, order.user_id}
        (first if seen.isdisjoint(rivals) else later).append(order)
        seen |= rivals
    return first + later


REFUSALS = {
    "expired": ReservationExpired,
    "not found": ReservationNotFound,
    "not payable": ReservationNotPayable,
    "too few points": InsufficientPoints,
    "another amount": checkout.PointsAmountMismatch,
    "in progress": holds.PaymentInProgress,
}


def spoil(what, performance, fan, held, now):
    """Return an order that must be refused."""
    order = order_of(fan, held.id)
    if what == "expired":
        let_lapse(held, now)
    elif what == "not found":
        return order_of(factories.make_user(), held.id)
    elif what == "not payable":
        holds.release(reservation_id=held.id, user_id=fan.pk, now=now)
    elif what == "too few points":
        poor = factories.make_user()
        give_points(poor, PRICE - 1)
        return order_of(poor, place(poor, performance, factories.seat_ids(performance)[-1:]).id)
    elif what == "another amount":
        return order_of(fan, held.id, points_amount=PRICE + 1)
    else:
        Payment.objects.create(
            reservation_id=held.id,
            user=fan,
            method="CARD",
            status="REQUESTED",
            amount=PRICE,
            points_amount=0,
            request_key="0" * 64,
            created_at=now,
        )
    return order


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refused_order_in_a_batch_of_64_is_refused_alone(performance, what):
    found, now = buyers(performance, 64), clock.now()
    orders = orders_of(found)
    orders[17] = spoil(what, performance, *found[17], now)
    outcomes = settle_at_once(orders, now=now)
    refused = outcomes.pop(17)
    assert type(refused) is REFUSALS[what]
    assert [outcome.status for outcome in outcomes] == ["PAID"] * 63
    assert not Payment.objects.filter(pk=orders[17].payment_id).exists()
    assert Ticket.objects.count() == 63
    assert len(outbox("payment.paid")) == 63
    assert system_balance(account_id=SALES).amount == 63 * PRICE


def test_a_batch_in_which_all_are_refused_writes_nothing(performance):
    found = buyers(performance, 3, points=PRICE - 1)
    events = OutboxEvent.objects.count()
    outcomes = settle_at_once(orders_of(found), now=clock.now())
    assert {type(outcome) for outcome in outcomes} == {InsufficientPoints}
    assert not Payment.objects.exists()
    assert OutboxEvent.objects.count() == events
