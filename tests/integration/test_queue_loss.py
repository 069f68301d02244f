"""The queue server lost, restarted or unavailable: the order is kept, no number is given twice."""

from datetime import timedelta

import pytest
from django.db import connection

from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.redis.clients import breaker
from queueing import admission, ended_places, operations, policy
from queueing.errors import QueueNotAdmitted, QueueUnavailable
from queueing.models import QueueProgress
from queueing.queue_server import queue_server
from queueing.replies import PlaceState, Status
from queueing.usecases import waiting_room
from tests.support.database import other_transaction
from tests.support.factories import make_performance
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room, wipe_queue_server

WAITING, ADMITTED = PlaceState.WAITING, PlaceState.ADMITTED


@pytest.fixture
def restart(parts, queue_redis):
    """Kill the queue server and start it again with what it had last written."""

    def again() -> None:
        parts.part("queue").kill()
        parts.part("queue").start()
        breaker("queue").reset()

    yield again
    queue_redis.flushall()
    queue_redis.save()


def test_a_wiped_server_gets_its_order_back_from_the_tokens(queue_redis):
    room = Room.open(capacity=1, rate_per_second=10)
    inside, _ = room.join()
    waiting = room.join_many(5)
    before = [room.poll(user).number for user in waiting]
    wipe_queue_server(queue_redis)

    newcomer, place = room.join()
    assert place.number > max(before)
    numbers = {user: room.poll(user).number for user in reversed(waiting)}
    assert [numbers[user] for user in waiting] == before

    served = []
    inside = None
    while len(served) < 6:
        room.later(policy.REBUILD_SECONDS + 1)
        if inside:
            room.finish(inside)
        [inside] = [user for user in room.admitted([*waiting, newcomer]) if user not in served]
        served.append(inside)
    assert served == [*waiting, newcomer]


def test_nobody_is_admitted_until_those_at_the_front_had_time_to_show_their_tokens(queue_redis):
    room = Room.open(capacity=1, rate_per_second=100)
    room.join()
    [first, second] = room.join_many(2)
    wipe_queue_server(queue_redis)
    assert room.poll(second).state is WAITING  # came back first, is not first
    room.later(policy.REBUILD_SECONDS - 1)
    assert room.poll(first).state is WAITING
    room.later(2)
    assert room.states([first, second]) == [ADMITTED, WAITING]


def test_a_pass_brings_its_session_back(queue_redis):
    room = Room.open(capacity=1)
    inside, place = room.join()
    waiting, _ = room.join()
    wipe_queue_server(queue_redis)
    again = room.poll(inside, token=place.admission_pass)
    assert again.state is ADMITTED
    assert again.admitted_until == place.admitted_until
    room.later(60)
    assert room.poll(waiting).state is WAITING  # the one place is taken


def test_a_rewound_server_begins_a_new_epoch_and_repeats_no_number(restart, queue_redis):
    room = Room.open(capacity=1)
    kept = room.join_many(4)
    queue_redis.save()
    lost = room.join_many(3)
    restart()

    users = [*kept, *lost]
    newcomer, place = room.join()
    assert place.number > policy.NUMBER_BLOCK
    assert [room.poll(user).number for user in reversed(users)] == [7, 6, 5, 4, 3, 2, 1]
    assert [room.poll(user).ahead for user in [*users[1:], newcomer]] == [0, 1, 2, 3, 4, 5, 6]
    assert QueueProgress.objects.get(performance=room.performance).epoch == 2


def test_a_session_goes_on_after_a_restart_without_being_given_twice(restart, queue_redis):
    room = Room.open(capacity=1)
    [inside, waiting] = room.join_many(2)
    until = room.poll(inside).admitted_until
    queue_redis.save()
    restart()
    room.later(policy.REBUILD_SECONDS + 5)
    assert room.states([inside, waiting]) == [ADMITTED, WAITING]
    assert room.poll(inside).admitted_until == until


