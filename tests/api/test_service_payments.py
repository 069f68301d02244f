"""The service answers payments by points exactly as Django does, or leaves the answer to Django."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from events.models import OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.redis.clients import client
from payments.models import Payment
from reservations.models import Reservation
from reservations.usecases import holds
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import balance_of, give_points
from tests.support.service import without_count
from tests.support.wsgi import answer_of, payment
from tickets.models import Ticket

PRICE = 10_000


@pytest.fixture
def sale(db_ready):
    return make_performance(seats=8, price=PRICE)


@pytest.fixture
def fan(db_ready):
    rich = make_user()
    give_points(rich, 100 * PRICE)
    return rich


def held(performance, fan, number=0):
    return place(fan, performance, [seat_ids(performance)[number]])


def by_points(reservation_id, **more):
    return {"reservation_id": str(reservation_id), "method": "POINTS", **more}


def expired(performance, fan):
    made = held(performance, fan)
    Reservation.objects.filter(pk=made.id).update(expires_at=made.expires_at.replace(year=2020))
    return by_points(made.id)


def somebody_elses(performance, fan):
    return by_points(held(performance, make_user()).id)


def unknown(performance, fan):
    return by_points(uuid7())


def given_up(performance, fan):
    made = held(performance, fan)
    holds.release(reservation_id=made.id, user_id=fan.pk, now=clock.now())
    return by_points(made.id)


def too_few_points(performance, fan):
    give_points(fan, 1)
    dear = make_performance(seats=1, price=1000 * PRICE)
    return by_points(held(dear, fan).id)


def another_amount(performance, fan):
    return by_points(held(performance, fan).id, points_amount=PRICE - 1)


def paid_otherwise(performance, fan):
    made = held(performance, fan)
    Payment.objects.create(
        reservation_id=made.id,
        user=fan,
        method="CARD",
        status="REQUESTED",
        amount=PRICE,
        points_amount=0,
        request_key="0" * 64,
        created_at=made.expires_at,
        resolve_after=made.expires_at,
    )
    return by_points(made.id)


def cancelled(performance, fan):
    made = held(performance, fan)
    type(performance).objects.filter(pk=performance.pk).update(status="CANCELLED")
    return by_points(made.id)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (expired, 409, "reservation_expired"),
        (somebody_elses, 404, "reservation_not_found"),
        (unknown, 404, "reservation_not_found"),
        (given_up, 409, "reservation_not_payable"),
        (too_few_points, 409, "insufficient_points"),
        (another_amount, 400, "points_amount_mismatch"),
        (paid_otherwise, 409, "payment_in_progress"),
        (cancelled, 409, None),
    ],
)
def test_every_refusal_reads_the_same(twins, sale, fan, make, status, code, language):
    body = make(sale, fan)
    slow, fast = (
        answer_of(application, payment(fan, body, HTTP_ACCEPT_LANGUAGE=language))
        for application in (twins.django, twins.fast)
    )
    assert twins.passed_on == 0, "Django was needed"
    assert fast.status.startswith(str(status)), fast
    assert code is None or fast.json()["code"] == code
    assert without_count(fast) == without_count(slow)


@pytest.mark.parametrize("more", [{}, {"points_amount": PRICE}, {"return_url": "http://a/"}])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_payment_reads_the_same_but_for_its_ids(twins, sale, fan, settings, more, language):
    settings.RETURN_URLS_ALLOWED = ["http://a"]
    slow, fast = (
        answer_of(
            application,
            payment(fan, by_points(held(sale, fan, n).id, **more), HTTP_ACCEPT_LANGUAGE=language),
        )
        for n, application in enumerate((twins.django, twins.fast))
    )
    assert twins.passed_on == 0
    assert fast.status == slow.status == "201 Created", fast
    one, other = slow.json(), fast.json()
    assert Payment.objects.filter(pk=other["id"], user=fan, status="PAID").exists()
    assert Ticket.objects.filter(reservation_id=other["reservation"]["id"]).count() == 1
    assert balance_of(fan) == 98 * PRICE
    for found in (one, other):
        found.pop("id")
        found["reservation"].pop("id")
    assert other == one
    assert without_count(fast).headers == without_count(slow).headers


def test_the_events_of_a_payment_name_its_request(twins, sale, fan):
    made = held(sale, fan)
    answer_of(twins.fast, payment(fan, by_points(made.id), HTTP_X_REQUEST_ID="request-of-mine"))
    assert {event.type for event in OutboxEvent.objects.filter(request_id="request-of-mine")} == {
        "payment.paid",
        "points.spent",
        "reservation.confirmed",
    }


@pytest.mark.parametrize(
    "key", [None, "", "1234567", "x" * 256, '"12345678', "12 345678", '"1234\\5678"']
)
@pytest.mark.parametrize("body", [by_points(uuid7()), b"{", {"method": "POINTS"}])
def test_a_payment_without_a_good_key_is_refused_as_django_does(twins, fan, key, body):
    environ = payment(fan, body)
    if key is None:
        del environ["HTTP_IDEMPOTENCY_KEY"]
    else:
        environ["HTTP_IDEMPOTENCY_KEY"] = key
    slow, fast = twins.both(environ)
    assert fast.status.startswith("400")
    assert fast.json()["code"].startswith("idempotency_key_")
    assert without_count(fast) == without_count(slow)
    assert twins.passed_on == 0


BODIES = {
    "no JSON": b"{",
    "an array": b"[]",
    "a member twice": b'{"method": "POINTS", "method": "POINTS"}',
    "nothing": b"{}",
    "another method": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11","method":"GOLD"}',
    "a number for an id": b'{"reservation_id":7,"method":"POINTS"}',
    "an amount as text": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"method":"POINTS","points_amount":"1"}',
    "less than nothing": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"method":"POINTS","points_amount":-1}',
    "an endless amount": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"method":"POINTS","points_amount":1' + b"0" * 400 + b"}",
    "a way elsewhere": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"method":"POINTS","return_url":"https://evil.example/"}',
    "an unknown member": b'{"reservation_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"method":"POINTS","amount":1}',
}


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_payment_is_refused_as_django_does(twins, fan, what, language):
    slow, fast = twins.both(payment(fan, BODIES[what], HTTP_ACCEPT_LANGUAGE=language))
    assert slow.status.startswith("400")
    assert without_count(fast) == without_count(slow)
    assert twins.passed_on == 0


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["POINTS", "CARD", str(uuid7()), "http://127.0.0.1:8000/"]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
MEMBERS = ["reservation_id", "method", "points_amount", "return_url", "amount"]


@hypothesis_settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.dictionaries(st.sampled_from(MEMBERS), JSON) | JSON)
def test_whatever_is_sent_is_answered_as_by_django(twins, fan, body):
    throttle.forget_callers()
    client("cache").flushdb()  # where payments are counted
    slow, fast = (
        answer_of(application, payment(fan, json.dumps(body).encode()))
        for application in (twins.django, twins.fast)
    )
    assert slow.status[:3] in {"400", "404", "503"}
    assert without_count(fast) == without_count(slow)


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ({"method": "CARD", "reservation_id": str(uuid7())}, {}),
        (by_points(uuid7()), {"HTTP_COOKIE": "sessionid=x"}),
        (by_points(uuid7()), {"QUERY_STRING": "a=b"}),
        (by_points(uuid7()), {"CONTENT_TYPE": "application/json; charset=utf-8"}),
        (by_points(uuid7()), {"HTTP_AUTHORIZATION": "Bearer forged"}),
        (b"", {}),
    ],
)
def test_what_is_unusual_goes_on_to_django_whole(twins, fan, body, more):
    slow, fast = (
        answer_of(application, payment(fan, body, **more))
        for application in (twins.django, twins.fast)
    )
    assert twins.passed_on == 1
    assert without_count(fast) == without_count(slow)


def test_a_card_is_counted_once(twins, fan, settings):
    """The limit of payments is one for all processes: who hands over has not counted."""
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"pay": "2/minute"}
    body = {"method": "CARD", "reservation_id": str(uuid7())}
    answers = [answer_of(twins.fast, payment(fan, body)) for _ in range(3)]
    assert [one.status[:3] for one in answers] == ["503", "503", "429"]  # no gateway


def test_a_fan_who_pays_too_often_reads_the_same(twins, fan, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"pay": "1/minute"}
    answer_of(twins.fast, payment(fan, by_points(uuid7())))
    slow, fast = twins.both(payment(fan, by_points(uuid7())))
    assert fast.status.startswith("429")
    assert fast.header("Retry-After")
    assert fast == slow
    assert twins.passed_on == 0


def test_a_client_refused_too_often_gets_the_429_of_django(twins, fan, settings, monkeypatch):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"refused": "1/hour"}
    monkeypatch.setattr(throttle, "forget_callers", lambda: None)
    throttle.charge_refusal(str(fan.pk))
    slow, fast = twins.both(payment(fan, b"{"))
    assert slow.status.startswith("429")
    assert fast == slow
    assert twins.passed_on == 0
