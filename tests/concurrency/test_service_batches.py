"""Holds and payments in the service's batches: what many send at once, and what others hold."""

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import DatabaseError, connections

from fastpath import at_once as batches
from fastpath import holds as holds_route
from fastpath import payments as payments_route
from fastpath.service import FastPathService
from idempotency.models import Record
from kernel import clock
from kernel.http import call_limits
from kernel.outcomes import Undecided
from kernel.rate_limiting import throttle
from payments.models import Payment
from payments.usecases.checkout import transaction as settlement
from points.policy import SALES
from points.queries import system_balance
from reservations.models import Reservation
from reservations.usecases.holds import transaction as holding
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.database import other_transaction
from tests.support.holding import inventory_disagreements, seats_held_twice
from tests.support.interleaving import InBackground, await_a_waiting_session
from tests.support.money import PAYMENTS, balance_of, buyers, post
from tests.support.service import answer_to, exchanges, request_of
from tests.support.waiting import await_that
from tests.support.wsgi import payment, wish
from tickets import operations as tickets
from tickets.models import Ticket

pytestmark = pytest.mark.concurrency

PRICE = 10_000
MOST = 64


@pytest.fixture(autouse=True)
def _nobody_counted(db_ready, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"pay": "1000/minute", "hold": "1000/minute"}
    call_limits.forget_client_ips()
    throttle.forget_callers()
    yield
    call_limits.forget_client_ips()
    throttle.forget_callers()


def paying(fan, held, key=None):
    body = {"reservation_id": str(held.id), "method": "POINTS"}
    return payment(fan, body, HTTP_IDEMPOTENCY_KEY=key or str(uuid4()))


def holding_seats(fan, performance, seats, **more):
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat) for seat in seats]}
    return wish(fan, body, **more)


def codes(answers):
    """Return status, or code of the refusal, of each answer."""
    found = [json.loads(one.body) if one.body else {} for one in answers]
    return [body.get("code", one.status) for one, body in zip(answers, found, strict=True)]


def assert_paid_once(number):
    assert Payment.objects.filter(status="PAID").count() == number
    assert Ticket.objects.count() == number
    assert system_balance(account_id=SALES).amount == number * PRICE
    assert inventory_disagreements(clock.now()) == []


# --- one hold, one key


@pytest.mark.parametrize("number", [2, 20])
def test_of_payments_for_one_hold_at_once_one_is_paid(number):
    [(fan, held)] = buyers(factories.make_performance(seats=4, price=PRICE), 1)
    answers = exchanges([paying(fan, held) for _ in range(number)])
    assert Counter(codes(answers)) == {201: 1, "reservation_not_payable": number - 1}
    assert_paid_once(1)
    assert balance_of(fan) == 99 * PRICE


@pytest.mark.parametrize("number", [2, 20])
def test_of_one_key_at_once_one_is_executed(number):
    [(fan, held)] = buyers(factories.make_performance(seats=4, price=PRICE), 1)
    asked = paying(fan, held, key="the-one-key")
    answers = exchanges([asked] * number)
    assert Counter(codes(answers)) == {201: 1, "idempotency_in_progress": number - 1}
    assert_paid_once(1)
    [again] = exchanges([asked])
    assert dict(again.headers)["Idempotency-Replayed"] == "true"
    assert again.body == next(one.body for one in answers if one.status == 201)
    assert Record.objects.get().attempt == 1


def test_of_one_key_for_the_best_seats_at_once_one_is_executed():
    performance, fan = factories.make_performance(seats=10), factories.make_user()
    body = {"performance_id": str(performance.pk), "best_available": {"count": 2}}
    answers = exchanges([wish(fan, body, HTTP_IDEMPOTENCY_KEY="the-one-key")] * 8)
    assert Counter(codes(answers)) == {201: 1, "idempotency_in_progress": 7}
    assert Reservation.objects.count() == 1


@pytest.mark.control
def test_control_without_its_claim_a_key_is_executed_each_time(monkeypatch):
    performance, fan = factories.make_performance(seats=10), factories.make_user()
    monkeypatch.setattr(
        holds_route.Keys,
        "answer",
        lambda route, environ, keyed, execute: _response_of(execute),
    )
    body = {"performance_id": str(performance.pk), "best_available": {"count": 2}}
    exchanges([wish(fan, body, HTTP_IDEMPOTENCY_KEY="the-one-key")] * 2)
    assert Reservation.objects.count() == 2


