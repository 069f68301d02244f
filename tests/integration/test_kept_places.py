"""A fan's places for staff: as far as any server knows them, and without moving anything."""

from datetime import timedelta

import pytest

from boxoffice import timeline
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import breaker, client
from queueing import kept_places
from queueing.queue_server import keys_of
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from tests.support import factories
from tests.support.waiting_rooms import join, make_room


@pytest.fixture
def room(db_ready):
    return make_room(capacity=1, rate_per_second=5000, session_seconds=600, grace_seconds=60)


def places(user, *, later=timedelta()):
    return kept_places.places_of(user_id=user, now=clock.now() + later)


def raw(performance):
    """Everything the queue server has of a room."""
    server = client("queue")
    return [
        server.hgetall(name) if server.type(name) == b"hash" else server.type(name)
        for name in keys_of(performance.pk)
    ]


def poll(performance, user, token):
    return waiting_room.poll(
        user_id=user, performance_id=performance.pk, token=token, now=clock.now()
    )


def test_a_place_is_followed_from_the_wait_to_its_end(room):
    inside, first = join(room)
    poll(room, inside, first.token)
    user, place = join(room)
    [waits] = places(user)
    assert (waits.state, waits.number) == (PlaceState.WAITING, place.number)
    assert (waits.admitted_at, waits.until, waits.has_pass) == (None, None, False)
    assert abs(waits.joined_at - clock.now()) < timedelta(minutes=1)

    [entered] = places(inside)
    assert (entered.state, entered.has_pass) == (PlaceState.ADMITTED, True)
    assert abs(entered.admitted_at - clock.now()) < timedelta(minutes=1)
    assert entered.until - entered.admitted_at == timedelta(seconds=600)
    [over] = places(inside, later=timedelta(minutes=11))
    assert over.state is PlaceState.EXPIRED

    waiting_room.leave(user_id=user, performance_id=room.pk, now=clock.now())
    [left] = places(user)
    assert (left.state, left.number) == (PlaceState.LEFT, place.number)
    assert left.until >= left.joined_at


def test_looking_moves_nothing(room):
    user, _ = join(room)
    before = raw(room)
    for later in (timedelta(), timedelta(hours=1)):
        places(user, later=later)
    assert raw(room) == before


def test_how_a_place_ended_outlives_the_queue_server(room):
    user, _ = join(room)
    waiting_room.leave(user_id=user, performance_id=room.pk, now=clock.now())
    client("queue").flushall()
    [left] = places(user)
    assert (left.state, left.number, left.joined_at) == (PlaceState.LEFT, None, None)


def test_rooms_of_shows_long_over_are_not_asked(room):
    user, _ = join(room)
    assert places(user, later=timedelta(days=400)) == []


def test_who_was_never_there_has_no_place(room):
    assert places(uuid7()) == []


def test_many_rooms_cost_one_statement(room, django_assert_num_queries):
    user, _ = join(room)
    for _ in range(4):
        make_room()
    with django_assert_num_queries(1):
        assert [one.performance.concert.title_en for one in places(user)]


def test_the_timeline_has_the_moments_and_says_when_nobody_can_know(room, parts):
    user = factories.make_user()
    _, place = join(room, user.pk)
    poll(room, user.pk, place.token)
    waiting_room.leave(user_id=user.pk, performance_id=room.pk, now=clock.now())
    _, again = join(room, user.pk)
    poll(room, user.pk, again.token)
    found = timeline.of_fan(user.pk, now=clock.now())
    queue = [(one.status, one.says) for one in found.moments if one.sort == "queue"]
    assert found.has_queue
    assert len(queue) == 3
    assert "LEFT" in [status for status, _ in queue]  # of the place before
    assert any(f"{again.number}" in says and not status for status, says in queue)
    parts.part("queue").stop()
    try:
        assert not timeline.of_fan(user.pk, now=clock.now()).has_queue
    finally:
        parts.part("queue").start()
        breaker("queue").reset()
