"""Two queue servers for one room: numbers, progress and fans belong to the epoch in force."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from queueing import admission, operations, policy, queries, recovery
from queueing.errors import QueueUnavailable
from queueing.models import QueueProgress
from queueing.operations import Reserved
from queueing.queue_server import queue_server
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from tests.support.valkeys import Valkeys, queue_role_at
from tests.support.waiting_rooms import Room, whole_second, wipe_queue_server

WAITING, ADMITTED = PlaceState.WAITING, PlaceState.ADMITTED


def progress_of(room: Room) -> QueueProgress:
    return QueueProgress.objects.get(performance=room.performance)


def state_of(queue_redis, room: Room, field: str) -> int:
    return int(queue_redis.hget(f"fr:q:{{{room.performance.pk}}}:state", field))


def successor_of(room: Room, *, seen: bool = True) -> operations.Epoch:
    """Open the epoch of another server, and have it seen at work."""
    with transaction():
        epoch = operations.open_epoch(performance_id=room.performance.pk, gap_id="another server's")
        if seen:
            operations.record_epoch_begun(
                performance_id=room.performance.pk, epoch=epoch.number, now=room.now
            )
    queries.epochs_cache.clear()
    return epoch


def advance(room: Room) -> waiting_room.Advanced:
    with transaction():
        operations.make_due(performance_id=room.performance.pk)
    return waiting_room.advance(now=room.now)


@pytest.fixture
def small_blocks(monkeypatch, db_ready):
    monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)


@pytest.fixture
def two_servers(settings, tmp_path, db_ready) -> Iterator[list[str]]:
    made = Valkeys(tmp_path)
    yield [made.start().url, made.start().url]
    made.stop()


class TestAnOldServer:
    def test_is_given_no_numbers_and_answers_nobody(self, queue_redis):
        room = Room.open(capacity=1)
        room.join()
        waiting, _ = room.join()
        successor = successor_of(room)
        assert (successor.number, successor.start) == (2, policy.NUMBER_BLOCK)
        recovery.raise_ceiling(room.performance.pk, epoch=1, above=policy.NUMBER_BLOCK)
        assert state_of(queue_redis, room, "ceiling") == policy.NUMBER_BLOCK
        assert progress_of(room).number_ceiling == successor.ceiling
        for act in (room.join, lambda: room.poll(waiting), lambda: room.leave(waiting)):
            with pytest.raises(QueueUnavailable) as refusal:
                act()
            assert refusal.value.retry_after

    def test_is_given_nothing_of_the_draw(self, queue_redis):
        now = whole_second()
        room = Room.open(now=now, admission_opens_at=now + timedelta(hours=1))
        room.join()
        drawn = state_of(queue_redis, room, "draw_ceiling")
        successor_of(room)
        recovery.raise_ceiling(room.performance.pk, epoch=1, above=drawn, draws_at=now)
        assert progress_of(room).draw_ceiling == drawn
        assert state_of(queue_redis, room, "draw_ceiling") == drawn
        assert state_of(queue_redis, room, "superseded") == 1

    def test_keeps_no_progress_and_the_tick_closes_it(self, queue_redis):
        room = Room.open(capacity=1)
        inside, _ = room.join()
        waiting, _ = room.join()
        advance(room)
        successor_of(room)
        room.finish(inside)
        assert room.poll(waiting).state is ADMITTED  # nobody has found out yet
        advance(room)
        assert progress_of(room).serving == 1
        assert state_of(queue_redis, room, "superseded") == 1
        with pytest.raises(QueueUnavailable):
            room.poll(waiting)

    def test_leaves_passes_good_and_a_payment_undisturbed(self):
        room = Room.open(capacity=1)
        inside, place = room.join()
        successor_of(room)
        advance(room)
        admitted = admission.check(
            token=place.admission_pass,
            user_id=inside,
            performance_id=room.performance.pk,
            now=room.now,
        )
        assert admitted.number == place.number
        before = waiting_room.unfinished._value.get()
        room.finish(inside)  # paying must not fail
        assert waiting_room.unfinished._value.get() == before + 1

    def test_takes_no_place_from_whom_its_successor_has_given_one(self, two_servers, settings):
        old, new = two_servers
        room = Room.open(capacity=1)
        with queue_role_at(settings, old):
            room.join()
        with queue_role_at(settings, new):
            room.join()
            user, place = room.join()
        queries.epochs_cache.clear()
        with queue_role_at(settings, old), pytest.raises(QueueUnavailable):
            room.poll(user)
        with queue_role_at(settings, new):
            assert (room.poll(user).state, room.poll(user).number) == (WAITING, place.number)


def numbers_of_a_split(two_servers, settings) -> tuple[list[int], int]:
    """Return the numbers given by two servers in turn, and how many fans had to wait."""
    room, numbers, refused = Room.open(capacity=1), [], 0
    for _ in range(3):
        for url in two_servers:
            queries.epochs_cache.clear()
            with queue_role_at(settings, url):
                for _ in range(4):
                    try:
                        numbers.append(room.join()[1].number)
                    except QueueUnavailable:
                        refused += 1
    return numbers, refused


def test_a_split_gives_no_number_twice(small_blocks, two_servers, settings):
    numbers, refused = numbers_of_a_split(two_servers, settings)
    assert len(set(numbers)) == len(numbers)
    assert numbers[:8] == list(range(1, 9))  # each its own block
    assert numbers[8:] == list(range(9, 17))  # then the server in force alone
    assert refused == 8


@pytest.mark.control
def test_control_a_ceiling_raised_whatever_the_epoch_gives_numbers_twice(
    small_blocks, two_servers, settings, monkeypatch
):
    def raise_ceiling(*, performance_id, epoch, above):
        progress = QueueProgress.objects.get(performance=performance_id)
        if progress.number_ceiling <= above:
            progress.number_ceiling = above + policy.NUMBER_BLOCK
            progress.save()
        return Reserved(progress.number_ceiling, operations.Draw())

    monkeypatch.setattr(operations, "raise_ceiling", raise_ceiling)
    numbers, _ = numbers_of_a_split(two_servers, settings)
    assert len(set(numbers)) < len(numbers)


class TestTakingOver:
    def test_an_old_server_stays_closed_while_its_successor_is_at_work(self):
        room = Room.open()
        user, _ = room.join()
        successor = successor_of(room)
        advance(room)
        for _ in range(3):
            room.later(policy.SUCCESSOR_SECONDS - 1)
            with transaction():
                operations.record_epoch_begun(
                    performance_id=room.performance.pk, epoch=successor.number, now=room.now
                )
            queries.epochs_cache.clear()
            with pytest.raises(QueueUnavailable):
                room.poll(user)

    def test_it_goes_on_with_an_epoch_of_its_own_once_the_successor_is_gone(self):
        room = Room.open(capacity=1)
        room.join()
        waiting, place = room.join()
        successor = successor_of(room, seen=False)  # by a process that died before it was begun
        advance(room)
        with pytest.raises(QueueUnavailable):
            room.poll(waiting)
        room.later(policy.SUCCESSOR_SECONDS)
        assert room.poll(waiting).number == place.number
        assert room.join()[1].number > successor.ceiling
        assert progress_of(room).epoch == 3

    def test_everybody_who_answers_one_gap_is_given_the_same_epoch(self):
        room = Room.open()
        with transaction():
            first = operations.open_epoch(performance_id=room.performance.pk, gap_id="a gap")
        with transaction():
            second = operations.open_epoch(performance_id=room.performance.pk, gap_id="a gap")
        assert first == second
        with transaction():
            third = operations.open_epoch(performance_id=room.performance.pk, gap_id="the next")
        assert (third.number, third.start) == (first.number + 1, first.ceiling)

    def test_a_gap_of_another_server_is_not_begun_here(self, queue_redis):
        room = Room.open()
        room.join()
        key = f"fr:q:{{{room.performance.pk}}}:birth"
        queue_redis.hdel(f"fr:q:{{{room.performance.pk}}}:state", "run")
        queue_redis.set(key, "0123456789abcdef:1.2")  # as a promoted replica has it
        epoch = successor_of(room)
        outcome = queue_server.begin_epoch(
            performance_id=room.performance.pk,
            gap_id="0123456789abcdef:1.2",
            epoch=epoch,
            now_ms=clock.to_ms(room.now),
        )
        assert outcome == "STALE"


def late_returner(queue_redis) -> int:
    """Return `serving` after a fan came back late from a loss, behind those called meanwhile."""
    room = Room.open(capacity=1, rate_per_second=50)
    users = room.join_many(4)
    wipe_queue_server(queue_redis)
    for user in users[2:]:
        room.poll(user)
    room.later(policy.REBUILD_SECONDS + 1)
    for user in users[2:]:
        assert room.poll(user).state is ADMITTED
        room.finish(user)
        room.later(1)
    assert room.poll(users[1]).state is ADMITTED  # number 2, after 3 and 4
    return waiting_room.public_status(performance_id=room.performance.pk, now=room.now).serving


class TestServingNeverGoesBack:
    LUA_ADMIT = ("math.max(room.serving, number)", "number")
    LUA_BEGIN = ("whole(math.max(tonumber(serving), tonumber(stored_serving or 0)))", "serving")

    def test_when_a_lower_number_is_called_late(self, queue_redis):
        assert late_returner(queue_redis) == 4

    @pytest.mark.control
    def test_control_the_number_called_last_is_lower(self, queue_redis, weakened):
        weakened(*self.LUA_ADMIT)
        assert late_returner(queue_redis) == 2

    def _begun_again(self, queue_redis) -> int:
        room = Room.open(capacity=2)
        room.join_many(3)
        queue_redis.hdel(f"fr:q:{{{room.performance.pk}}}:state", "run")  # as after a restart
        waiting_room._public.clear()
        return waiting_room.public_status(performance_id=room.performance.pk, now=room.now).serving

    def test_when_an_epoch_begins_with_less_than_the_server_kept(self, queue_redis):
        assert self._begun_again(queue_redis) == 2

    @pytest.mark.control
    def test_control_an_epoch_forgets_what_the_server_kept(self, queue_redis, weakened):
        weakened(*self.LUA_BEGIN)
        assert self._begun_again(queue_redis) == 0

    def test_in_postgresql_when_a_tick_comes_late(self):
        room = Room.open()
        room.join()

        def keep(serving: int, seconds: int) -> bool:
            with transaction():
                return operations.keep_progress(
                    performance_id=room.performance.pk,
                    epoch=1,
                    serving=serving,
                    crowd=1,
                    drawn=0,
                    grace=timedelta(seconds=10),
                    due_at=room.now,
                    now=room.now + timedelta(seconds=seconds),
                )

        called, served = [], []
        for serving, seconds in [(7, 0), (9, 5), (8, 9), (9, 10), (3, 20), (12, 25), (12, 30)]:
            assert keep(serving, seconds)
            called.append(progress_of(room).called)
            served.append(progress_of(room).serving)
        assert served == [7, 9, 9, 9, 9, 12, 12]
        assert called == [0, 0, 0, 7, 9, 9, 9]  # what had been called ten seconds before, or more


class TestACeilingNeverGoesDown:
    def _raise(self, room: Room, above: int) -> int:
        with transaction():
            reserved = operations.raise_ceiling(
                performance_id=room.performance.pk, epoch=1, above=above
            )
        return reserved.ceiling

    def test_in_postgresql(self):
        room = Room.open()
        room.join()
        block = policy.NUMBER_BLOCK
        assert self._raise(room, block) == 2 * block
        assert self._raise(room, 0) == 2 * block  # somebody who asked long ago
        assert self._raise(room, block) == 2 * block
        assert progress_of(room).number_ceiling == 2 * block

    LUA = ("if tonumber(ceiling) > tonumber(stored_ceiling) then", "do")

    def _late_answer(self, queue_redis) -> int:
        room = Room.open()
        room.join()
        for ceiling in (30_000, 20_000):
            reserved = Reserved(ceiling, operations.Draw())
            assert queue_server.allow_numbers(
                performance_id=room.performance.pk, epoch=1, reserved=reserved
            )
        return state_of(queue_redis, room, "ceiling")

    def test_on_the_server(self, queue_redis):
        assert self._late_answer(queue_redis) == 30_000

    @pytest.mark.control
    def test_control_an_answer_that_comes_late_lowers_it(self, queue_redis, weakened):
        weakened(*self.LUA)
        assert self._late_answer(queue_redis) == 20_000


def test_a_join_of_somebody_new_tells_nothing_of_the_split(two_servers, settings):
    """A fan without a token is served by either server until the old one is found out."""
    old, new = two_servers
    room = Room.open(capacity=1)
    with queue_role_at(settings, old):
        assert room.join(uuid7())[1].number == 1
    with queue_role_at(settings, new):
        assert room.join(uuid7())[1].number == policy.NUMBER_BLOCK + 1
