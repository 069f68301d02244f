"""The tick's task, and what the waiting rooms tell the operators."""

import pytest

from concerts.errors import PerformanceNotFound
from concerts.models import Concert
from queueing import metrics, queries, rebuild, tasks
from queueing.models import QueueProgress
from queueing.replies import PlaceState, Status, TotalsReply
from queueing.usecases import config, waiting_room
from tests.support.waiting_rooms import Room


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
    ask = rebuild.store.tick

    def tick(*, performance_id, now_ms):
        if performance_id == broken.performance.pk:
            return TotalsReply(Status.CEILING)
        return ask(performance_id=performance_id, now_ms=now_ms)

    monkeypatch.setattr(rebuild.store, "tick", tick)
    inside, waiting = room.join_many(2)
    room.leave(inside)
    assert waiting_room.advance(now=room.now).failed == 1
    assert room.poll(waiting).state is PlaceState.ADMITTED


def test_a_room_goes_out_of_sight_with_its_concert_and_keeps_its_places():
    room = Room.open()
    fan, place = room.join()
    concerts = Concert.objects.filter(pk=room.performance.concert_id)
    concerts.update(published_at=None)
    waiting_room.advance(now=room.now)
    queries.forget(room.performance.pk)
    with pytest.raises(PerformanceNotFound):
        room.poll(fan)
    concerts.update(published_at=room.now)
    queries.forget(room.performance.pk)
    assert room.poll(fan).number == place.number


def test_preparing_a_draft_shows_nothing_of_it():
    room = Room.open()
    Concert.objects.filter(pk=room.performance.concert_id).update(published_at=None)
    config.set_config(
        performance_id=room.performance.pk,
        changes={"capacity": 7},
        actor_id=None,
        reason="prepared",
        now=room.now,
    )
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