async def _response_of(execute):
    return (await execute(None)).response


def test_keys_sent_to_both_at_once_have_one_effect_each(as_fan):
    """The service's batches and the API's threads, for the same holds under the same keys."""
    found = buyers(factories.make_performance(seats=16, price=PRICE), 8)
    keys = [str(uuid4()) for _ in found]

    asked = [paying(*one, key) for one, key in zip(found, keys, strict=True)]

    def by_the_service():
        return codes(exchanges(asked))

    def by_the_api(number):
        (fan, held), key = found[number], keys[number]
        body = {"reservation_id": str(held.id), "method": "POINTS"}
        answer = post(as_fan(fan), PAYMENTS, body, key=key)
        return [answer.json().get("code", answer.status_code)]

    results = at_once(
        [by_the_service, *(lambda number=number: by_the_api(number) for number in range(8))]
    )
    assert {one for result in results for one in result} <= {201, "idempotency_in_progress"}
    assert_paid_once(8)
    assert [balance_of(fan) for fan, _ in found] == [99 * PRICE] * 8
    assert set(by_the_service()) == {201}
    assert_paid_once(8)


# --- the best seats


def test_fans_asking_for_the_best_at_once_get_different_seats_and_the_last_ones_none():
    performance = factories.make_performance(seats=30)
    body = {"performance_id": str(performance.pk), "best_available": {"count": 2}}
    answers = exchanges([wish(factories.make_user(), body) for _ in range(20)])
    assert Counter(codes(answers)) == {201: 15, "no_seats_match": 5}
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


def test_best_and_chosen_seats_share_a_batch_and_each_seat_is_held_once():
    performance = factories.make_performance(seats=20, row_length=20)
    seats = factories.seat_ids(performance)
    body = {"performance_id": str(performance.pk), "best_available": {"count": 1}}
    chosen = [holding_seats(factories.make_user(), performance, [seat]) for seat in seats]
    best = [wish(factories.make_user(), body) for _ in range(20)]
    mixed = [one for pair in zip(chosen, best, strict=True) for one in pair]
    answers = codes(exchanges(mixed))
    assert answers.count(201) == 20, Counter(answers)
    assert set(answers) <= {201, "seat_taken", "no_seats_match"}
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


# --- one in a batch of 64


def test_a_poisoned_payment_in_a_batch_of_64_fails_alone():
    """Its seat has a ticket already, which fails the statement of all."""
    found = buyers(factories.make_performance(seats=70, price=PRICE), MOST)
    spoilt_fan, spoilt = found[17]
    sold = tickets.SoldSeats(
        spoilt.id, spoilt.user_id, spoilt.performance.pk, [spoilt.seats[0].seat_id]
    )
    with settlement.transaction():
        tickets.issue(sales=[sold], now=clock.now())
    answers = exchanges([paying(fan, held) for fan, held in found])
    refused = answers.pop(17)
    assert refused.status != 201
    assert {one.status for one in answers} == {201}
    assert Payment.objects.count() == MOST - 1
    assert balance_of(spoilt_fan) == 100 * PRICE


def test_a_poisoned_hold_in_a_batch_of_64_fails_alone():
    """Its fan is gone: the foreign key says so when the batch commits."""
    performance = factories.make_performance(seats=MOST)
    fans = [factories.make_user() for _ in range(MOST)]
    seats = factories.seat_ids(performance)
    asked = [
        holding_seats(fan, performance, [seat], HTTP_IDEMPOTENCY_KEY=str(uuid4()))
        for fan, seat in zip(fans, seats, strict=True)
    ]
    fans[17].delete()
    answers = exchanges(asked)
    refused = answers.pop(17)
    assert refused.status != 201
    assert {one.status for one in answers} == {201}
    assert Reservation.objects.count() == MOST - 1
    assert Record.objects.filter(state="FINISHED").count() == MOST - 1


# --- locks of others


