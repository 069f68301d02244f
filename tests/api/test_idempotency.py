"""What an Idempotency-Key promises, on real routes."""

from datetime import timedelta

import pytest
from drf_spectacular.generators import SchemaGenerator

from idempotency import policy
from idempotency.models import Record
from idempotency.usecases import endings, leases
from kernel import clock
from payments import gateways
from payments.models import Charge, Payment
from points.errors import InsufficientPoints
from points.models import Transfer
from queueing import queries as queue_queries
from queueing.models import QueueConfig
from reservations import queries
from reservations.models import SalePolicy
from reservations.usecases import holds
from tests.support.factories import make_performance, make_user
from tests.support.holding import place
from tests.support.leases import release
from tests.support.money import (
    CHARGES,
    PAYMENTS,
    balance_of,
    give_points,
    hold,
    new_key,
    outbox,
    pay,
    post,
)

pytestmark = pytest.mark.usefixtures("charging")
AMOUNT = {"amount": 5_000}
HOLDS = "/api/v1/reservations/"


def rewind(*, lease_seconds: int) -> None:
    """Make the only record look as if its execution never came to an end."""
    Record.objects.update(
        state="RUNNING",
        status=None,
        body="",
        headers={},
        lease_until=clock.now() + timedelta(seconds=lease_seconds),
    )


def test_marked_routes_need_a_key(as_fan, fan):
    for path in (CHARGES, PAYMENTS):
        answer = post(as_fan(fan), path, AMOUNT, key=None)
        assert answer.status_code == 400
        assert answer.json()["code"] == "idempotency_key_required"
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "1234567",
        "x" * 256,
        '"1234567"',
        '"' + "x" * 256 + '"',
        '"12345678',
        '"1234"5678"',
        '"1234\\5678"',
        '"12345678";a=1',
        "1234 5678",
        '"1234 5678"',
        "1234\t5678",
        "열두글자키입니다",
    ],
)
def test_a_malformed_key_is_refused(as_fan, fan, key):
    answer = as_fan(fan).post(CHARGES, AMOUNT, format="json", headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_invalid"
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    "key", ["12345678", "x" * 255, '"' + "x" * 255 + '"', '"a\\"b\\\\cdefg"', "!#$%&'*+-./:;<=>?@"]
)
def test_visible_characters_make_a_key(as_fan, fan, key):
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).status_code == 201


def test_quoted_and_bare_are_the_same_key(as_fan, fan):
    first = post(as_fan(fan), CHARGES, AMOUNT, key="the-same-key")
    second = post(as_fan(fan), CHARGES, AMOUNT, key='"the-same-key"')
    assert second.json() == first.json()
    assert Charge.objects.count() == 1


def test_the_first_answer_comes_again(as_fan, fan):
    key = new_key()
    first = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first
    for _ in range(2):
        again = post(as_fan(fan), CHARGES, AMOUNT, key=key)
        assert again.status_code == 201
        assert again["Idempotency-Replayed"] == "true"
        assert again["Content-Type"] == first["Content-Type"]
        assert again.content == first.content
    assert Charge.objects.count() == 1
    assert balance_of(fan) == 5_000


def test_the_order_of_members_makes_no_other_body(as_fan, fan):
    key, url = new_key(), "http://127.0.0.1:8000/back"
    first = post(as_fan(fan), CHARGES, {"amount": 5_000, "return_url": url}, key=key)
    second = post(as_fan(fan), CHARGES, {"return_url": url, "amount": 5_000}, key=key)
    assert first.status_code == 201
    assert second.content == first.content


def test_another_body_under_the_same_key_is_refused(as_fan, fan):
    key = new_key()
    post(as_fan(fan), CHARGES, AMOUNT, key=key)
    answer = post(as_fan(fan), CHARGES, {"amount": 6_000}, key=key)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"
    assert balance_of(fan) == 5_000


