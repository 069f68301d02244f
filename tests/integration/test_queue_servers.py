"""The queue server rewound, failed over, and as a cluster that loses a primary.

Whatever the fault: no number twice, nobody overtakes, nobody is admitted twice, and those who
wait meanwhile get a `Retry-After` of a moment.
"""

import shutil
from collections.abc import Iterator
from uuid import UUID

import pytest
from redis import exceptions as redis_errors

from kernel.redis import clients
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker, guarded
from kernel.redis.functions import FunctionLibrary
from queueing import policy
from queueing.errors import QueueUnavailable
from queueing.models import QueueProgress
from queueing.replies import PlaceState
from tests.support.valkeys import Valkeys, is_synced, queue_role_at
from tests.support.waiting import await_that
from tests.support.waiting_rooms import Room

ADMITTED, FINISHED = PlaceState.ADMITTED, PlaceState.FINISHED
AOF = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def valkeys(tmp_path, db_ready) -> Iterator[Valkeys]:
    made = Valkeys(tmp_path)
    yield made
    made.stop()


def queue_at_work() -> tuple[Room, dict[UUID, int], list[UUID]]:
    """Return a room where two have bought and left, one is inside and five wait."""
    room = Room.open(capacity=1, rate_per_second=50)
    users = room.join_many(8)
    gone = []
    for user in users[:2]:
        assert room.poll(user).state is ADMITTED
        room.finish(user)
        gone.append(user)
        room.later(1)
    assert room.poll(users[2]).state is ADMITTED
    return room, {user: room.poll(user).number for user in users}, gone


def asked_to_retry(act) -> None:
    with pytest.raises(QueueUnavailable) as refusal:
        act()
    assert 1 <= refusal.value.retry_after <= 5


def goes_on(room: Room, numbers: dict[UUID, int], gone: list[UUID]) -> None:
    """Everybody comes back in the worst order, somebody new first; then all are served."""
    breaker("queue").reset()
    newcomer, place = room.join()
    assert place.number > max(numbers.values())
    waiting = [user for user in numbers if user not in gone]
    for user in reversed(waiting):
        assert room.poll(user).number == numbers[user]
    numbers = {**numbers, newcomer: place.number}
    everybody = [*waiting, newcomer]
    served: list[UUID] = []
    while len(served) < len(everybody):
        room.later(policy.REBUILD_SECONDS + 1)
        inside = [user for user in room.admitted(everybody) if user not in served]
        assert len(inside) == 1
        served += inside
        room.finish(inside[0])
    assert served == sorted(everybody, key=numbers.__getitem__)
    assert not room.admitted(gone), "admitted a second time"


def test_rewound_by_an_append_only_file_that_was_cut(settings, valkeys, tmp_path):
    server = valkeys.start(*AOF)
    with queue_role_at(settings, server.url):
        room, numbers, gone = queue_at_work()
        shutil.copytree(server.folder / "appendonlydir", tmp_path / "kept")
        late = room.join_many(2)  # the second that is lost
        numbers |= {user: room.poll(user).number for user in late}
        server.kill()
        asked_to_retry(lambda: room.poll(late[0]))
        shutil.rmtree(server.folder / "appendonlydir")
        shutil.copytree(tmp_path / "kept", server.folder / "appendonlydir")
        server.start()
        goes_on(room, numbers, gone)
        assert QueueProgress.objects.get(performance=room.performance).epoch == 2


def test_failed_over_to_a_replica_that_missed_the_last_writes(settings, valkeys):
    primary = valkeys.start()
    replica = valkeys.start("--replicaof", "127.0.0.1", str(primary.port))
    await_that(lambda: is_synced(replica), "the replica follows")
    with queue_role_at(settings, primary.url):
        room, numbers, gone = queue_at_work()
        assert primary.client().wait(1, 5000) == 1
        replica.client().replicaof("NO", "ONE")  # promoted: what follows here is lost
        late = room.join_many(2)
        numbers |= {user: room.poll(user).number for user in late}
        primary.kill()
        asked_to_retry(lambda: room.poll(late[0]))
    with queue_role_at(settings, replica.url):
        goes_on(room, numbers, gone)


