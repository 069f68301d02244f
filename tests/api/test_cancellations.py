"""Fans give bought seats up: quoted before it is done, by the refund policy."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from concerts.models import Performance
from kernel import clock
from payments.models import Cancellation, Payment, Refund, RefundPolicy
from reservations.models import Reservation, ReservationSeat, SeatInventory
from tests.support.cancelling import buy, refunded
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import balance_of, give_points, hold, new_key, outbox, post
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000
RESERVATIONS = "/api/v1/reservations/"


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=10, price=PRICE)


@pytest.fixture
def fan(fan):
    give_points(fan, 10 * PRICE)
    return fan


def quote(client, reservation):
    return client.get(f"{RESERVATIONS}{reservation.id}/cancellation/")


def cancel(client, reservation, *, key="", **body):
    return post(client, f"{RESERVATIONS}{reservation.id}/cancel/", body, key=key)


def starts_in(performance, **delta):
    starts_at = clock.now() + timedelta(**delta)
    Performance.objects.filter(pk=performance.pk).update(starts_at=starts_at)
    return starts_at


def ids(reservation, n=None):
    return sorted(seat.seat_id for seat in reservation.seats)[:n]


def test_a_fan_gives_all_seats_up_and_gets_the_points_back(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    answer = cancel(client, bought)
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert body["status"] == "DONE"
    assert body["reservation"]["status"] == "CANCELLED"
    assert body["refund"]["amount"] == body["points_amount"]["amount"] == 2 * PRICE
    assert balance_of(fan) == 10 * PRICE
    assert Reservation.objects.get().status == "CANCELLED"
    assert set(Ticket.objects.values_list("status", flat=True)) == {"VOID"}
    assert not SeatInventory.objects.exclude(status="AVAILABLE").exists()
    assert not ReservationSeat.objects.filter(cancelled_at=None).exists()
    [event] = outbox("reservation.cancelled")
    assert len(event.data["seats"]) == 2
    assert event.data["amount"]["amount"] == 2 * PRICE
    assert [len(outbox(name)) for name in ("payment.refunded", "points.refunded")] == [1, 1]
    assert len(client.get(f"{RESERVATIONS}{bought.id}/tickets/").json()["results"]) == 2


def test_the_seats_can_be_bought_again_at_once(as_fan, fan, performance):
    bought = buy(fan, performance)
    assert cancel(as_fan(fan), bought).status_code == 200
    other = make_user()
    give_points(other, 10 * PRICE)
    buy(other, performance)
    assert Ticket.objects.filter(status="VALID").count() == 2
    buy(fan, performance, seat_ids=seat_ids(performance, 6)[2:])  # they count no more as the fan's


def test_the_quote_is_what_is_done(as_fan, fan, performance, gateway):
    RefundPolicy.objects.create(performance=performance, fees="48 7%\n1 33333")
    client, bought = as_fan(fan), buy(fan, performance, seats=3, by_points=POINTS)
    for hours, fee in ((49, 7_000), (2, 33_333)):
        starts_at = starts_in(performance, hours=hours)
        quoted = quote(client, bought).json()
        assert quoted["allowed_until"] == clock.as_text(starts_at - timedelta(hours=1))
        [first, *_] = quoted["per_seat"]
        assert (first["fee"]["amount"], first["refund"]["amount"]) == (fee, PRICE - fee)
        done = cancel(client, bought, seat_ids=[first["seat_id"]]).json()
        assert done["seat_ids"] == [first["seat_id"]]
        assert [done[name]["amount"] for name in ("paid", "fee", "refund")] == [
            first[name]["amount"] for name in ("paid", "fee", "refund")
        ]
    assert len(quote(client, bought).json()["per_seat"]) == 1
    assert Reservation.objects.get().status == "CONFIRMED"
    assert sum(refunded(Payment.objects.get())) == 2 * PRICE - 7_000 - 33_333


def test_each_seat_goes_back_as_it_was_paid(as_fan, fan, performance, gateway):
    client, bought = as_fan(fan), buy(fan, performance, seats=3, by_points=POINTS)
    body = cancel(client, bought, seat_ids=[str(ids(bought)[0])]).json()
    assert body["status"] == "DONE"  # the gateway was asked at once
    assert body["points_amount"]["amount"] == 10_000
    payment = Payment.objects.get()
    assert gateway.ledger[payment.order_id].refunded == 90_000
    assert cancel(client, bought).json()["refund"]["amount"] == 2 * PRICE
    assert gateway.money_of(payment.order_id) == 0
    assert balance_of(fan) == 10 * PRICE
    assert refunded(payment) == (3 * PRICE - POINTS, POINTS)


def test_the_table_of_all_others_holds_where_there_is_no_own(as_fan, fan, performance):
    bought = buy(fan, performance)
    RefundPolicy.objects.create(fees="1 50%")
    assert quote(as_fan(fan), bought).json()["per_seat"][0]["fee"]["amount"] == PRICE // 2
    RefundPolicy.objects.create(performance=performance, fees="1 25%")
    assert quote(as_fan(fan), bought).json()["per_seat"][0]["fee"]["amount"] == PRICE // 4


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Cancellation.objects.exists()
    assert not Refund.objects.exists()
    return answer.json()


def test_after_the_last_line_it_is_too_late(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    starts_in(performance, hours=24)
    for answer in (quote(client, bought), cancel(client, bought)):
        assert refused(answer, 409, "cancellation_too_late")["allowed_until"]


def test_a_hold_is_not_cancelled_but_released(as_fan, fan, performance):
    client, held = as_fan(fan), hold(fan, performance)
    for answer in (quote(client, held), cancel(client, held)):
        refused(answer, 409, "reservation_not_cancellable")


def test_the_seats_of_a_cancelled_performance_are_refunded_otherwise(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    Performance.objects.update(status="CANCELLED")
    refused(cancel(client, bought), 409, "reservation_not_cancellable")


def test_others_see_nothing_of_it(as_fan, fan, performance):
    bought = buy(fan, performance)
    client = as_fan(make_user())
    for answer in (quote(client, bought), cancel(client, bought)):
        refused(answer, 404, "reservation_not_found")


def test_a_used_ticket_stays(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    used = ids(bought)[0]
    Ticket.objects.filter(seat=used).update(status="USED")
    assert refused(cancel(client, bought), 409, "ticket_used")["seat_ids"] == [str(used)]
    assert cancel(client, bought, seat_ids=[str(ids(bought)[1])]).status_code == 200


def test_seats_of_nobodys_reservation_are_not_found(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    strange = str(seat_ids(performance)[-1])
    body = refused(cancel(client, bought, seat_ids=[strange]), 404, "seats_not_in_reservation")
    assert body["seat_ids"] == [strange]


def test_what_is_cancelled_is_not_cancelled_again(as_fan, fan, performance):
    client, bought = as_fan(fan), buy(fan, performance)
    first = str(ids(bought)[0])
    assert cancel(client, bought, seat_ids=[first]).status_code == 200
    again = cancel(client, bought, seat_ids=[first])
    assert (again.status_code, again.json()["code"]) == (409, "already_cancelled")
    assert again.json()["seat_ids"] == [first]
    assert cancel(client, bought).status_code == 200
    for answer in (cancel(client, bought), quote(client, bought)):
        assert (answer.status_code, answer.json()["code"]) == (409, "already_cancelled")
    assert balance_of(fan) == 10 * PRICE


def test_the_same_key_gets_the_same_answer(as_fan, fan, performance):
    client, bought, key = as_fan(fan), buy(fan, performance), new_key()
    first = cancel(client, bought, key=key)
    again = cancel(client, bought, key=key)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"seat_ids": []},
        {"seat_ids": None},
        {"seat_ids": "all"},
        {"seat_ids": ["x"]},
        {"seat_ids": [1]},
        {"seats": []},
    ],
)
def test_malformed_bodies_cancel_nothing(as_fan, fan, performance, body):
    bought = buy(fan, performance)
    refused(cancel(as_fan(fan), bought, **body), 400, "validation_failed")


def test_a_key_is_required(as_fan, fan, performance):
    bought = buy(fan, performance)
    refused(cancel(as_fan(fan), bought, key=None), 400, "idempotency_key_required")


def statements(client, bought):
    with CaptureQueriesContext(connection) as captured:
        assert cancel(client, bought).status_code == 200
    return len(captured)


def test_the_statements_do_not_depend_on_the_number_of_seats(as_fan, fan, performance):
    client = as_fan(fan)
    counts = []
    for seats in (1, 1, 4):
        bought = buy(fan, performance, seats=seats)
        counts.append(statements(client, bought))
    assert counts[1] == counts[2]


def test_seats_that_cost_nothing_are_given_up_without_a_refund(as_fan, fan, db_ready):
    free = make_performance(seats=2, price=0)
    bought = buy(fan, free)
    body = cancel(as_fan(fan), bought).json()
    assert (body["status"], body["refund"]["amount"]) == ("DONE", 0)
    assert not Refund.objects.exists()
    assert place(make_user(), free, seat_ids(free, 2)).id
