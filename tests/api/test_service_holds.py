"""The service `fastpath` answers holds exactly as Django does, or leaves the answer to Django.

Refusals change nothing, so both are given the same environment and must say the same; what was
held differs in its id alone.
"""

from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.redis.clients import client
from queueing.models import QueueConfig
from reservations.models import Reservation
from tests.support.factories import make_performance, make_user
from tests.support.holding import place
from tests.support.service import without_count
from tests.support.wsgi import (
    HOLDS,
    answer_of,
    bearer,
    environment,
    json_body,
    wish,
)


@pytest.fixture
def sale(db_ready):
    return make_performance(seats=8)


def seats_of(performance) -> list[str]:
    return [str(seat.pk) for seat in performance.seats.order_by("index")]


def taken(performance, user):
    first, second, *_ = seats_of(performance)
    place(make_user(), performance, [UUID(first)])
    return {"performance_id": str(performance.pk), "seat_ids": [first, second]}


def own_already(performance, user):
    seat = seats_of(performance)[0]
    place(user, performance, [UUID(seat)])
    return {"performance_id": str(performance.pk), "seat_ids": [seat]}


def named_twice(performance, user):
    return {"performance_id": str(performance.pk), "seat_ids": seats_of(performance)[:1] * 2}


def too_many(performance, user):
    return {"performance_id": str(performance.pk), "seat_ids": seats_of(performance)[:7]}


def unknown_seat(performance, user):
    return {"performance_id": str(performance.pk), "seat_ids": [str(uuid7())]}


def unknown_performance(performance, user):
    return {"performance_id": str(uuid7()), "seat_ids": [str(uuid7())]}


def queue_required(performance, user):
    other = make_performance(seats=2)
    QueueConfig.objects.create(
        performance=other, queue_opens_at=clock.now() - timedelta(hours=1), queue_required=True
    )
    return {"performance_id": str(other.pk), "seat_ids": seats_of(other)[:1]}


def best(performance, **wanted):
    return {"performance_id": str(performance.pk), "best_available": wanted}


def none_match(performance, user):
    return best(performance, count=1, grade="no such")


def too_many_of_the_best(performance, user):
    return best(performance, count=7)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("make", "status"),
    [
        (taken, 409),
        (own_already, 409),
        (named_twice, 400),
        (too_many, 409),
        (unknown_seat, 404),
        (unknown_performance, 404),
        (queue_required, 403),
        (none_match, 409),
        (too_many_of_the_best, 409),
    ],
)
def test_every_refusal_reads_the_same(twins, sale, make, status, language):
    fan = make_user()
    environ = wish(fan, make(sale, fan), HTTP_ACCEPT_LANGUAGE=language)
    slow, fast = twins.both(environ)
    assert twins.passed_on == 0, "Django was needed"
    assert fast.status.startswith(str(status)), fast
    assert without_count(fast) == without_count(slow)


def by_their_ids(performance):
    return [
        {"performance_id": str(performance.pk), "seat_ids": [seat]}
        for seat in seats_of(performance)[:2]
    ]


def by_ids_in_capitals(performance):
    return [
        {"performance_id": str(performance.pk).upper(), "seat_ids": [f"urn:uuid:{seat}"]}
        for seat in seats_of(performance)[:2]
    ]


def the_best(performance):
    return [best(performance, count=1)] * 2


def the_best_of_a_grade(performance):
    return [best(performance, count=1, grade=" r ", accessible="no")] * 2


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("make", [by_their_ids, by_ids_in_capitals, the_best, the_best_of_a_grade])
def test_a_hold_reads_the_same_but_for_its_id(twins, sale, make, language):
    fan = make_user()
    slow, fast = (
        answer_of(application, wish(fan, body, HTTP_ACCEPT_LANGUAGE=language))
        for application, body in zip((twins.django, twins.fast), make(sale), strict=True)
    )
    assert twins.passed_on == 0
    assert fast.status == slow.status == "201 Created", fast
    one, other = slow.json(), fast.json()
    assert Reservation.objects.filter(pk=other["id"], user_id=fan.pk).exists()
    for found in (one, other):
        found.pop("id")
        found["seats"][0].pop("id")
        found["seats"][0].pop("number")
        found["seats"][0].pop("row")
    assert list(other) == list(one)
    assert other == one
    slow_headers, fast_headers = dict(slow.headers), dict(fast.headers)
    for headers in (slow_headers, fast_headers):
        headers.pop("Content-Length")
        headers.pop("RateLimit")
    assert fast_headers == slow_headers


