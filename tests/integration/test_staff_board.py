"""The board of a performance says what the database says, once for all who watch."""

import json
from datetime import timedelta

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import override

from boxoffice import board, performances
from concerts.models import Concert
from events.models import OutboxEvent
from kernel import clock
from kernel.db.transaction import transaction
from kernel.redis.clients import breaker
from payments.models import Payment, Refund
from queueing.models import RoomState
from reservations.models import ReservationSeat, SeatInventory
from reservations.usecases import inventory, sale
from sale_statistics import operations as statistics
from sale_statistics.operations import SalesTally
from tests.support import factories
from tests.support.cancelling import buy, cancel
from tests.support.gateways import Fault
from tests.support.holding import place
from tests.support.money import begin_by_card, confirm, give_points, hold
from tests.support.staff_roles import browser_as
from tests.support.waiting_rooms import join, make_room


def fan():
    user = factories.make_user()
    give_points(user, 1_000_000)
    return user


@pytest.fixture
def busy(db_ready):
    """A performance with a sale, a cancelled seat, a hold, blocked seats and a crowd."""
    performance = factories.make_performance(seats=20, price=70_000)
    first, second, third = fan(), fan(), fan()
    ids = factories.seat_ids(performance)
    bought = buy(first, performance, seat_ids=ids[:2])
    buy(second, performance, seat_ids=ids[2:3])
    cancel(first, bought.id, [bought.seats[0].seat_id])
    now = clock.now()
    place(third, performance, ids[-2:])
    inventory.block(seat_ids=ids[10:13], reason="camera", actor_id=None, now=now)
    make_room(performance=performance, capacity=2, rate_per_second=5000)
    for _ in range(5):
        join(performance)
    return performance


def board_of(performance):
    now = clock.now()
    return board.figures(performances.find(performance.pk, now=now), now=now)


def test_the_board_equals_the_database(busy):
    found = board_of(busy)
    rows = SeatInventory.objects.filter(performance=busy)
    counted = {name: rows.filter(status=name).count() for name in SeatInventory.Status.values}
    assert {name.upper(): count for name, count in found["seats"].items()} == counted
    assert counted == {
        "AVAILABLE": 13, "TEMPORARILY_RESERVED": 2, "RESERVED": 2, "BLOCKED": 3,
    }  # fmt: skip
    sold = ReservationSeat.objects.filter(
        reservation__performance=busy, reservation__status="CONFIRMED", cancelled_at=None
    )
    assert found["money"]["sold"]["amount"] == sold.aggregate(sum=Sum("price"))["sum"] == 140_000
    back = Refund.objects.aggregate(sum=Sum("amount"))["sum"]
    assert found["money"]["refunds"]["amount"] == back > 0
    assert found["payments"]["paid"] == Payment.objects.filter(status="PAID").count() == 2
    queue = found["queue"]
    assert (queue["active"], queue["waiting"], queue["capacity"]) == (2, 3, 2)
    assert queue["admitted"] == 2


def test_the_money_of_the_board_equals_the_payments(db_ready, gateway):
    performance = factories.make_performance(seats=12, price=70_000)
    ids = factories.seat_ids(performance)
    buy(fan(), performance, seat_ids=ids[:2])
    by_card = fan()
    bought = buy(by_card, performance, seat_ids=ids[2:4], by_points=0)
    for fault, place_of in ((Fault.DECLINE, 4), (Fault.HANG, 5)):
        one = fan()
        begun = begin_by_card(one, hold(one, performance, seat_ids=[ids[place_of]]).id)
        gateway.fail("confirm", fault)
        confirm(one, begun.id)
    cancel(by_card, bought.id, [ids[2]])
    found = board_of(performance)
    rows = Payment.objects.filter(reservation__performance=performance)
    counted = {status: rows.filter(status=status).count() for status in ("PAID", "FAILED")}
    assert counted == {"PAID": 2, "FAILED": 1}
    payments = found["payments"]
    assert {"PAID": payments["paid"], "FAILED": payments["failed"]} == counted
    assert payments["undecided"] == rows.filter(status="UNKNOWN").count() == 1
    back = Refund.objects.exclude(status="REFUSED").aggregate(sum=Sum("amount"))["sum"]
    assert found["money"]["refunds"]["amount"] == back > 0
    sold = ReservationSeat.objects.filter(
        reservation__performance=performance, reservation__status="CONFIRMED", cancelled_at=None
    )
    assert found["money"]["sold"]["amount"] == sold.aggregate(sum=Sum("price"))["sum"] == 210_000
    waiting = OutboxEvent.objects.filter(published_at=None).count()
    assert found["events"]["waiting"] == waiting > 0


