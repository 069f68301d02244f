"""POST and GET payments/."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import jsonschema
import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from events.models import OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from payments.models import Payment
from points.models import Transfer
from points.policy import SALES
from points.queries import system_balance
from reservations.models import Reservation, SeatInventory
from reservations.operations import ReservationExpired
from reservations.usecases import holds
from tests.support.factories import make_performance, make_user
from tests.support.money import PAYMENTS, balance_of, begin, give_points, hold, outbox, pay, post
from tickets.models import Ticket

PRICE = 100_000


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=10, price=PRICE)


@pytest.fixture
def rich(fan):
    give_points(fan, 10 * PRICE)
    return fan


def test_a_fan_pays_by_points_and_has_the_seats(as_fan, rich, performance):
    held = hold(rich, performance, seats=2)
    answer = pay(as_fan(rich), held.id)
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert body == {
        "id": body["id"],
        "status": "PAID",
        "method": "POINTS",
        "amount": {"amount": 2 * PRICE, "currency": "KRW"},
        "points_amount": {"amount": 2 * PRICE, "currency": "KRW"},
        "reservation": {
            "id": str(held.id),
            "status": "CONFIRMED",
            "performance_id": str(performance.pk),
        },
        "created_at": body["created_at"],
        "offer": None,
    }
    assert balance_of(rich) == 8 * PRICE
    assert system_balance(account_id=SALES).amount == 2 * PRICE
    assert Reservation.objects.get(pk=held.id).status == "CONFIRMED"
    sold = SeatInventory.objects.filter(reservation_id=held.id)
    assert [row.status for row in sold] == ["RESERVED"] * 2
    assert Ticket.objects.filter(reservation_id=held.id, user=rich).count() == 2


def test_a_payment_tells_what_happened_once_and_as_the_schemas_say(as_fan, rich, performance):
    held = hold(rich, performance)
    payment = pay(as_fan(rich), held.id).json()
    events = {name: outbox(name) for name in ("payment.paid", "points.spent")}
    for name, found in events.items():
        (event,) = found
        schema = Path(django_settings.BASE_DIR, f"docs/events/{name}.json").read_text()
        jsonschema.validate(event.data, json.loads(schema))
    transfer = Transfer.objects.get(kind="payment", reference=payment["id"])
    assert events["payment.paid"][0].data == {
        "payment_id": payment["id"],
        "reservation_id": str(held.id),
        "performance_id": str(performance.pk),
        "user_id": str(rich.pk),
        "method": "POINTS",
        "amount": {"amount": 2 * PRICE, "currency": "KRW"},
        "points_amount": {"amount": 2 * PRICE, "currency": "KRW"},
    }
    assert events["points.spent"][0].data == {
        "transfer_id": str(transfer.pk),
        "user_id": str(rich.pk),
        "amount": {"amount": 2 * PRICE, "currency": "KRW"},
        "balance_after": {"amount": 8 * PRICE, "currency": "KRW"},
    }
    assert len(outbox("reservation.confirmed")) == 1


@pytest.mark.parametrize("seats", [1, 4])
def test_paying_costs_12_statements_in_3_transactions_whatever_the_seats(
    as_fan, rich, performance, seats
):
    held = hold(rich, performance, seats=seats)
    client = as_fan(rich)
    with (
        CaptureQueriesContext(connections["default"]) as primary,
        CaptureQueriesContext(connections["idempotency"]) as records,
    ):
        assert pay(client, held.id).status_code == 201
    begun = [query["sql"] for query in primary if query["sql"] == "BEGIN"]
    statements = [
        query["sql"]
        for query in primary
        if query["sql"].split()[0] not in {"BEGIN", "COMMIT", "SET"}
    ]
    assert [query["sql"].split()[0] for query in records] == ["INSERT", "UPDATE"]
    assert len(begun) == 1
    assert len(statements) == 10, "\n".join(statements)
    assert len(statements) + len(records) == 12


def test_too_few_points_is_said_with_figures_and_changes_nothing(as_fan, fan, performance):
    give_points(fan, 2 * PRICE - 1)
    held = hold(fan, performance, seats=2)
    answer = pay(as_fan(fan), held.id)
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "insufficient_points"
    assert body["balance"] == {"amount": 2 * PRICE - 1, "currency": "KRW"}
    assert body["needed"] == {"amount": 2 * PRICE, "currency": "KRW"}
    assert balance_of(fan) == 2 * PRICE - 1
    assert not Payment.objects.exists()
    assert not Ticket.objects.exists()
    assert not OutboxEvent.objects.filter(type="payment.paid").exists()
    assert Reservation.objects.get(pk=held.id).status == "PENDING"
    give_points(fan, 1)
    assert pay(as_fan(fan), held.id).status_code == 201


def test_without_an_account_there_are_no_points(as_fan, fan, performance):
    held = hold(fan, performance)
    answer = pay(as_fan(fan), held.id)
    assert answer.json()["code"] == "insufficient_points"
    assert answer.json()["balance"]["amount"] == 0


def test_exactly_enough_points_are_enough(as_fan, fan, performance):
    give_points(fan, 2 * PRICE)
    assert pay(as_fan(fan), hold(fan, performance, seats=2).id).status_code == 201
    assert balance_of(fan) == 0


def test_seats_that_cost_nothing_move_no_points(as_fan, fan):
    held = hold(fan, make_performance(seats=2, price=0), seats=1)
    answer = pay(as_fan(fan), held.id)
    assert answer.status_code == 201
    assert answer.json()["amount"]["amount"] == 0
    assert not Transfer.objects.exists()
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("whose", ["others", "nobodys"])
def test_what_is_not_ones_own_is_not_found(as_fan, rich, performance, whose):
    reservation_id = hold(make_user(), performance).id if whose == "others" else uuid7()
    answer = pay(as_fan(rich), reservation_id)
    assert answer.status_code == 404
    assert answer.json()["code"] == "reservation_not_found"
    assert balance_of(rich) == 10 * PRICE


def test_a_lapsed_hold_can_not_be_paid(as_fan, rich, performance):
    held = hold(rich, performance, now=clock.now() - timedelta(minutes=30))
    answer = pay(as_fan(rich), held.id)
    assert answer.status_code == 409
    assert answer.json()["code"] == "reservation_expired"
    assert balance_of(rich) == 10 * PRICE
    assert not Ticket.objects.exists()


def test_the_deadline_is_judged_by_the_moment_of_the_request(rich, performance):
    late = hold(rich, performance, seats=1)
    with pytest.raises(ReservationExpired):
        begin(rich, late.id, now=late.expires_at)
    paid = begin(rich, late.id, now=late.expires_at - timedelta(microseconds=1))
    assert paid.status == "PAID"


def test_a_released_hold_can_not_be_paid(as_fan, rich, performance):
    held = hold(rich, performance)
    holds.release(reservation_id=held.id, user_id=rich.pk, now=clock.now())
    answer = pay(as_fan(rich), held.id)
    assert answer.status_code == 409
    assert answer.json()["code"] == "reservation_not_payable"


def test_paid_is_paid(as_fan, rich, performance):
    client, held = as_fan(rich), hold(rich, performance)
    assert pay(client, held.id).status_code == 201
    again = pay(client, held.id)
    assert again.status_code == 409
    assert again.json()["code"] == "reservation_not_payable"
    assert balance_of(rich) == 8 * PRICE


def test_another_live_attempt_is_in_progress(as_fan, rich, performance):
    held = hold(rich, performance)
    Payment.objects.create(
        reservation_id=held.id,
        user=rich,
        method=Payment.Method.CARD,
        status=Payment.Status.UNKNOWN,
        amount=2 * PRICE,
        points_amount=0,
        request_key="0" * 64,
        created_at=clock.now(),
    )
    answer = pay(as_fan(rich), held.id)
    assert answer.status_code == 409
    assert answer.json()["code"] == "payment_in_progress"
    assert balance_of(rich) == 10 * PRICE


def test_cards_are_not_taken_yet_and_nothing_is_charged(as_fan, rich, performance):
    held = hold(rich, performance)
    answer = pay(as_fan(rich), held.id, method="CARD")
    assert answer.status_code == 503
    assert answer.json()["code"] == "gateway_unavailable"
    assert not Payment.objects.exists()
    assert pay(as_fan(rich), held.id).status_code == 201


def test_points_pay_all_or_nothing(as_fan, rich, performance):
    held = hold(rich, performance, seats=2)
    for part in (0, 1, 2 * PRICE - 1, 2 * PRICE + 1):
        answer = pay(as_fan(rich), held.id, points_amount=part)
        assert answer.status_code == 400
        assert answer.json()["code"] == "points_amount_mismatch"
        assert answer.json()["amount"] == {"amount": 2 * PRICE, "currency": "KRW"}
    assert pay(as_fan(rich), held.id, points_amount=2 * PRICE).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"method": "POINTS"}, "/reservation_id"),
        ({"reservation_id": "1", "method": "POINTS"}, "/reservation_id"),
        ({"reservation_id": 7, "method": "POINTS"}, "/reservation_id"),
        ({"reservation_id": str(uuid4())}, "/method"),
        ({"reservation_id": str(uuid4()), "method": "CASH"}, "/method"),
        ({"reservation_id": str(uuid4()), "method": "POINTS", "tip": 1}, "/tip"),
        (
            {"reservation_id": str(uuid4()), "method": "POINTS", "points_amount": -1},
            "/points_amount",
        ),
        (
            {"reservation_id": str(uuid4()), "method": "POINTS", "points_amount": "1"},
            "/points_amount",
        ),
        (
            {"reservation_id": str(uuid4()), "method": "CARD", "return_url": "https://x.example"},
            "/return_url",
        ),
    ],
)
def test_a_malformed_payment_is_refused_with_its_place(as_fan, fan, body, pointer):
    answer = post(as_fan(fan), PAYMENTS, body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_payment_is_shown_to_its_fan_only(as_fan, rich, performance, api):
    payment = pay(as_fan(rich), hold(rich, performance).id).json()
    path = f"{PAYMENTS}{payment['id']}/"
    shown = as_fan(rich).get(path)
    assert shown.status_code == 200
    assert shown.json() == payment
    hidden = as_fan(make_user()).get(path)
    assert hidden.status_code == 404
    assert hidden.json()["code"] == "payment_not_found"
    assert api.get(path).status_code == 401


def test_the_reservation_names_its_payment(as_fan, rich, performance):
    held = hold(rich, performance)
    payment = pay(as_fan(rich), held.id).json()
    shown = as_fan(rich).get(f"/api/v1/reservations/{held.id}/").json()
    assert shown["status"] == "CONFIRMED"
    assert shown["payment"] == {"id": payment["id"], "status": "PAID"}


def test_lock_and_queue_server_away_take_nothing_from_a_payment(as_fan, rich, performance, parts):
    held = hold(rich, performance)
    for name in ("lock", "queue"):
        parts.part(name).stop()
    try:
        answer = pay(as_fan(rich), held.id)
    finally:
        for name in ("lock", "queue"):
            parts.part(name).start()
    assert answer.status_code == 201, answer.json()
    assert Ticket.objects.count() == 2
