"""Note [Waiting times]: how long fans are asked to wait, and that it comes true."""

from datetime import timedelta

import pytest

from queueing import policy
from queueing.replies import PlaceState
from tests.support.waiting_rooms import Room, full_room, whole_second

WAITING, ADMITTED = PlaceState.WAITING, PlaceState.ADMITTED


def test_with_places_free_they_follow_the_rate():
    room = Room.open(rate_per_second=2, capacity=100)
    users = room.join_many(14)  # four are in at once
    assert [room.poll(user).eta_seconds for user in users[4:]] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_in_a_full_room_sessions_say_it_from_the_first_second():
    room, _, waiting = full_room(3, rate_per_second=5, session_seconds=60)
    for passed, step in [(0, 1), (1, 24), (25, 34), (59, 0)]:
        etas = [room.poll(user).eta_seconds for user in waiting]
        assert etas == [60 - passed, 120 - passed, 180 - passed]
        room.later(step)


def test_what_they_say_comes_true():
    room, _, waiting = full_room(4, rate_per_second=5, session_seconds=30, grace_seconds=30)
    expected = {user: room.poll(user).eta_seconds for user in waiting}
    turns: dict = {}
    for second in range(1, 125):
        room.later(1)
        for user in waiting:
            if user not in turns and room.poll(user).state is ADMITTED:
                turns[user] = second
    assert turns == expected


def test_somebody_called_who_has_not_come_yet_counts_with_a_whole_session():
    room, inside, waiting = full_room(2, grace_seconds=5, session_seconds=600)
    room.finish(inside)  # calls the first, who does not ask
    assert room.poll(waiting[1]).eta_seconds == 600


def test_places_that_are_still_free_are_counted_as_taken_by_those_ahead():
    now = whole_second()
    room = Room.open(
        now=now,
        capacity=2,
        rate_per_second=1,
        session_seconds=100,
        queue_opens_at=now - timedelta(minutes=1),
        admission_opens_at=now + timedelta(minutes=1),
    )
    users = room.join_many(4)
    assert {room.poll(user).eta_seconds for user in users} == {60 + 102}  # three are ahead


def test_behind_places_that_are_free_the_wait_grows_with_those_ahead():
    room = Room.open(capacity=3, rate_per_second=0.5, session_seconds=600)
    users = room.join_many(12)
    waits = [place.eta_seconds for place in map(room.poll, users) if place.state is WAITING]
    assert len(waits) >= 10
    assert waits == sorted(waits)
    assert waits[-1] > 0


def test_they_follow_the_exits_really_seen():
    room = Room.open(rate_per_second=10, capacity=20, session_seconds=600)
    inside, waiting = room.join_many(20), room.join_many(40)
    assert room.poll(waiting[-1]).eta_seconds == 1200
    for user in inside[:15]:  # from now on somebody leaves every two seconds
        room.later(2).leave(user)
        room.poll(waiting[15])
    ahead = room.poll(waiting[-1]).ahead
    assert ahead == 24
    assert 2 * ahead <= room.poll(waiting[-1]).eta_seconds <= 3 * ahead


def test_after_the_last_early_exit_sessions_count_again():
    room = Room.open(rate_per_second=10, capacity=20, session_seconds=3600)
    inside, waiting = room.join_many(20), room.join_many(2)
    room.later(2).leave(inside[0])
    room.poll(waiting[0])
    assert room.poll(waiting[1]).eta_seconds < 200
    for _ in range(60):
        room.later(10)
        eta = room.poll(waiting[1]).eta_seconds
    assert eta == 3600 - 602


def test_sessions_that_run_out_are_no_sign_of_haste():
    room = Room.open(rate_per_second=100, capacity=20, session_seconds=60, grace_seconds=5)
    room.join_many(20)
    following, waiting = room.join_many(20), room.join_many(5)
    room.later(60)
    assert room.admitted(following) == following  # all places changed hands at once
    assert room.poll(waiting[0]).eta_seconds == 60


def test_after_a_loss_the_pause_counts(queue_redis):
    room = Room.open(rate_per_second=10)
    room.join()
    queue_redis.flushall()
    _, place = room.join()
    assert place.state is WAITING
    assert place.eta_seconds == policy.REBUILD_SECONDS


@pytest.mark.control
def test_control_by_the_rate_alone_a_full_room_promises_the_next_second(weakened):
    weakened("if exits <= 0 then return", "if exits <= 1e9 then return")
    room, _, waiting = full_room(3, rate_per_second=5, session_seconds=60)
    assert [room.poll(user).eta_seconds for user in waiting] == [0, 1, 1]