def test_within_one_epoch_a_token_brings_nothing_back():
    room = Room.open(capacity=1)
    room.join()
    [user] = room.join_many(1)
    old = room.tokens[user]
    room.leave(user)
    assert room.poll(user, token=old).state is PlaceState.LEFT
    room.tokens[user] = old
    _, place = room.join(user)
    assert place.number == 3


def test_a_place_left_after_the_loss_stays_left(queue_redis):
    room = Room.open(capacity=1)
    room.join()
    [user] = room.join_many(1)
    wipe_queue_server(queue_redis)
    room.leave(user)
    place = room.poll(user)
    assert (place.state, place.number) == (PlaceState.LEFT, 2)
    assert room.join(user)[1].number > policy.NUMBER_BLOCK


@pytest.mark.parametrize("loss", ["wiped", "rewound"])
def test_a_session_paid_for_after_the_loss_stays_finished(restart, queue_redis, loss):
    room = Room.open(capacity=1)
    inside, place = room.join()
    [waiting] = room.join_many(1)
    queue_redis.save()
    restart() if loss == "rewound" else wipe_queue_server(queue_redis)
    room.finish(inside)  # the first call of the room since
    assert room.poll(inside, token=place.admission_pass).state is PlaceState.FINISHED
    room.later(policy.REBUILD_SECONDS + 1)
    assert room.poll(waiting).state is ADMITTED


def test_sessions_paid_for_together_after_the_loss_all_stay_finished(queue_redis):
    room = Room.open(capacity=3)
    places = dict([room.join(), room.join(), room.join()])
    wipe_queue_server(queue_redis)
    room.finish(*places)
    for user, place in places.items():
        assert room.poll(user, token=place.admission_pass).state is PlaceState.FINISHED


@pytest.mark.control
def test_control_without_recovery_a_pass_brings_back_what_was_paid_for(queue_redis):
    room = Room.open(capacity=1)
    inside, place = room.join()
    wipe_queue_server(queue_redis)
    [reply] = queue_server.finish_many(
        performance_id=room.performance.pk, user_ids=[inside], now_ms=clock.to_ms(room.now)
    )
    assert reply.status is Status.COLD
    assert room.poll(inside, token=place.admission_pass).state is ADMITTED


def test_paying_where_there_is_no_room_costs_what_it_did(queue_redis):
    bare = Room(make_performance(seats=1, on_sale=False), clock.now())
    bare.finish(uuid7())
    with counted_round_trips() as counts:
        bare.finish(uuid7())
    assert len(counts.redis) == 1
    assert counts.sql == []


def test_a_payment_does_not_fail_with_the_recovery(queue_redis):
    room = Room.open()
    inside, place = room.join()
    wipe_queue_server(queue_redis)
    with other_transaction() as cursor, connection.cursor() as ours:
        cursor.execute("SELECT FROM queueing_queueprogress FOR UPDATE")
        ours.execute("SET lock_timeout = '100ms'")
        room.finish(inside)
        ours.execute("RESET lock_timeout")
    assert room.poll(inside, token=place.admission_pass).state is ADMITTED


