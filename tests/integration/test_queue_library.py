"""The queue server's function library: states it knows, and other releases beside it."""

import re
from pathlib import Path

import pytest

from kernel import clock
from kernel.redis.functions import FunctionLibrary
from queueing.errors import QueuePaused
from queueing.models import QueueConfig, RoomState
from queueing.queue_server import SOURCES, queue_server
from queueing.replies import PlaceState
from tests.support.waiting_rooms import Room

STATE_ROW = re.compile(r"^  ([A-Z]+) += \{joins = ", re.MULTILINE)
REGISTRATION = "server.register_function('frontrow_queue_v1_mirror_config', mirror_config)\n"
STATUS_REGISTRATION = "server.register_function('frontrow_queue_v1_status', public_status)\n"


def code() -> str:
    return FunctionLibrary("queue", *SOURCES).code()


def test_the_functions_know_every_state_that_staff_may_set():
    assert STATE_ROW.findall(code()) == RoomState.values


def test_the_readme_tells_what_every_state_allows():
    readme = (Path(__file__).parents[2] / "queueing" / "README.md").read_text()
    assert re.findall(r"^\| ([A-Z]+)\b.*\|$", readme, re.MULTILINE) == RoomState.values


def test_a_state_of_a_later_release_keeps_places_and_takes_no_joins(queue_redis):
    room = Room.open(capacity=1)
    room.join()
    waiting, _ = room.join()
    key = f"fr:q:{{{room.performance.pk}}}:config"
    queue_redis.hset(key, mapping={"phase": "BALLOT", "version": 1000})
    assert room.later(60).poll(waiting).state is PlaceState.WAITING
    with pytest.raises(QueuePaused):
        room.join()


def test_another_releases_library_serves_joins_and_gives_way_for_what_it_lacks(
    queue_redis, tmp_path
):
    room = Room.open(capacity=1)
    room.join()
    other = tmp_path / "other_release.lua"
    other.write_text(code().replace(REGISTRATION, ""))
    FunctionLibrary("queue", other).load()
    waiting, place = room.join()
    assert (place.number, room.poll(waiting).number) == (2, 2)

    config = QueueConfig.objects.get(performance=room.performance)
    config.capacity, config.version = 7, config.version + 1
    queue_server.mirror_config(config=config, now_ms=clock.to_ms(room.now))
    totals = queue_server.tick(
        performance_id=room.performance.pk, now_ms=clock.to_ms(room.now)
    ).totals
    assert totals.capacity == 7


def test_a_release_that_lacks_the_public_status_gives_way_and_goes_on(queue_redis, tmp_path):
    room = Room.open(capacity=1)
    room.join()
    other = tmp_path / "other_release.lua"
    other.write_text(code().replace(STATUS_REGISTRATION, ""))
    FunctionLibrary("queue", other).load()
    moment = {"performance_id": room.performance.pk, "now_ms": clock.to_ms(room.now)}
    assert queue_server.tick(**moment).totals.active == 1
    assert queue_server.public_status(**moment).totals.active == 1


def test_the_reply_to_a_tick_is_the_first_releases(queue_redis):
    room = Room.open(capacity=1)
    room.join()
    moment = (room.performance.pk, clock.to_ms(room.now))
    ticked, shown = (queue_server._call(name, *moment) for name in ("tick", "status"))
    assert len(ticked) == 14
    assert shown[:14] == ticked
    assert shown[14:] == [clock.to_ms(room.performance.queue_config.admits_from)]
