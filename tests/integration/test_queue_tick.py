"""The tick's task (Note [Ticks] in queueing/upkeep.py), and the metrics of rooms."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection

from concerts.errors import PerformanceNotFound
from concerts.models import Concert, Performance
from queueing import metrics, policy, queries, tasks
from queueing.models import QueueConfig, QueueProgress
from queueing.queue_server import queue_server
from queueing.replies import PlaceState, Status, TotalsReply
from queueing.usecases import waiting_room
from tests.support.factories import make_performance
from tests.support.waiting_rooms import Room, make_room


def values(now) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in metrics.waiting_rooms(now=now)
        for sample in family.samples
    }


def test_the_tick_keeps_what_must_outlive_the_server():
    room = Room.open(capacity=2)
    room.join_many(3)
    tasks.tick.run()
    progress = QueueProgress.objects.get(performance=room.performance)
    assert (progress.serving, progress.epoch) == (2, 1)


def test_a_tick_with_the_server_away_is_no_failure(parts):
    Room.open().join()
    parts.part("queue").stop()
    try:
        tasks.tick.run()
    finally:
        parts.part("queue").start()


def test_one_rooms_trouble_is_not_the_others(monkeypatch):
    broken, room = Room.open(), Room.open(capacity=1)
    ask = queue_server.tick

    def tick(*, performance_id, now_ms):
        if performance_id == broken.performance.pk:
            return TotalsReply(Status.CEILING)
        return ask(performance_id=performance_id, now_ms=now_ms)

    monkeypatch.setattr(queue_server, "tick", tick)
    inside, waiting = room.join_many(2)
    room.leave(inside)
    assert waiting_room.advance(now=room.now).failed == 1
    assert room.poll(waiting).state is PlaceState.ADMITTED


class TestEveryRoomHasItsTurn:
    def test_however_many_opened_before(self):
        now = Room.open().now
        rooms = [Room.open(queue_opens_at=now - timedelta(days=age)) for age in (9, 3, 0)]
        for room in rooms:
            room.join()
        for seconds in (1, 2):
            waiting_room.advance(now=now + timedelta(seconds=seconds), limit=2)
        kept = [QueueProgress.objects.get(performance=room.performance).serving for room in rooms]
        assert kept == [1, 1, 1]

    def test_by_turns_while_more_are_busy_than_a_tick_may_look_after(self, monkeypatch):
        rooms = [Room.open(capacity=1) for _ in range(5)]
        for room in rooms:
            room.join_many(2)
        turns = self.spied(monkeypatch)
        for second in range(10):
            waiting_room.advance(now=rooms[0].now + timedelta(seconds=second + 1), limit=2)
        assert sum(turns.values()) == 20
        assert len(turns) == 5
        assert min(turns.values()) >= 3  # rooms that had a turn in the same tick go by key

    def test_those_with_people_at_every_tick_and_the_others_now_and_then(self, monkeypatch):
        busy = Room.open(capacity=1)
        busy.join_many(2)
        for _ in range(6):
            make_room(now=busy.now)
        turns = self.spied(monkeypatch)
        for second in range(2 * policy.IDLE_TICK_SECONDS):
            waiting_room.advance(now=busy.now + timedelta(seconds=second + 1), limit=7)
        assert turns.pop(busy.performance.pk) == 2 * policy.IDLE_TICK_SECONDS
        assert sorted(turns.values()) == [2] * 6

    def test_a_room_nobody_has_joined_and_one_that_fails_do_not_hold_it_up(self, monkeypatch):
        empty, broken, room = make_room(), Room.open(), Room.open()
        broken.join()
        room.join()
        ask = queue_server.mirror_config

        def configure(*, config, now_ms):
            if config.performance_id == broken.performance.pk:
                raise DatabaseError("down")
            ask(config=config, now_ms=now_ms)

        monkeypatch.setattr(queue_server, "mirror_config", configure)
        for second in range(3):
            waiting_room.advance(now=room.now + timedelta(seconds=second + 1), limit=1)
        assert QueueProgress.objects.get(performance=room.performance).serving == 1
        assert QueueProgress.objects.filter(performance=empty).exists()

    def test_a_turn_that_failed_delays_no_room_where_somebody_waits(self, monkeypatch):
        busy, empty = Room.open(capacity=1), Room.open()
        busy.join_many(2)
        waiting_room.advance(now=busy.now)
        mirror_config = queue_server.mirror_config

        def fail(*, config, now_ms):
            raise DatabaseError("down")

        monkeypatch.setattr(queue_server, "mirror_config", fail)
        failed = waiting_room.advance(now=busy.later(policy.IDLE_TICK_SECONDS).now)
        assert failed.failed == 2
        monkeypatch.setattr(queue_server, "mirror_config", mirror_config)
        turns = self.spied(monkeypatch)
        waiting_room.advance(now=busy.later(1).now)
        assert turns == {busy.performance.pk: 1}
        waiting_room.advance(now=busy.later(policy.IDLE_TICK_SECONDS).now)
        assert turns[empty.performance.pk] == 1

    def test_a_change_of_the_rules_makes_it_due_at_once(self, monkeypatch):
        room = Room.open()
        waiting_room.advance(now=room.now)
        turns = self.spied(monkeypatch)
        waiting_room.advance(now=room.now)
        assert not turns
        QueueConfig.objects.filter(performance=room.performance).update(
            queue_opens_at=room.now - timedelta(days=1)
        )
        room.set_config(capacity=7)
        turns.clear()  # the change mirrors the rules itself
        waiting_room.advance(now=room.now)
        assert turns == {room.performance.pk: 1}

    def test_a_performance_that_is_over_costs_a_look_a_day(self, monkeypatch):
        room = Room.open()
        room.join()
        Performance.objects.filter(pk=room.performance.pk).update(
            starts_at=room.now - timedelta(days=2)
        )
        turns = self.spied(monkeypatch)
        for hours in range(1, 30):
            waiting_room.advance(now=room.now + timedelta(hours=hours))
        assert not turns
        looks = QueueProgress.objects.get(performance=room.performance).advance_due_at
        assert looks == room.now + timedelta(hours=25 + 24)

    def test_those_due_are_found_by_an_index(self):
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET enable_{way} = off")
            cursor.execute(
                "EXPLAIN SELECT performance_id FROM queueing_queueprogress"
                " WHERE advance_due_at <= now() ORDER BY advance_due_at, performance_id LIMIT 500"
            )
            plan = " ".join(row[0] for row in cursor.fetchall())
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"RESET enable_{way}")
        assert "queueing_progress_due" in plan
        assert "Sort" not in plan

    def spied(self, monkeypatch) -> dict:
        turns: dict = {}
        configure = queue_server.mirror_config

        def counted(*, config, now_ms):
            turns[config.performance_id] = turns.get(config.performance_id, 0) + 1
            configure(config=config, now_ms=now_ms)

        monkeypatch.setattr(queue_server, "mirror_config", counted)
        return turns


@pytest.mark.control
def test_control_in_the_order_of_opening_the_newest_starve(monkeypatch):
    old, new = Room.open(), Room.open()
    QueueConfig.objects.filter(performance=old.performance).update(
        queue_opens_at=old.now - timedelta(days=9)
    )
    old.join()
    new.join()
    monkeypatch.setattr(
        queries,
        "rooms_to_tick",
        lambda *, now, limit: list(QueueConfig.objects.order_by("queue_opens_at")[:limit]),
    )
    for second in range(5):
        waiting_room.advance(now=new.now + timedelta(seconds=second + 1), limit=1)
    assert QueueProgress.objects.get(performance=new.performance).serving == 0


def test_the_metrics_are_of_performances_not_long_over():
    room, over = Room.open(), Room.open()
    for each, starts_at in (
        (room, room.now - policy.OVER_AFTER + timedelta(seconds=1)),
        (over, room.now - policy.OVER_AFTER),
    ):
        Performance.objects.filter(pk=each.performance.pk).update(starts_at=starts_at)
    shown = queries.busiest_rooms(now=room.now, limit=10)
    assert [config.performance_id for config in shown] == [room.performance.pk]


def test_a_room_is_required_where_there_is_one_and_nowhere_else():
    room, other = Room.open(), make_performance(seats=1)
    assert queries.is_required(room.performance.pk)
    assert not queries.is_required(other.pk)


def test_a_room_goes_out_of_sight_with_its_concert_and_keeps_its_places():
    room = Room.open()
    fan, place = room.join()
    concerts = Concert.objects.filter(pk=room.performance.concert_id)
    concerts.update(published_at=None)
    waiting_room.advance(now=room.now)
    queries.drop_cached(room.performance.pk)
    with pytest.raises(PerformanceNotFound):
        room.poll(fan)
    concerts.update(published_at=room.now)
    queries.drop_cached(room.performance.pk)
    assert room.poll(fan).number == place.number


def test_preparing_a_draft_shows_nothing_of_it():
    room = Room.open()
    Concert.objects.filter(pk=room.performance.concert_id).update(published_at=None)
    room.set_config(capacity=7)
    with pytest.raises(PerformanceNotFound):
        room.join()


def test_metrics_say_how_each_room_stands():
    room = Room.open(capacity=1)
    inside, *_ = room.join_many(3)
    room.later(10).leave(inside)
    seen = values(room.now)
    assert seen["frontrow_queue_waiting"] == 1
    assert seen["frontrow_queue_active"] == 1
    assert seen["frontrow_queue_capacity"] == 1
    assert seen["frontrow_queue_admitted_total"] == 2
    assert seen["frontrow_queue_mean_wait_seconds"] == 5
    assert seen["frontrow_queue_promotion_rate"] > 0