def test_a_fan_who_asks_too_often_reads_the_same(twins, sale, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"hold": "1/minute"}
    fan = make_user()
    environ = wish(fan, unknown_seat(sale, fan))
    answers = []
    for application in (twins.django, twins.fast):
        answer_of(application, environ)
        answers.append(answer_of(application, environ))
        client("lock").delete(*client("lock").keys("fr:l:*:n:*"))
    slow, fast = answers
    assert fast.status.startswith("429")
    assert fast.header("Retry-After")
    assert fast == slow


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (None, {"HTTP_COOKIE": "sessionid=x"}),
        (None, {"QUERY_STRING": "a=b"}),
        (None, {"CONTENT_TYPE": "application/json; charset=utf-8"}),
        (None, {"HTTP_AUTHORIZATION": "Bearer forged"}),
        (b"", {}),
    ],
)
def test_what_is_unusual_goes_on_to_django_whole(twins, sale, body, more):
    fan = make_user()
    environ = wish(fan, unknown_seat(sale, fan) if body is None else body, **more)
    slow, fast = twins.both(environ)
    assert twins.passed_on == 1
    assert without_count(fast) == without_count(slow)


def test_a_call_without_a_login_is_refused_by_django(twins, sale):
    environ = wish(None, unknown_seat(sale, None))
    slow, fast = twins.both(environ)
    assert twins.passed_on == 1
    assert fast.status.startswith("401")
    assert fast == slow


BODIES = {
    "no JSON": b"{",
    "an array": b"[]",
    "blanks": b" " * 3000,
    "a member twice": b'{"seat_ids": [], "seat_ids": []}',
    "numbers for ids": b'{"performance_id": 7, "seat_ids": [7]}',
    "unknown members": b'{"a":1,"b":2}',
    "wrong seats": b'{"performance_id":"x","seat_ids":[1,2]}',
    "too many seats": b'{"performance_id":"x","seat_ids":[' + b",".join([b"1"] * 900) + b"]}",
    "no seats": b'{"performance_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11","seat_ids":[]}',
    "both ways": b'{"performance_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"seat_ids":["01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11"],"best_available":{"count":1}}',
    "a bad wish": b'{"performance_id":"01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",'
    b'"best_available":{"count":0}}',
    "a long code": b'{"invitation_code":"' + b"x" * 3000 + b'"}',
}


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_hold_is_refused_as_django_does(twins, what, language):
    fan, body = make_user(), BODIES[what]
    environ = environment(
        "POST",
        HOLDS,
        HTTP_AUTHORIZATION=bearer(fan),
        HTTP_ACCEPT_LANGUAGE=language,
        **json_body(body),
    )
    slow, fast = twins.both(environ)
    assert slow.status.startswith("400")
    assert fast == slow
    assert twins.passed_on == 0


def test_a_client_refused_too_often_gets_the_429_of_django(twins, settings, monkeypatch):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"refused": "1/hour"}
    fan = make_user()
    monkeypatch.setattr(throttle, "forget_callers", lambda: None)
    throttle.charge_refusal(str(fan.pk))
    environ = environment(
        "POST",
        HOLDS,
        HTTP_AUTHORIZATION=bearer(fan),
        **json_body(b"{"),
    )
    slow, fast = twins.both(environ)
    assert slow.status.startswith("429")
    assert fast == slow
    assert twins.passed_on == 0
