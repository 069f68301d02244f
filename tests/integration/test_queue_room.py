"""The waiting room as a function of time."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import client
from queueing.errors import QueueClosed, QueueNotOpen, QueueNotRequired, QueuePaused
from queueing.models import QueueConfig, QueueProgress
from queueing.queue_server import queue_server
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from tests.support.factories import make_performance
from tests.support.waiting_rooms import Room, full_room, whole_second

WAITING, ADMITTED, EXPIRED = PlaceState.WAITING, PlaceState.ADMITTED, PlaceState.EXPIRED


def test_an_idle_room_admits_at_once_and_hands_out_the_pass():
    _, place = Room.open().join()
    assert place.state is ADMITTED
    assert place.created
    assert place.admission_pass
    assert place.admitted_until


def test_fans_are_admitted_in_the_order_they_came():
    room, inside, waiting = full_room(5)
    served = []
    for _ in waiting:
        room.finish(inside)
        room.later(1)
        [inside] = room.admitted([user for user in waiting if user not in served])
        served.append(inside)
    assert served == waiting


def test_the_rate_of_admission_is_measured_while_somebody_waits():
    room, inside, waiting = full_room(40, rate_per_second=10)

    def measured() -> float:
        now_ms = clock.to_ms(room.now)
        return queue_server.tick(performance_id=room.performance.pk, now_ms=now_ms).totals.pace

    assert measured() == 10
    for following in waiting[:30]:  # one a second leaves the only place
        room.later(1).finish(inside)
        room.poll(following)
        inside = following
        measured()
    assert 0.9 < measured() < 1.3
    for user in waiting[30:]:
        room.leave(user)
    room.later(6)
    assert measured() == 10  # an empty room says nothing of how fast it would move


def test_joining_again_gives_the_same_place():
    room, _, waiting = full_room(3)
    before = room.poll(waiting[1])
    _, again = room.join(waiting[1])
    assert (again.number, again.ahead, again.created) == (before.number, before.ahead, False)


def test_the_rooms_clock_is_kept_where_nothing_else_happens():
    room, _, [user] = full_room(1)
    room.later(1).poll(user)
    kept = client("queue").hget(f"fr:q:{{{room.performance.pk}}}:state", "now")
    assert int(kept) == clock.to_ms(room.now)


def test_a_token_of_an_earlier_place_shows_the_place_there_is():
    room, _, waiting = full_room(2)
    user, old = waiting[0], room.tokens[waiting[0]]
    room.leave(user)
    _, new = room.join(user)
    assert room.poll(user, old).number == new.number
    assert room.poll(user).number == new.number


def test_position_counts_those_ahead():
    room, _, waiting = full_room(3)
    assert [room.poll(user).ahead for user in waiting] == [0, 1, 2]
    assert [room.poll(user).position for user in waiting] == [1, 2, 3]
    room.leave(waiting[0])
    assert [room.poll(user).ahead for user in waiting[1:]] == [0, 1]


def test_admission_follows_the_rate():
    room = Room.open(rate_per_second=2, capacity=100)
    first = room.join_many(10)
    assert len(room.admitted(first)) == 4  # two seconds' worth, earned before anybody came
    room.later(1)
    assert len(room.admitted(first)) == 6
    room.later(0.5)
    assert len(room.admitted(first)) == 7


def test_missed_time_is_repaid_only_up_to_a_small_burst():
    room = Room.open(rate_per_second=2, capacity=100)
    users = room.join_many(30)
    room.later(3600)
    assert len(room.admitted(users)) == 4  # the first four have outlived their grace
    assert room.states(users[:4]) == [EXPIRED] * 4


def test_capacity_is_never_passed_and_finishing_frees_a_place_at_once():
    room, inside, waiting = full_room(2)
    room.later(60)
    assert room.states(waiting) == [WAITING, WAITING]
    room.finish(inside)
    assert room.states(waiting) == [ADMITTED, WAITING]


def test_leaving_frees_a_place_at_once():
    room, inside, waiting = full_room(1)
    room.leave(inside)
    assert room.states(waiting) == [ADMITTED]


def test_an_admitted_fan_who_does_not_come_loses_the_place():
    room, inside, (absent, following) = full_room(2, grace_seconds=10, session_seconds=600)
    room.finish(inside)  # admits the absent one, who doesn't ask
    room.later(9)
    assert room.poll(following).state is WAITING
    room.later(1)
    assert room.poll(following).state is ADMITTED
    assert room.poll(absent).state is EXPIRED


def test_coming_starts_a_session_that_polling_does_not_prolong():
    room = Room.open(grace_seconds=10, session_seconds=60)
    user, place = room.join()
    assert place.admitted_until == room.now + timedelta(seconds=60)
    until = place.admitted_until
    room.later(59)
    assert room.poll(user).admitted_until == until
    room.later(1)
    assert room.poll(user).state is EXPIRED


@pytest.mark.parametrize("end", ["leave", "finish", "expire"])
def test_after_the_end_a_join_gives_a_new_number_at_the_end(end):
    room, inside, waiting = full_room(2, session_seconds=60)
    if end == "expire":
        room.later(60)
    else:
        getattr(room, end)(inside)
    ended = room.poll(inside).state
    assert ended.value == {"leave": "LEFT", "finish": "FINISHED", "expire": "EXPIRED"}[end]
    _, place = room.join(inside)
    assert place.created
    assert place.number == len(waiting) + 2
    assert place.state is WAITING


def test_paying_for_an_old_hold_keeps_the_new_place_in_the_queue():
    room, inside, _ = full_room(1)
    room.leave(inside)
    room.join(inside)
    room.finish(inside)
    assert room.poll(inside).state is WAITING


def test_the_room_opens_by_time_alone():
    now = whole_second()
    room = Room.open(
        now=now,
        queue_opens_at=now - timedelta(minutes=1),
        admission_opens_at=now + timedelta(minutes=1),
        rate_per_second=1,
    )
    users = room.join_many(3)
    assert room.states(users) == [WAITING] * 3
    # How the draw came out is nobody's to know yet: everybody else may be ahead.
    assert {room.poll(user).ahead for user in users} == {2}
    assert room.poll(users[0]).eta_seconds == 62
    room.later(59.9)
    assert room.states(users) == [WAITING] * 3
    room.later(1.1)
    assert sorted(room.states(users)) == [ADMITTED, WAITING, WAITING]


def test_nobody_joins_before_the_queue_opens():
    now = clock.now()
    room = Room.open(queue_opens_at=now + timedelta(minutes=5))
    with pytest.raises(QueueNotOpen) as refusal:
        room.join()
    assert abs(refusal.value.extras["queue_opens_at"] - (now + timedelta(minutes=5))) < timedelta(
        milliseconds=2
    )
    room.later(301)
    assert room.join()[1].created


def test_pausing_keeps_places_and_admits_nobody():
    room, inside, waiting = full_room(2)
    room.set_config(state="PAUSED")
    room.finish(inside)
    room.later(30)
    assert room.states(waiting) == [WAITING, WAITING]
    assert room.join(waiting[0])[1].number == 2
    with pytest.raises(QueuePaused):
        room.join()
    room.set_config(state="OPEN")
    room.later(1)
    assert room.states(waiting) == [ADMITTED, WAITING]


def test_a_pause_is_not_repaid():
    room = Room.open(rate_per_second=2)
    users = room.join_many(20)  # four are in
    room.set_config(state="PAUSED")
    room.later(100)
    room.set_config(state="OPEN")
    assert len(room.admitted(users)) == 4


def test_draining_takes_nobody_new_and_serves_those_who_wait():
    room, inside, waiting = full_room(1)
    room.set_config(state="DRAINING")
    with pytest.raises(QueueClosed):
        room.join()
    room.finish(inside)
    room.later(1)
    assert room.states(waiting) == [ADMITTED]


def test_closing_ends_the_wait_but_not_the_sessions():
    room, inside, waiting = full_room(1)
    room.set_config(state="CLOSED")
    assert room.poll(inside).state is ADMITTED
    with pytest.raises(QueueClosed):
        room.poll(waiting[0])
    with pytest.raises(QueueClosed):
        room.join()


def test_rules_changed_live_count_from_then_on():
    room = Room.open(rate_per_second=1, capacity=100)
    users = room.join_many(50)
    assert len(room.admitted(users)) == 2
    room.later(1)
    room.set_config(rate_per_second=10)
    room.later(1)
    assert len(room.admitted(users)) == 2 + 1 + 10


def test_a_clock_that_goes_backwards_changes_nothing():
    room = Room.open(rate_per_second=1)
    users = room.join_many(10)
    room.later(2)
    before = len(room.admitted(users))
    room.later(-60)
    assert len(room.admitted(users)) == before
    room.later(60)
    assert len(room.admitted(users)) == before


def test_numbers_come_from_blocks_reserved_in_postgresql(settings):
    room, *_ = full_room(3)
    progress = QueueProgress.objects.get(performance=room.performance)
    assert progress.number_ceiling >= 4
    assert progress.epoch == 1


def test_a_join_that_meets_the_ceiling_gets_the_next_block(monkeypatch):
    monkeypatch.setattr("queueing.policy.NUMBER_BLOCK", 3)
    room = Room.open(capacity=1)
    numbers = [room.join()[1].number for _ in range(10)]
    assert numbers == list(range(1, 11))
    assert QueueProgress.objects.get(performance=room.performance).number_ceiling == 12


def test_the_tick_reserves_ahead_and_keeps_serving(monkeypatch):
    monkeypatch.setattr("queueing.policy.NUMBER_BLOCK", 10)
    room = Room.open(capacity=2)
    room.join_many(7)
    waiting_room.advance(now=room.now)
    progress = QueueProgress.objects.get(performance=room.performance)
    assert progress.number_ceiling == 20
    assert progress.serving == 2


def test_the_tick_mirrors_rules_that_did_not_reach_the_server():
    room = Room.open(capacity=1)
    room.join_many(2)
    QueueConfig.objects.filter(performance=room.performance).update(capacity=2, version=2)
    waiting_room.advance(now=room.now)
    assert waiting_room.public_status(performance_id=room.performance.pk, now=room.now).active == 2


def test_no_place_where_no_queue_is_required():
    room = Room.open(queue_required=False)
    with pytest.raises(QueueNotRequired):
        room.join()
    bare = Room(make_performance(seats=1, on_sale=False), room.now)
    with pytest.raises(QueueNotRequired):
        bare.join()
    bare.leave(uuid7())
    bare.finish(uuid7())


def test_ended_places_and_idle_rooms_are_forgotten_in_time(queue_redis):
    room, inside, _ = full_room(1)
    room.leave(inside)
    waiting_room.advance(now=room.now)
    prefix = f"fr:q:{{{room.performance.pk}}}:"
    keys = list(queue_redis.scan_iter(f"{prefix}*"))
    assert keys
    assert all(queue_redis.ttl(key) > 0 for key in keys)
    assert queue_redis.execute_command("HTTL", f"{prefix}people", "FIELDS", 1, str(inside))[0] > 0
