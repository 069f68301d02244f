"""The service while its lock or queue server is slow, cold, wiped or failed over amid a batch."""

from collections.abc import Iterator

import pytest

from kernel import clock
from kernel.redis.clients import breaker
from reservations.models import Reservation
from tests.support.concurrency import race
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.fastpath_process import CLAIMED, WRITTEN, FastPathProcess, hold_of
from tests.support.holding import inventory_disagreements, seats_held_twice
from tests.support.interleaving import await_a_waiting_session
from tests.support.valkeys import Valkeys
from tests.support.waiting import await_that
from tests.support.waiting_rooms import make_room, queue_url
from tests.support.wsgi import HOLDS

pytestmark = [pytest.mark.concurrency, pytest.mark.timeout(120)]

FANS = 12


@pytest.fixture
def hall(db_ready):
    return make_performance(seats=FANS, price=10)


@pytest.fixture
def valkeys(tmp_path, db_ready) -> Iterator[Valkeys]:
    made = Valkeys(tmp_path)
    yield made
    made.stop()


def overlapping(hall) -> list[tuple]:
    """Return the holds of fans each of whom wants a seat of the one before."""
    seats = [*seat_ids(hall), *seat_ids(hall, 1)]
    return [hold_of(make_user(), hall, seats[n : n + 2]) for n in range(FANS)]


def statuses(sent) -> list[int]:
    answers = [one.answer() for one in sent]
    assert None not in answers, "somebody got no answer"
    return [status for status, _ in answers]


def nothing_is_held_twice(held: int) -> None:
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []
    assert Reservation.objects.filter(status="PENDING").count() == held


def check_holds(found: list[int]) -> None:
    """Neighbours exclude each other: no two holds, and no three refusals, stand side by side."""
    assert set(found) == {201, 409}
    nothing_is_held_twice(found.count(201))
    assert found.count(201) >= FANS // 3


# --- the lock server


def test_a_lock_server_that_hangs_slows_holds_and_decides_none(parts, hall):
    with FastPathProcess() as service:
        parts.part("lock").pause()
        try:
            found = statuses(service.send_at_once(overlapping(hall)))
        finally:
            parts.part("lock").resume()
        check_holds(found)


def test_a_lock_server_without_its_functions_gets_them_again(lock_redis, hall):
    with FastPathProcess() as service:
        first = service.send(*hold_of(make_user(), hall, seat_ids(hall, 1)))
        assert statuses([first]) == [201]
        lock_redis.function_flush()
        fan, seats = make_user(), seat_ids(hall)[1:3]
        assert statuses([service.send(*hold_of(fan, hall, seats))]) == [201]
        taken = service.send(*hold_of(make_user(), hall, seats)).answer()
        assert taken is not None
        assert (taken[0], taken[1]["code"]) == (409, "seat_taken")
    assert len(lock_redis.function_list()) > 0


def by_the_api(as_fan, hall, fan, seats) -> int:
    body = {"performance_id": str(hall.pk), "seat_ids": [str(seat) for seat in seats]}
    return as_fan(fan).post(HOLDS, body, format="json").status_code


def test_wiped_between_claims_and_commit_the_rows_decide_for_who_locks_first(
    as_fan, lock_redis, hall
):
    """Claims are gone while a batch stands before its transaction: a rival comes through."""
    seats = seat_ids(hall)[:2]
    with FastPathProcess(hang_at=CLAIMED) as service:
        sent = service.send(*hold_of(make_user(), hall, seats))
        service.reached()
        lock_redis.flushall()
        assert by_the_api(as_fan, hall, make_user(), seats) == 201
        service.go_on()
        assert statuses([sent]) == [409]
    nothing_is_held_twice(1)


def test_wiped_within_the_transaction_a_rival_waits_for_the_rows(as_fan, lock_redis, hall):
    seats = seat_ids(hall)[:2]
    with FastPathProcess(hang_at=WRITTEN) as service:
        sent = service.send(*hold_of(make_user(), hall, seats))
        service.reached()
        lock_redis.flushall()

        def let_go() -> list[int]:
            await_a_waiting_session()
            service.go_on()
            return statuses([sent])

        rival, found = race(lambda: by_the_api(as_fan, hall, make_user(), seats), let_go)
    assert (rival, found) == (409, [201])
    nothing_is_held_twice(1)