def test_a_key_belongs_to_its_caller_and_route(as_fan, fan):
    other, key = make_user(), new_key()
    performance = make_performance(seats=2, price=1_000)
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).status_code == 201
    assert post(as_fan(other), CHARGES, AMOUNT, key=key).status_code == 201
    assert pay(as_fan(fan), hold(fan, performance).id, key=key).status_code == 201
    assert (balance_of(fan), balance_of(other)) == (3_000, 5_000)


def test_a_domain_refusal_comes_again(as_fan, fan):
    held, key = hold(fan, make_performance(seats=2)), new_key()
    give_points(fan, 10**6)
    holds.release(reservation_id=held.id, user_id=fan.pk, now=clock.now())
    first = pay(as_fan(fan), held.id, key=key)
    assert first.json()["code"] == "reservation_not_payable"
    again = pay(as_fan(fan), held.id, key=key)
    assert again.status_code == 409
    assert again["Idempotency-Replayed"] == "true"
    assert again["Content-Type"] == "application/problem+json"
    assert again.content == first.content
    assert not Payment.objects.exists()


def test_who_charges_points_pays_under_the_same_key(as_fan, fan):
    """Too few points were no beginning: the app charges and sends the request again, as advised."""
    held, key = hold(fan, make_performance(seats=2)), new_key()
    for _ in range(2):
        refused = pay(as_fan(fan), held.id, key=key)
        assert refused.json()["code"] == "insufficient_points"
        assert "Idempotency-Replayed" not in refused
    give_points(fan, 10**6)
    paid = pay(as_fan(fan), held.id, key=key)
    assert paid.status_code == 201
    assert pay(as_fan(fan), held.id, key=key).content == paid.content
    assert Payment.objects.count() == 1


@pytest.mark.control
def test_control_a_kept_refusal_keeps_the_app_from_buying(as_fan, fan, monkeypatch):
    monkeypatch.setattr(InsufficientPoints, "kept_for_replay", True)
    held, key = hold(fan, make_performance(seats=2)), new_key()
    pay(as_fan(fan), held.id, key=key)
    give_points(fan, 10**6)
    assert pay(as_fan(fan), held.id, key=key).json()["code"] == "insufficient_points"


def test_a_refusal_to_slow_down_is_not_kept(as_fan, fan):
    """429: the same key is served once the time has passed."""
    performance = make_performance(seats=3, holds_per_minute=1)
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat_of(performance, 0))]}
    place(fan, performance, [seat_of(performance, 1)])
    key = new_key()
    refused = post(as_fan(fan), HOLDS, body, key=key)
    assert refused.status_code == 429
    SalePolicy.objects.update(holds_per_minute=0)
    queries.forget_sale_terms()
    held = post(as_fan(fan), HOLDS, body, key=key)
    assert held.status_code == 201
    assert "Idempotency-Replayed" not in held


def test_a_refusal_at_the_door_is_not_kept(as_fan, fan):
    """403: a fan admitted afterwards may hold under the same key."""
    performance = make_performance(seats=3)
    config = QueueConfig.objects.create(
        performance=performance, queue_required=True, queue_opens_at=clock.now()
    )
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat_of(performance, 0))]}
    key = new_key()
    refused = post(as_fan(fan), HOLDS, body, key=key)
    assert refused.status_code == 403
    config.delete()
    queue_queries.drop_cached(performance.pk)
    held = post(as_fan(fan), HOLDS, body, key=key)
    assert held.status_code == 201
    assert "Idempotency-Replayed" not in held


@pytest.mark.control
@pytest.mark.parametrize("status", [403, 429])
def test_control_a_passing_refusal_that_is_kept_is_repeated(as_fan, fan, monkeypatch, status):
    monkeypatch.setattr(endings, "_REFUSED", frozenset({400, 401, 403, 429} - {status}))
    check = test_a_refusal_at_the_door_is_not_kept
    if status == 429:
        check = test_a_refusal_to_slow_down_is_not_kept
    with pytest.raises(AssertionError):
        check(as_fan, fan)