class Asked:
    """Requests to a service of their own, in a thread; `done` has the status of each answered."""

    def __init__(self, environs):
        self._requests = [request_of(environ) for environ in environs]
        self.done: dict[int, int] = {}
        self._thread = InBackground(lambda: asyncio.run(self._run()))

    def all(self):
        self._thread.result()
        return [self.done[number] for number in range(len(self._requests))]

    async def _run(self):
        with ThreadPoolExecutor(4) as executor:
            service = FastPathService(executor)
            await service.open()
            await asyncio.gather(
                *(self._ask(service, number, one) for number, one in enumerate(self._requests))
            )
            service.close()
            await asyncio.sleep(0)

    async def _ask(self, service, number, request):
        self.done[number] = (await answer_to(service, request)).status


FANS = 8


@pytest.fixture
def found():
    return buyers(factories.make_performance(seats=20, price=PRICE), FANS)


def account_of(held, cursor):
    cursor.execute("SELECT FROM points_account WHERE id = %s FOR UPDATE", [held.user_id])


def row_of(held, cursor):
    cursor.execute("SELECT FROM reservations_reservation WHERE id = %s FOR UPDATE", [held.id])


@pytest.mark.parametrize("lock", [account_of, row_of])
def test_who_meets_a_lock_lets_nobody_wait_for_an_answer(found, lock):
    with other_transaction() as cursor:
        lock(found[3][1], cursor)
        asked = Asked([paying(fan, held) for fan, held in found])
        await_a_waiting_session()
        await_that(lambda: len(asked.done) == FANS - 1, "the others are answered")
        assert 3 not in asked.done
        # and so is who comes later
        [(fan, held)] = buyers(factories.make_performance(seats=1, price=PRICE), 1)
        assert [one.status for one in exchanges([paying(fan, held)])] == [201]
    assert asked.all() == [201] * FANS
    assert_paid_once(FANS + 1)


@pytest.mark.control
def test_control_decided_in_the_batch_who_meets_a_lock_lets_all_wait(found, monkeypatch):
    def decided(route, requests):
        return [
            one.decide() if isinstance(one, Undecided) else one for one in route._serve(requests)
        ]

    monkeypatch.setattr(batches.BatchesAtOnce, "_released", decided)
    with other_transaction() as cursor:
        account_of(found[3][1], cursor)
        asked = Asked([paying(fan, held) for fan, held in found])
        await_a_waiting_session()
        assert not {1, 2, 4, 5}.intersection(asked.done)
    assert asked.all() == [201] * FANS


def test_a_lock_that_is_not_given_in_time_costs_its_fan_alone(found):
    with other_transaction() as cursor:
        account_of(found[3][1], cursor)
        asked = Asked(
            [paying(fan, held, f"key-of-fan-{at}") for at, (fan, held) in enumerate(found)]
        )
        statuses = asked.all()  # while the lock is held
    assert statuses.pop(3) == 503
    assert statuses == [201] * (FANS - 1)
    fan, held = found[3]
    [again] = exchanges([paying(fan, held, "key-of-fan-3")])
    assert again.status == 201  # nothing of it was kept
    assert_paid_once(FANS)


def test_a_record_in_use_lets_nobody_wait_for_an_answer(found):
    asked = [paying(*one, f"key-of-fan-{number}") for number, one in enumerate(found)]
    exchanges(asked[3:4])
    theirs = connections["idempotency"].copy()
    theirs.set_autocommit(False)
    try:
        with theirs.cursor() as cursor:
            cursor.execute("SELECT FROM idempotency_record FOR UPDATE")
        sent = Asked(asked)
        await_that(lambda: len(sent.done) == FANS - 1, "the others are answered")
        assert 3 not in sent.done
    finally:
        theirs.rollback()
        theirs.close()
    assert sent.all() == [201] * FANS
    assert_paid_once(FANS)


# --- errors in a batch


@pytest.mark.parametrize(
    ("module", "route"), [(settlement, payments_route), (holding, holds_route)]
)
def test_after_an_error_of_the_database_each_goes_alone_and_is_answered(
    found, monkeypatch, module, route
):
    record, calls = module.record, []

    def fail_first(**arguments):
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseError("a statement")
        return record(**arguments)

    performance = factories.make_performance(seats=FANS)
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(FANS)]
    asked = (
        [paying(fan, held) for fan, held in found]
        if route is payments_route
        else [holding_seats(fan, performance, [s]) for fan, s in zip(fans, seats, strict=True)]
    )
    monkeypatch.setattr(module, "record", fail_first)
    assert {one.status for one in exchanges(asked)} == {201}
    assert len(calls) == 1 + FANS