def test_failed_over_amid_a_batch_nothing_is_held_twice(valkeys, hall):
    """A node of a cluster dies with the claims; its replica may not have had the last ones."""
    nodes = valkeys.cluster()
    url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
    seats = seat_ids(hall)
    other = make_performance(seats=1, price=10)
    with FastPathProcess(hang_at=f"{CLAIMED}:1 {CLAIMED}:2", REDIS_LOCK_URL=url) as service:
        wanted = [hold_of(make_user(), hall, seats[n : n + 2]) for n in (0, 2)]
        sent = service.in_one_batch(hold_of(make_user(), other, seat_ids(other)), wanted)
        slot = nodes[0].client().cluster("KEYSLOT", f"{{{hall.pk}}}")
        owner = next(n for n in nodes[:3] if n.client().cluster("COUNTKEYSINSLOT", slot))
        owner.kill()
        service.go_on()
        assert statuses(sent) == [201, 201]

        def loser() -> bool:
            answer = service.send(*hold_of(make_user(), hall, seats[1:3])).answer()
            assert answer is not None
            assert answer[0] in {409, 503}, answer
            return answer[0] == 409

        await_that(loser, "the rows refuse, and later the claims", seconds=30)
        free = service.send(*hold_of(make_user(), hall, seats[4:6]))
        assert statuses([free]) == [201]
    nothing_is_held_twice(4)


# --- the queue server


def joins(room, fans) -> list[tuple]:
    return [(fan, queue_url(room), None) for fan in fans]


def numbers_of(service, room, fans) -> dict:
    """Let fans join until each has a place; return their numbers."""
    found = {}

    def all_have() -> bool:
        missing = [fan for fan in fans if fan.pk not in found]
        sent = service.send_at_once(joins(room, missing))
        for fan, one in zip(missing, sent, strict=True):
            answer = one.answer()
            assert answer is not None
            assert answer[0] in {200, 201, 503}, answer
            if answer[0] != 503:
                found[fan.pk] = answer[1]["number"]
        return len(found) == len(fans)

    await_that(all_have, "a place each", seconds=30)
    return found


@pytest.fixture
def room(db_ready):
    return make_room(rate_per_second="0.1", capacity=1)


def in_order(service, room, fans, known: dict) -> None:
    """Who had a place has it again, in front of newcomers; nobody shares a number."""
    newcomers = [make_user() for _ in range(3)]
    after = numbers_of(service, room, [*newcomers])
    again = numbers_of(service, room, fans)
    assert len({*again.values(), *after.values()}) == len(fans) + len(newcomers)
    assert min(after.values()) > max(known.values())


def test_a_queue_server_that_hangs_gives_503_and_then_the_places(parts, room):
    fans = [make_user() for _ in range(FANS)]
    with FastPathProcess() as service:
        known = numbers_of(service, room, fans[:2])
        parts.part("queue").pause()
        try:
            found = statuses(service.send_at_once(joins(room, fans[2:])))
        finally:
            parts.part("queue").resume()
        assert set(found) == {503}
        known |= numbers_of(service, room, fans[2:])
        assert len(set(known.values())) == FANS


def test_a_queue_server_without_its_functions_gets_them_again(queue_redis, room):
    fans = [make_user() for _ in range(FANS)]
    with FastPathProcess() as service:
        known = numbers_of(service, room, fans[:4])
        queue_redis.function_flush()
        known |= numbers_of(service, room, fans[4:])
        assert sorted(known.values()) == list(range(min(known.values()), max(known.values()) + 1))
        assert numbers_of(service, room, fans) == known


def test_killed_and_empty_amid_a_batch_the_queue_server_repeats_no_number(parts, room):
    """Without append-only file it comes back empty: numbers go on behind those that were given."""
    fans = [make_user() for _ in range(FANS)]
    with FastPathProcess() as service:
        known = numbers_of(service, room, fans[:4])
        parts.part("queue").pause()
        sent = service.send_at_once(joins(room, fans[4:]))
        parts.part("queue").kill()
        try:
            assert set(statuses(sent)) == {503}
        finally:
            parts.part("queue").start()
            breaker("queue").reset()
        in_order(service, room, fans[4:], known)