class TestAfterAWipe:
    """Note [Places lost]: who had his turn, or gave it up, does not come back ahead of others."""

    @pytest.fixture
    def room(self, db_ready) -> Room:
        return Room.open(capacity=1, rate_per_second=10, session_seconds=60, grace_seconds=10)

    @pytest.mark.parametrize("end", ["leave", "finish"])
    @pytest.mark.parametrize("seconds", [1, 100])
    def test_a_place_that_was_given_up_stays_so(self, queue_redis, room, end, seconds):
        inside, place = room.join()
        waiting, _ = room.join()
        old = room.tokens[inside]
        getattr(room, end)(inside)
        room.later(seconds)
        wipe_queue_server(queue_redis)
        room.poll(waiting)
        how = PlaceState.LEFT if end == "leave" else PlaceState.FINISHED
        assert room.poll(inside, token=old).state is how
        if seconds < 60:
            assert room.poll(inside, token=place.admission_pass).state is how
        room.tokens[inside] = old
        assert room.join(inside)[1].number > policy.NUMBER_BLOCK  # at the end

    def test_a_place_left_while_waiting_stays_left(self, queue_redis, room):
        room.join()
        [first, second] = room.join_many(2)
        old = room.tokens[first]
        room.leave(first)
        wipe_queue_server(queue_redis)
        room.tokens[first] = old
        _, place = room.join(first)
        assert (place.state, place.ahead) == (WAITING, 0)
        assert room.poll(second).ahead == 0
        assert room.poll(first).ahead == 1  # behind who stayed

    def test_a_place_taken_again_comes_back(self, queue_redis, room):
        room.join()
        [user] = room.join_many(1)
        room.leave(user)
        _, again = room.join(user)
        wipe_queue_server(queue_redis)
        assert (room.poll(user).state, room.poll(user).number) == (WAITING, again.number)

    def test_a_session_that_ran_out_is_over(self, queue_redis, room):
        inside, _ = room.join()
        waiting, _ = room.join()
        room.later(60)
        assert room.poll(waiting).state is ADMITTED
        wipe_queue_server(queue_redis)
        assert room.poll(inside).state is PlaceState.EXPIRED

    def test_a_session_that_lasts_comes_back_by_its_token_too(self, queue_redis, room):
        inside, place = room.join()
        room.later(30)
        wipe_queue_server(queue_redis)
        again = room.poll(inside)
        assert (again.state, again.admitted_until) == (ADMITTED, place.admitted_until)

    def test_who_was_called_long_ago_and_never_came_is_over(self, queue_redis, room):
        inside, _ = room.join()
        [absent, following] = room.join_many(2)
        room.finish(inside)  # calls the absent one
        for _ in range(4):
            waiting_room.advance(now=room.later(10).now)
            room.poll(following)
        assert room.poll(following).state is ADMITTED
        wipe_queue_server(queue_redis)
        assert room.poll(absent).state is PlaceState.EXPIRED

    def test_so_is_the_last_one_who_was_called(self, queue_redis, room):
        inside, _ = room.join()
        absent, place = room.join()
        room.finish(inside)  # calls the absent one
        for _ in range(4):
            waiting_room.advance(now=room.later(10).now)
        kept = QueueProgress.objects.get(performance=room.performance)
        assert kept.called == place.number
        wipe_queue_server(queue_redis)
        assert room.poll(absent).state is PlaceState.EXPIRED

    def test_who_was_just_called_comes_back(self, queue_redis, room):
        inside, _ = room.join()
        [called, following] = room.join_many(2)
        waiting_room.advance(now=room.now)
        room.finish(inside)
        waiting_room.advance(now=room.later(1).now)
        wipe_queue_server(queue_redis)
        assert room.poll(following).state is WAITING
        assert (room.poll(called).state, room.poll(called).ahead) == (WAITING, 0)

    def test_it_costs_one_call_of_the_lock_server_once(self, queue_redis, room):
        room.join()
        [user] = room.join_many(1)
        wipe_queue_server(queue_redis)
        room.join()
        ended_places.library.load()
        with counted_round_trips() as trips:
            room.poll(user)
        assert trips.sql == []
        poll, find = "FCALL frontrow_queue_v1_poll_many", "FCALL frontrow_ended_v1_find"
        assert trips.redis == [poll, find, poll]
        with counted_round_trips() as trips:
            room.poll(user)
        assert trips.redis == [poll]

    def test_with_the_lock_server_away_everybody_who_may_be_there_comes_back(
        self, queue_redis, parts, room
    ):
        room.join()
        [user] = room.join_many(1)
        parts.part("lock").stop()
        try:
            wipe_queue_server(queue_redis)
            assert room.poll(user).state is WAITING
        finally:
            parts.part("lock").start()
            breaker("lock").reset()

    @pytest.mark.control
    def test_control_without_the_note_a_place_that_was_paid_with_comes_back(
        self, queue_redis, lock_redis, room
    ):
        inside, _ = room.join()
        room.finish(inside)
        lock_redis.flushall()
        wipe_queue_server(queue_redis)
        assert room.poll(inside).state is ADMITTED


