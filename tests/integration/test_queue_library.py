"""The queue server's function library: states it knows, and other releases beside it."""

import re
from pathlib import Path

import pytest

from kernel import clock
from kernel.caller import client_ip_tag
from kernel.ids import uuid7
from kernel.redis.functions import FunctionLibrary
from queueing.errors import QueuePaused
from queueing.models import QueueConfig, RoomState
from queueing.queue_server import SOURCES, queue_server
from queueing.replies import PlaceState
from tests.support.waiting_rooms import Room

STATE_ROW = re.compile(r"^  ([A-Z]+) += \{joins = ", re.MULTILINE)
REGISTRATION = "server.register_function('frontrow_queue_v1_mirror_config', mirror_config)\n"
BATCHES = re.compile(r"server\.register_function\('frontrow_queue_v1_(?:join|poll)_many', .*\n")
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


class TestTheReleaseBefore:
    """It calls `join` and `poll` of one fan, and knows no other."""

    @pytest.fixture
    def server(self, queue_redis):
        return queue_redis

    def keys(self, room: Room) -> list[str]:
        names = ("config", "state", "waiting", "active", "people", "birth")
        return [f"fr:q:{{{room.performance.pk}}}:{name}" for name in names]

    def join(self, server, room: Room, user, client="10.0.0.1", token=(0, 0, 0)) -> list:
        tag, client = f"fr:q:{{{room.performance.pk}}}:", client_ip_tag(client)
        keys = [
            *self.keys(room),
            f"{tag}n:join:{user}",
            f"{tag}n:join_address:{client}",
            f"{tag}from:{client}",
        ]
        args = [clock.to_ms(room.now), str(user), *token, 0, 0, 0, 3, 60000, 600, 60000, 0, 0, ""]
        return server.fcall("frontrow_queue_v1_join", len(keys), *keys, *args)

    def poll(self, server, room: Room, user, number=0) -> list:
        args = [clock.to_ms(room.now), str(user), number, 0, 0, 0, ""]
        return server.fcall("frontrow_queue_v1_poll", 6, *self.keys(room), *args)

    def test_gets_its_own_replies_beside_this_release(self, server):
        room = Room.open(capacity=1)
        inside, _ = room.join()
        user, now_ms = uuid7(), clock.to_ms(room.now)
        admits_from = clock.to_ms(room.performance.queue_config.admits_from)
        limit, reply = self.join(server, room, user)
        assert limit == [b"join", 3, 60000, 2, 20, 0]
        joined = str(now_ms).encode()
        place = [1, 2, b"W", 0, 0, b"OPEN", 1, b"600000", admits_from, now_ms, joined]
        assert reply == [b"NEW", *place]
        assert self.poll(server, room, user) == [b"SAME", *place]
        assert self.poll(server, room, inside)[:4] == [b"SAME", 1, 1, b"A"]
        assert room.join(user)[1].number == 2  # this release finds the place
        assert room.join()[1].number == 3
        assert self.poll(server, room, uuid7()) == [b"UNKNOWN"]

    def test_is_refused_in_its_own_words(self, server):
        room = Room.open(capacity=1)
        user = room.join()[0]
        room.join(user, client_ip="10.0.0.1")
        self.join(server, room, user)
        limit, reply = self.join(server, room, user)  # counted together with this release's joins
        assert (limit[:4], limit[5], reply) == ([b"join", 3, 60000, 0], 1, [b"LIMITED"])
        room.set_config(state="CLOSED")
        assert self.join(server, room, uuid7())[1] == [b"CLOSED"]
        server.delete(self.keys(room)[0])
        assert self.join(server, room, user) == [[], [b"COLD", b""]]
        assert self.poll(server, room, user) == [b"COLD", b""]

    def test_gives_way_to_this_releases_library_and_goes_on(self, server, tmp_path):
        room = Room.open(capacity=1)
        room.join()
        other = tmp_path / "other_release.lua"
        other.write_text(BATCHES.sub("", code()))
        FunctionLibrary("queue", other).load()
        user = uuid7()
        assert self.join(server, room, user)[1][2] == 2
        assert room.join(user)[1].number == 2
        assert room.join()[1].number == 3
        assert self.poll(server, room, user)[2] == 2