def test_a_server_that_became_a_replica_is_away(settings, valkeys):
    primary, demoted = valkeys.start(), valkeys.start()
    with queue_role_at(settings, demoted.url):
        room = Room.open()
        user, _ = room.join()
        demoted.client().replicaof("127.0.0.1", primary.port)
        await_that(lambda: is_synced(demoted), "the old primary follows the new one")
        asked_to_retry(lambda: room.poll(user))
        asked_to_retry(room.join)


@pytest.mark.parametrize(
    "answer",
    [
        redis_errors.ReadOnlyError("READONLY You can't write against a read only replica."),
        redis_errors.MovedError("3999 127.0.0.1:6381"),
        redis_errors.AskError("3999 127.0.0.1:6381"),
        redis_errors.TryAgainError("Multiple keys request during rehashing of slot"),
        redis_errors.ClusterDownError("CLUSTERDOWN The cluster is down"),
        redis_errors.MasterDownError("MASTERDOWN Link with MASTER is down"),
        redis_errors.BusyLoadingError("LOADING dataset in memory"),
        redis_errors.OutOfMemoryError("OOM command not allowed"),
        redis_errors.ResponseError("MISCONF Errors writing to the AOF file"),
        redis_errors.ResponseError("NOREPLICAS Not enough good replicas to write."),
        redis_errors.ResponseError("BUSY Valkey is busy running a script."),
        redis_errors.RedisClusterException("Redis Cluster cannot be connected."),
    ],
    ids=lambda answer: str(answer).partition(" ")[0],
)
def test_answers_of_a_server_that_cannot_work_count_as_away(answer):
    breaker("queue").reset()

    def call(_server):
        raise answer

    with pytest.raises(DependencyUnavailable):
        guarded("queue", call)
    breaker("queue").reset()


def test_other_answers_are_defects():
    def call(_server):
        raise redis_errors.ResponseError("ERR wrong number of arguments")

    with pytest.raises(redis_errors.ResponseError):
        guarded("queue", call)


@pytest.mark.timeout(180)
def test_a_cluster_loses_a_primary_in_mid_queue(settings, valkeys):
    nodes = valkeys.cluster()
    url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
    try:
        with queue_role_at(settings, url):
            room, numbers, gone = queue_at_work()
            cluster = clients.client("queue")
            key = f"fr:q:{{{room.performance.pk}}}:state"
            owner = cluster.get_node_from_key(key)
            [primary] = [node for node in nodes if node.port == owner.port]
            assert primary.client().wait(1, 5000) == 1
            primary.kill()
            asked_to_retry(lambda: room.poll(next(iter(numbers))))

            def answered() -> bool:
                breaker("queue").reset()
                try:
                    room.join(next(iter(reversed(numbers))))
                except QueueUnavailable:
                    return False
                return True

            await_that(answered, "a replica took over", seconds=60)
            goes_on(room, numbers, gone)
            assert QueueProgress.objects.get(performance=room.performance).epoch == 2
    finally:
        forget_clusters()


def forget_clusters() -> None:
    for client in clients._clusters.values():
        client.close()
    clients._clusters.clear()


ECHOES = """#!lua name=frontrow_test_echoes
server.register_function('frontrow_test_echo', function(keys, args)
  if args[1] == 'fail' then return server.error_reply('ERR refused') end
  return args[1]
end)
"""


def test_several_calls_of_a_function_reach_a_cluster_too(settings, valkeys, tmp_path):
    nodes = valkeys.cluster()
    source = tmp_path / "echoes.lua"
    source.write_text(ECHOES)
    library = FunctionLibrary("queue", source)
    try:
        with queue_role_at(settings, f"redis+cluster://127.0.0.1:{nodes[0].port}"):
            calls = [(["{one}:key"], [word]) for word in ("a", "fail", "b")]
            first, failed, last = library.call_all("frontrow_test_echo", calls=calls)
            assert (first, last) == (b"a", b"b")
            assert "refused" in str(failed)
            assert library.call("frontrow_test_echo", keys=["{two}"], args=["c"]) == b"c"
    finally:
        forget_clusters()
