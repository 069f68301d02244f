"""The service gives holds up exactly as Django does, or leaves the answer to Django."""

import pytest

from events.models import OutboxEvent
from fastpath import releases
from fastpath.messages import Response
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from reservations.models import Reservation, SeatInventory
from reservations.operations import ReservationNotFound
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import begin, give_points
from tests.support.service import exchanges, without_count
from tests.support.wsgi import HOLDS, answer_of, bearer, environment, json_body


@pytest.fixture
def sale(db_ready):
    return make_performance(seats=4, price=100)


def release(fan, reservation_id, **more):
    login = {"HTTP_AUTHORIZATION": bearer(fan)}
    return environment("DELETE", f"{HOLDS}{reservation_id}/", **login | more)


def held(performance, fan, number=0):
    return place(fan, performance, [seat_ids(performance)[number]])


def test_a_hold_that_is_given_up_reads_the_same(twins, sale):
    fan = make_user()
    one, other = held(sale, fan), held(sale, fan, 1)
    slow = answer_of(twins.django, release(fan, one.id))
    fast = answer_of(twins.fast, release(fan, other.id))
    assert twins.passed_on == 0
    assert (fast.status, fast.body) == ("204 No Content", b"")
    assert without_count(fast) == without_count(slow)
    statuses = Reservation.objects.values_list("status", flat=True)
    assert set(statuses) == {"RELEASED"}
    assert SeatInventory.objects.filter(performance=sale, status="AVAILABLE").count() == 4
    assert OutboxEvent.objects.filter(type="reservation.released").count() == 2
    assert {e.request_id for e in OutboxEvent.objects.filter(type="reservation.released")} == {
        "the-same-for-both"
    }
    again = answer_of(twins.fast, release(fan, other.id))
    assert again.status == fast.status


def paid(performance, fan):
    made = held(performance, fan)
    give_points(fan, 1_000)
    begin(fan, made.id)
    return made.id


def unknown(performance, fan):
    return uuid7()


def somebody_elses(performance, fan):
    return held(performance, make_user()).id


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("make", "status"), [(paid, 409), (unknown, 404), (somebody_elses, 404)])
def test_every_refusal_reads_the_same(twins, sale, make, status, language):
    fan = make_user()
    environ = release(fan, make(sale, fan), HTTP_ACCEPT_LANGUAGE=language)
    slow, fast = twins.both(environ)
    assert twins.passed_on == 0
    assert fast.status.startswith(str(status))
    assert fast == slow


def test_a_fan_who_asks_too_often_reads_the_same(twins, sale, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "1/minute"}
    fan = make_user()
    answers = []
    for application in (twins.django, twins.fast):
        answer_of(application, release(fan, uuid7()))
        answers.append(answer_of(application, release(fan, uuid7())))
        throttle.forget_callers()
    slow, fast = answers
    assert fast.status.startswith("429")
    assert without_instance(fast) == without_instance(slow)


def without_instance(answer):
    return {**answer.json(), "instance": ""}, [
        (name, value) for name, value in answer.headers if name != "Content-Length"
    ]


@pytest.mark.parametrize(
    "more",
    [
        json_body(b"{}"),
        {"HTTP_COOKIE": "a=b"},
        {"QUERY_STRING": "a=b"},
        {"HTTP_AUTHORIZATION": "Bearer forged"},
    ],
)
def test_what_is_unusual_goes_on_to_django_whole(twins, sale, more):
    fan = make_user()
    slow, fast = twins.both(release(fan, uuid7()) | more)
    assert fast == slow
    assert twins.passed_on == 1
    assert fast.status[:3] in ("404", "401")


@pytest.mark.parametrize("path", ["x", str(uuid7()).upper(), uuid7().hex, f"{uuid7()}/extend"])
def test_another_address_is_handed_over(twins, path):
    [made] = exchanges([release(make_user(), path)])
    assert made.is_handed_over


def test_a_defect_is_left_to_the_api(twins, sale, monkeypatch):
    monkeypatch.setattr(releases.holds, "release", lambda **_: 1 / 0)
    [made] = exchanges([release(make_user(), uuid7())])
    assert made.is_handed_over


def test_a_refusal_of_one_is_that_ones_alone(twins, sale):
    fans = [make_user() for _ in range(3)]
    mine = [held(sale, fan, n) for n, fan in enumerate(fans)]
    asked = [release(fan, made.id) for fan, made in zip(fans, mine, strict=True)]
    asked.insert(1, release(fans[0], mine[1].id))
    made = exchanges(asked)
    assert [one.status for one in made] == [204, 404, 204, 204]
    assert ReservationNotFound.code.encode() in made[1].body


def test_an_empty_answer_says_its_length_once(twins, sale):
    """A gateway refuses an answer that says it twice."""
    fan = make_user()
    [made] = exchanges([release(fan, held(sale, fan).id)])
    encoded = Response(made.status, made.headers, made.body).encoded(is_last=False)
    assert encoded.lower().count(b"content-length: 0") == 1