def test_a_malformed_request_may_be_corrected_under_its_key(as_fan, fan):
    key = new_key()
    for amount in (-1, 0, "5000"):
        assert post(as_fan(fan), CHARGES, {"amount": amount}, key=key).status_code == 400
    answer = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer


def test_a_refusal_of_a_retry_does_not_free_the_key_for_another_body(as_fan, fan):
    """An execution that died may have charged; then only the same body may go on."""
    key = new_key()
    post(as_fan(fan), CHARGES, AMOUNT, key=key)
    record = Record.objects.get()
    rewind(lease_seconds=-1)
    taken_over = leases.claim(
        request_key=record.request_key, body_hash=record.body_hash, now=clock.now()
    )
    release(taken_over, now=clock.now(), untouched=True)
    assert post(as_fan(fan), CHARGES, {"amount": 6_000}, key=key).status_code == 422
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).status_code == 201
    assert balance_of(fan) == 5_000


def test_an_unavailable_part_is_asked_again(as_fan, fan, monkeypatch):
    key = new_key()
    with monkeypatch.context() as away:
        away.setattr(gateways, "current", lambda: None)
        for _ in range(2):
            answer = post(as_fan(fan), CHARGES, AMOUNT, key=key)
            assert answer.status_code == 503
            assert "Idempotency-Replayed" not in answer
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).status_code == 201


def test_nobody_leaves_no_record(api):
    assert post(api, CHARGES, AMOUNT).status_code == 401
    assert not Record.objects.exists()


def test_while_the_first_runs_the_second_must_wait(as_fan, fan):
    key = new_key()
    post(as_fan(fan), CHARGES, AMOUNT, key=key)
    rewind(lease_seconds=20)
    answer = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_in_progress"
    assert int(answer["Retry-After"]) >= 1
    other = post(as_fan(fan), CHARGES, {"amount": 6_000}, key=key)
    assert other.status_code == 422


def test_a_charge_whose_execution_died_before_its_record_is_found_again(as_fan, fan):
    key = new_key()
    first = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    rewind(lease_seconds=-1)
    again = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again
    assert again.json() == first.json()
    assert balance_of(fan) == 5_000
    assert len(outbox("points.charged")) == 1
    record = Record.objects.get()
    assert (record.state, record.attempt) == ("FINISHED", 2)


def test_a_payment_whose_execution_died_before_its_record_is_found_again(as_fan, fan):
    give_points(fan, 10**6)
    held, key = hold(fan, make_performance(seats=2)), new_key()
    first = pay(as_fan(fan), held.id, key=key)
    before = balance_of(fan)
    rewind(lease_seconds=-1)
    again = pay(as_fan(fan), held.id, key=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert Payment.objects.count() == 1
    assert Transfer.objects.filter(kind="payment").count() == 1
    assert balance_of(fan) == before
    assert len(outbox("payment.paid")) == len(outbox("reservation.confirmed")) == 1


def test_a_key_forgotten_by_its_record_still_pays_only_once(as_fan, fan):
    give_points(fan, 10**6)
    performance, key = make_performance(seats=4), new_key()
    first = pay(as_fan(fan), hold(fan, performance, seats=1).id, key=key)
    charged = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert leases.purge(now=clock.now() + policy.RETENTION) == 2
    again = pay(as_fan(fan), first.json()["reservation"]["id"], key=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).json() == charged.json()
    leases.purge(now=clock.now() + policy.RETENTION)
    other = hold(fan, performance, seats=2, seat_ids=[seat_of(performance, 1)])
    for answer in (
        pay(as_fan(fan), other.id, key=key),
        post(as_fan(fan), CHARGES, {"amount": 6_000}, key=key),
    ):
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"
    assert (Payment.objects.count(), Charge.objects.count()) == (1, 1)


def seat_of(performance, index):
    return performance.seats.get(index=index).pk


def test_the_schema_documents_the_key():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path in (CHARGES, PAYMENTS):
        (parameter,) = paths[path]["post"]["parameters"]
        assert parameter["name"] == "Idempotency-Key"
        assert (parameter["in"], parameter["required"]) == ("header", True)