def test_a_lapsed_hold_counts_as_free(busy):
    later = clock.now() + timedelta(hours=1)
    found = board.figures(performances.find(busy.pk, now=later), now=later)
    assert (found["seats"]["available"], found["seats"]["temporarily_reserved"]) == (15, 0)


def test_the_hours_are_those_of_the_statistics(busy):
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    with transaction():
        statistics.add_sales({(busy.pk, hour, "KRW"): SalesTally(9, 4, 8, 560_000)})
    assert board_of(busy)["hours"] == [[int(hour.timestamp()), 9, 4, 8, 560_000]]


def test_many_boards_cost_one(busy, monkeypatch):
    built = []
    real = board.figures
    monkeypatch.setattr(board, "figures", lambda *a, **k: built.append(1) or real(*a, **k))
    now = clock.now()
    with override("en"):
        documents = {board.document(busy.pk, now=now).body for _ in range(5)}
        assert (len(documents), len(built)) == (1, 1)
        board.document(busy.pk, now=now + timedelta(seconds=1))
    assert len(built) == 2


def test_a_board_that_is_kept_costs_no_statement(busy, django_assert_num_queries):
    now = clock.now()
    with override("en"):
        board.document(busy.pk, now=now)
        with django_assert_num_queries(0):
            board.document(busy.pk, now=now)


def test_no_board_is_older_than_two_seconds():
    assert board.BOARD.stale_for <= timedelta(seconds=2)
    assert board.BOARD.fresh_for < board.BOARD.stale_for


def test_what_needs_attention_stands_on_the_board(busy):
    assert [one["code"] for one in board_of(busy)["alerts"]] == []
    now = clock.now()
    sale.halt(performance_id=busy.pk, reason="fire alarm", actor_id=None, now=now)
    type(busy.queue_config).objects.filter(pk=busy.pk).update(state=RoomState.PAUSED)
    assert [one["code"] for one in board_of(busy)["alerts"]] == ["halted", "queue_stopped"]


def test_the_board_goes_on_without_the_queue_server(busy, parts):
    parts.part("queue").stop()
    try:
        found = board_of(busy)
    finally:
        parts.part("queue").start()
        breaker("queue").reset()
    assert found["queue"] is None
    assert [one["code"] for one in found["alerts"]] == ["queue_unreachable"]
    assert found["seats"]["reserved"] == 2


def test_a_draft_has_a_board_without_a_crowd(db_ready):
    performance = factories.make_performance(seats=4)
    Concert.objects.filter(pk=performance.concert_id).update(published_at=None)
    found = board_of(performance)
    assert found["queue"] is None
    assert [one["code"] for one in found["alerts"]] == ["draft"]


def test_the_list_costs_the_same_for_many(db_ready, django_assert_num_queries):
    for _ in range(5):
        make_room(performance=factories.make_performance(seats=2))
    with django_assert_num_queries(2):
        assert len(performances.ahead(now=clock.now())) == 5


def test_those_that_need_attention_stand_first(db_ready):
    now = clock.now()
    calm = factories.make_performance(seats=2)
    troubled = factories.make_performance(seats=2)
    sale.halt(performance_id=troubled.pk, reason="checks", actor_id=None, now=now)
    listed = [one.sale.performance.pk for one in performances.ahead(now=now)]
    assert listed == [troubled.pk, calm.pk]


def test_the_endpoint_answers_json(busy):
    with override("en"):
        url = reverse("boxoffice:figures", args=[busy.pk])
    answer = browser_as("staff").get(url)
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["seats"]["reserved"] == 2
