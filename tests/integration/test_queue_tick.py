"""The tick's task, and what the waiting rooms tell the operators."""

from queueing import metrics, tasks
from queueing.models import QueueProgress
from queueing.store import PlaceState
from queueing.usecases import waiting_room
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


def test_one_rooms_trouble_is_not_the_others():
    draft = Room.open()
    draft.performance.concert.__class__.objects.filter(pk=draft.performance.concert_id).update(
        published_at=None
    )
    room = Room.open(capacity=1)
    inside, waiting = room.join_many(2)
    room.leave(inside)
    waiting_room.advance(now=room.now)
    assert room.poll(waiting).state is PlaceState.ADMITTED


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
