"""Joins that the gateway sent to any process: drawn ones stay, others go to their line."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from queueing.usecases import waiting_room
from tests.support.factories import make_user
from tests.support.service import Answered, answers_to, exchanges, request_of
from tests.support.waiting import await_that
from tests.support.waiting_rooms import make_room, queue_url
from tests.support.wsgi import bearer, environment

pytestmark = pytest.mark.usefixtures("queue_redis")
ASK = "ask"


@pytest.fixture(autouse=True)
def _unknown():
    """Let the process know no room's status, and count nobody."""
    waiting_room._public.clear()
    throttle.forget_callers()
    yield
    waiting_room._public.clear()
    throttle.forget_callers()


def room_that_opens(*, seconds: float):
    """Return a room that draws numbers until so many seconds from now."""
    now = clock.now()
    return make_room(
        queue_opens_at=now - timedelta(hours=1), admission_opens_at=now + timedelta(seconds=seconds)
    )


def join_of(room, *, line: str = ASK, fan=None):
    fan = fan or make_user()
    named = {"HTTP_X_QUEUE_LINE": line} if line else {}
    return environment("POST", queue_url(room), HTTP_AUTHORIZATION=bearer(fan), **named)


def joined(room, **how) -> Answered:
    [answer] = exchanges([join_of(room, **how)])
    return answer


def is_sent_to_line(answer: Answered) -> bool:
    return answer.status == 421 and ("X-Accel-Redirect", "@line") in answer.headers


def know(room) -> None:
    """Let the process know the room's status."""
    waiting_room.public_status(performance_id=room.pk, now=clock.now())


def test_before_the_opening_the_process_that_got_it_answers():
    room = room_that_opens(seconds=600)
    know(room)
    assert joined(room).status == 201


@pytest.mark.parametrize("seconds", [-600, -1, 1])
def test_after_it_and_a_moment_before_it_belongs_in_its_line(seconds):
    room = room_that_opens(seconds=seconds)
    know(room)
    assert is_sent_to_line(joined(room))


def test_in_its_line_it_is_answered():
    room = room_that_opens(seconds=-600)
    know(room)
    assert joined(room, line="").status == 201


def test_a_room_that_is_not_known_here_is_looked_up_and_meanwhile_sent_on():
    room = room_that_opens(seconds=600)
    assert is_sent_to_line(joined(room))
    await_that(lambda: waiting_room.known_status(room.pk), "it is known")
    assert joined(room).status == 201


def test_a_room_that_there_is_not_goes_to_its_line_which_says_so():
    [answer] = exchanges(
        [
            environment(
                "POST",
                f"/api/v1/performances/{uuid7()}/queue/",
                HTTP_AUTHORIZATION=bearer(make_user()),
                HTTP_X_QUEUE_LINE=ASK,
            )
        ]
    )
    assert is_sent_to_line(answer)


def test_what_the_api_has_to_answer_is_left_to_the_api_at_once():
    room = room_that_opens(seconds=-600)
    know(room)
    [nobody] = exchanges([environment("POST", queue_url(room), HTTP_X_QUEUE_LINE=ASK)])
    assert nobody.is_handed_over


def test_being_sent_on_costs_a_fan_nothing_and_is_counted_once_in_the_line():
    room, fan = room_that_opens(seconds=-600), make_user()
    know(room)
    asked = [request_of(join_of(room, fan=fan)) for _ in range(5)]
    assert all(map(is_sent_to_line, answers_to(asked)))
    straight = joined(room, line="", fan=fan)
    assert straight.status == 201
    another = make_user()
    at_once = joined(room, line="", fan=another)
    assert dict(straight.headers)["RateLimit"] == dict(at_once.headers)["RateLimit"]