def test_a_late_begin_is_refused_because_the_server_was_lost_again(queue_redis):
    room = Room.open()
    room.join()
    performance_id, now_ms = room.performance.pk, clock.to_ms(room.now)

    def cold() -> str:
        wipe_queue_server(queue_redis)
        config = room.performance.queue_config
        queue_server.library.load()
        queue_server.mirror_config(config=config, now_ms=now_ms)
        reply = queue_server.tick(performance_id=performance_id, now_ms=now_ms)
        assert reply.status is Status.COLD
        return reply.gap_id

    first = cold()
    with transaction():
        epoch = operations.open_epoch(performance_id=performance_id)
    second = cold()
    assert first != second

    def begin(gap_id: str) -> str:
        return queue_server.begin_epoch(
            performance_id=performance_id, gap_id=gap_id, epoch=epoch, now_ms=now_ms
        )

    assert begin(first) == "STALE"
    assert begin(second) == "BEGUN"
    assert begin(second) == "KNOWN"


def test_a_ceiling_raised_for_a_past_epoch_is_refused(queue_redis):
    room = Room.open()
    room.join()
    wipe_queue_server(queue_redis)
    room.join()
    reserved = operations.Reserved(10**9, operations.Draw())
    common = {"performance_id": room.performance.pk, "reserved": reserved}
    assert not queue_server.allow_numbers(epoch=1, **common)
    assert queue_server.allow_numbers(epoch=2, **common)


class TestAway:
    @pytest.fixture
    def down(self, parts):
        """Stop the queue server for the test."""
        yield parts.part("queue").stop
        parts.part("queue").start()
        breaker("queue").reset()

    def test_joins_and_polls_are_refused_with_a_retry_after(self, down):
        room = Room.open()
        user, _ = room.join()
        down()
        with pytest.raises(QueueUnavailable) as refusal:
            room.poll(user)
        assert refusal.value.retry_after
        with pytest.raises(QueueUnavailable):
            room.join()
        with pytest.raises(QueueUnavailable):
            waiting_room.public_status(performance_id=room.performance.pk, now=room.now)
        room.finish(user)  # paying must not fail

    def test_a_pass_goes_on_and_a_token_by_the_progress_kept(self, down):
        room = Room.open(capacity=1)
        inside, place = room.join()
        [waiting] = room.join_many(1)
        waiting_room.advance(now=room.now)
        down()

        def check(user, token):
            return admission.check(
                token=token, user_id=user, performance_id=room.performance.pk, now=room.now
            )

        assert check(inside, place.admission_pass).until == place.admitted_until
        assert check(inside, room.tokens[inside]).until is None
        with pytest.raises(QueueNotAdmitted):
            check(waiting, room.tokens[waiting])


def test_a_hold_needs_an_admission_that_is_ones_own_turn():
    room = Room.open(capacity=1, session_seconds=60)
    inside, place = room.join()
    [waiting] = room.join_many(1)

    def check(user):
        return admission.check(
            token=room.tokens[user],
            user_id=user,
            performance_id=room.performance.pk,
            now=room.now,
        )

    assert check(inside).until == place.admitted_until
    with pytest.raises(QueueNotAdmitted) as refusal:
        check(waiting)
    assert refusal.value.extras == {"state": "WAITING"}
    room.later(60)
    with pytest.raises(QueueNotAdmitted):
        check(inside)
    assert check(waiting).until == room.now + timedelta(seconds=60)
