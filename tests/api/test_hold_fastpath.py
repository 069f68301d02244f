"""The fast path of holds answers exactly as Django does, or leaves the answer to Django.

Refusals change nothing, so both are given the same environment and must say the same; what was
held differs in its id alone.
"""

import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.handlers.wsgi import WSGIHandler

from accounts.tokens import issue_access_token
from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.redis.clients import client
from queueing.models import QueueConfig
from reservations.fastpath import HoldFastPath
from reservations.models import Reservation
from reservations.usecases import holds
from tests.support.factories import make_performance, make_user

PATH = "/api/v1/reservations/"


class Twins:
    """Django alone, and the fast path in front of a Django that says when it was needed."""

    def __init__(self) -> None:
        self.django = WSGIHandler()
        self.fast = HoldFastPath(self._noted)
        self.passed_on = 0

    def _noted(self, environ, start_response):
        self.passed_on += 1
        return self.django(environ, start_response)

    def both(self, environ: dict[str, Any]):
        slow = ask(self.django, environ)
        throttle.forget_callers()
        return slow, ask(self.fast, environ)


def ask(application, environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    seen: list[Any] = []
    given = {**environ, "wsgi.input": io.BytesIO(environ["wsgi.input"])}
    parts = application(given, lambda status, headers, _=None: seen.extend((status, headers)))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    headers = dict(seen[1])
    assert len(headers) == len(seen[1]), "a header is there twice"
    return seen[0], headers, body


def wish(user, body: Any, **more: Any) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "10.1.2.3",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.input": content,
        "HTTP_X_REQUEST_ID": "the-same-for-both",
    }
    if user is not None:
        token = issue_access_token(
            user_id=user.pk,
            session_id=str(user.pk),
            is_staff=False,
            groups=[],
            now=clock.now(),
        )
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return environ | more


@pytest.fixture
def twins(db_ready, monkeypatch):
    moment = clock.now().replace(microsecond=123_000)
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr("time.time", moment.timestamp)
    throttle.forget_callers()
    yield Twins()
    throttle.forget_callers()


@pytest.fixture
def sale(db_ready):
    return make_performance(seats=8)


def seats_of(performance) -> list[str]:
    return [str(seat.pk) for seat in performance.seats.order_by("index")]


def take(performance, user, seat: str):
    return holds.place(
        user_id=user.pk,
        performance_id=performance.pk,
        seat_ids=[UUID(seat)],
        reservation_id=uuid7(),
        queue_token=None,
        now=clock.now(),
    )


def taken(performance, user):
    first, second, *_ = seats_of(performance)
    take(performance, make_user(), first)
    return {"performance_id": str(performance.pk), "seat_ids": [first, second]}


def own_already(performance, user):
    seat = seats_of(performance)[0]
    take(performance, user, seat)
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
    ],
)
def test_every_refusal_reads_the_same(twins, sale, make, status, language):
    fan = make_user()
    environ = wish(fan, make(sale, fan), HTTP_ACCEPT_LANGUAGE=language)
    slow, fast = twins.both(environ)
    assert twins.passed_on == 0, "Django was needed"
    assert fast[0].startswith(str(status)), fast
    assert _without_count(fast) == _without_count(slow)


def _without_count(answer):
    """Leave out what a second attempt of the same fan must count differently."""
    status, headers, body = answer
    headers.pop("RateLimit", None)
    return status, headers, body


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_hold_reads_the_same_but_for_its_id(twins, sale, language):
    first, second, *_ = seats_of(sale)
    asked = [{"performance_id": str(sale.pk), "seat_ids": p} for p in ([first], [second])]
    fan = make_user()
    slow, fast = (
        ask(application, wish(fan, body, HTTP_ACCEPT_LANGUAGE=language))
        for application, body in zip((twins.django, twins.fast), asked, strict=True)
    )
    assert twins.passed_on == 0
    assert fast[0] == slow[0] == "201 Created"
    one, other = json.loads(slow[2]), json.loads(fast[2])
    assert Reservation.objects.filter(pk=other["id"], user_id=fan.pk).exists()
    for found in (one, other):
        found.pop("id")
        found["seats"][0].pop("id")
        found["seats"][0].pop("number")
    assert list(other) == list(one)
    assert other == one
    for headers in (slow[1], fast[1]):
        headers.pop("Content-Length")
        headers.pop("RateLimit")
    assert fast[1] == slow[1]


def test_a_fan_who_asks_too_often_reads_the_same(twins, sale, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"hold": "1/minute"}
    fan = make_user()
    environ = wish(fan, unknown_seat(sale, fan))
    answers = []
    for application in (twins.django, twins.fast):
        ask(application, environ)
        answers.append(ask(application, environ))
        client("lock").delete(*client("lock").keys("fr:l:*:n:*"))
    slow, fast = answers
    assert fast[0].startswith("429")
    assert fast[1]["Retry-After"]
    assert fast == slow


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (None, {"HTTP_COOKIE": "sessionid=x"}),
        (None, {"QUERY_STRING": "a=b"}),
        (None, {"CONTENT_TYPE": "application/json; charset=utf-8"}),
        (None, {"HTTP_AUTHORIZATION": "Bearer forged"}),
        (
            b'{"performance_id":"%s","best_available":{"count":2}}' % (b"1" * 32),
            {},
        ),
        (b"", {}),
    ],
)
def test_what_is_unusual_goes_on_to_django_whole(twins, sale, body, more):
    fan = make_user()
    environ = wish(fan, unknown_seat(sale, fan) if body is None else body, **more)
    slow, fast = twins.both(environ)
    assert twins.passed_on == 1
    assert _without_count(fast) == _without_count(slow)


def test_a_wish_with_a_key_is_kept_for_replay_by_django(twins, sale):
    fan = make_user()
    body = {"performance_id": str(sale.pk), "seat_ids": seats_of(sale)[:1]}
    environ = wish(fan, body, HTTP_IDEMPOTENCY_KEY="some-key-of-mine")
    first, again = ask(twins.fast, environ), ask(twins.fast, environ)
    assert twins.passed_on == 2
    assert first[0] == again[0] == "201 Created"
    assert again[1]["Idempotency-Replayed"] == "true"
    assert again[2] == first[2]


def test_nobody_logged_in_is_told_so_by_django(twins, sale):
    environ = wish(None, unknown_seat(sale, None))
    slow, fast = twins.both(environ)
    assert twins.passed_on == 1
    assert fast[0].startswith("401")
    assert fast == slow
