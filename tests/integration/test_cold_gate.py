"""A lock server without its data, another in its place, unable or slow: holds stay exact."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from kernel import clock
from kernel.redis import clients
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker
from reservations import policy, queries, tasks
from reservations.claims import gate_skipped, recovery
from reservations.models import SeatInventory
from reservations.usecases import holds, inventory
from tests.support import factories, money
from tests.support.children import await_children_gone, child_environment
from tests.support.holding import claim, inventory_disagreements, place, seats_held_twice
from tests.support.round_trips import counted_round_trips
from tests.support.waiting import await_that

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=20, max_seats_per_fan=20)


def taken_in_every_way(fan, performance):
    """Return (held, sold, blocked, lapsed) seats."""
    seats = factories.seat_ids(performance)
    now = clock.now()
    place(fan, performance, seats[6:8], now=now - 301 * SECOND)
    place(fan, performance, seats[:3], now=now)
    sold = place(fan, performance, seats[3:5], now=now)
    money.give_points(fan, 1_000_000)
    money.begin(fan, sold.id)
    inventory.block(seat_ids=seats[5:6], reason="camera", actor_id=None, now=now)
    return seats[:3], seats[3:5], seats[5:6], seats[6:8]


def refused_without_sql(performance, seat):
    stranger = factories.make_user()
    with counted_round_trips() as counts, pytest.raises(holds.SeatTaken):
        place(stranger, performance, [seat])
    return counts.sql == []


def test_a_server_that_lost_its_data_knows_the_claims_again_after_a_tick(
    fan, performance, lock_redis
):
    held, sold, blocked, lapsed = taken_in_every_way(fan, performance)
    tasks.warm_gate()
    lock_redis.flushall()
    tasks.warm_gate()
    assert all(refused_without_sql(performance, seat) for seat in [*held, *sold, *blocked])
    with pytest.raises(holds.SeatTaken) as refused:
        place(fan, performance, held[:1])
    assert len(refused.value.extras["yours"]) == 1  # by the claim alone
    assert place(factories.make_user(), performance, lapsed).status == "PENDING"


def test_a_warm_gate_is_left_alone(performance):
    tasks.warm_gate()
    with counted_round_trips() as counts:
        assert recovery.rebuild_cold(now=clock.now()) == []
    assert len(counts.redis) == 1


def test_another_server_in_its_place_is_noticed(fan, performance, lock_redis):
    taken_in_every_way(fan, performance)
    tasks.warm_gate()
    lock_redis.set(f"fr:l:{{{performance.pk}}}:warm", "0" * 40)  # as a replica would have it
    [done] = recovery.rebuild_cold(now=clock.now())
    assert done == recovery.Rebuilt(performance.pk, 6)


def test_a_restarted_server_is_noticed(fan, performance, parts):
    taken_in_every_way(fan, performance)
    tasks.warm_gate()
    parts.part("lock").kill()
    parts.part("lock").start()
    breaker("lock").reset()
    assert [done.claims for done in recovery.rebuild_cold(now=clock.now())] == [6]


def test_seats_freed_while_the_claims_are_rebuilt_are_refused_for_a_second_at_most(
    fan, performance, monkeypatch
):
    now = clock.now()
    seats = factories.seat_ids(performance, 2)
    hold = place(fan, performance, seats, now=now)
    read = queries.taken_seats

    def read_and_be_late(**arguments):
        taken = read(**arguments)
        holds.release(reservation_id=hold.id, user_id=fan.pk, now=now)
        return taken

    monkeypatch.setattr(queries, "taken_seats", read_and_be_late)
    recovery.rebuild(performance_id=performance.pk, now=now)
    rival = factories.make_user()
    with pytest.raises(holds.SeatTaken):
        place(rival, performance, seats, now=now + 0.9 * SECOND)
    assert place(rival, performance, seats, now=now + SECOND).status == "PENDING"


def test_the_command_shows_how_far_it_is(fan, performance, monkeypatch):
    monkeypatch.setattr(policy, "CLAIMS_PER_WRITE", 4)
    taken_in_every_way(fan, performance)
    out = io.StringIO()
    call_command("claims", "rebuild", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["written"], line["claims"], line["done"]) for line in lines] == [
        (4, 6, False),
        (6, 6, False),
        (6, 6, True),
    ]
    out = io.StringIO()
    call_command("claims", "rebuild", performance=performance.pk, stdout=out)
    assert out.getvalue().splitlines()[-1] == f"{performance.pk} 6/6 done"


def test_the_command_and_the_tick_say_that_the_server_is_away(fan, performance, parts):
    taken_in_every_way(fan, performance)
    parts.part("lock").stop()
    try:
        with pytest.raises(CommandError, match="unavailable"):
            call_command("claims", "rebuild", stdout=io.StringIO())
        tasks.warm_gate()  # nothing to do, nothing to fail
    finally:
        parts.part("lock").start()
        breaker("lock").reset()


@pytest.mark.parametrize("trouble", ["replica", "out of memory", "busy"])
def test_a_server_that_can_not_work_counts_as_away(fan, performance, lock_redis, parts, trouble):
    seats = factories.seat_ids(performance, 2)
    place(fan, performance, seats[:1])
    if trouble == "replica":
        lock_redis.replicaof("127.0.0.1", "1")
    elif trouble == "out of memory":
        lock_redis.config_set("maxmemory", "1")
    else:
        lock_redis.config_set("min-replicas-to-write", "3")  # NOREPLICAS
    try:
        assert place(fan, performance, seats[1:]).status == "PENDING"
        with pytest.raises(holds.SeatTaken) as refused:
            place(factories.make_user(), performance, seats)
        assert refused.value.extras["seat_ids"] == seats
        assert breaker("lock").is_open
    finally:
        lock_redis.replicaof("NO", "ONE")
        lock_redis.config_set("maxmemory", "0")
        lock_redis.config_set("min-replicas-to-write", "0")
        breaker("lock").reset()
    assert seats_held_twice(clock.now()) == []


def test_the_breaker_closes_by_itself(fan, performance, parts):
    seats = factories.seat_ids(performance)
    parts.part("lock").stop()
    try:
        for seat in seats[:3]:
            place(fan, performance, [seat])
        assert breaker("lock").is_open
        skipped = gate_skipped._value.get()
        place(fan, performance, seats[3:4])
        assert gate_skipped._value.get() == skipped + 1
    finally:
        parts.part("lock").start()

    def closed():
        claim(fan, performance, seats[9:10], now=clock.now())
        return not breaker("lock").is_open

    await_that(closed, "the breaker closed", seconds=5)


CLIENT = """
    import os, signal, sys
    from uuid import UUID
    import django
    django.setup()
    from kernel import clock
    from kernel.errors import DomainError
    from kernel.ids import uuid7
    from reservations import operations
    from reservations.claims import seat_claims
    from reservations.usecases import holds
    from tests.support import money

    where, user_id, performance_id, reservation_id, *seats = sys.argv[1:]

    def paused(module, name, *, after):
        original = getattr(module, name)
        def call(*args, **kwargs):
            if after:
                result = original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGSTOP)
            return result if after else original(*args, **kwargs)
        setattr(module, name, call)

    if where == "claimed":
        paused(seat_claims, "claim_many", after=True)
    if where == "paying":
        paused(operations, "lock_for_payment", after=False)
    if where == "extending":
        paused(operations, "lock_reservation", after=False)
    now = clock.now()
    try:
        if where == "claimed":
            holds.place(
                user_id=UUID(user_id), performance_id=UUID(performance_id),
                seat_ids=[UUID(seat) for seat in seats], reservation_id=uuid7(),
                queue_token=None, now=now,
            )
        elif where == "extending":
            holds.extend(reservation_id=UUID(reservation_id), user_id=UUID(user_id), now=now)
        else:
            class Fan: pk = UUID(user_id)
            money.begin(Fan, UUID(reservation_id), now=now)
    except DomainError as refusal:
        print(refusal.code)
    else:
        print("written")
"""


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("claimed", "seat_taken"),
        ("paying", "reservation_expired"),
        ("extending", "reservation_expired"),
    ],
)
def test_a_process_paused_past_its_time_writes_nothing_late(fan, performance, where, answer):
    """It stops (SIGSTOP) with its claim or live hold; its time passes, another takes the seats."""
    now = clock.now()
    seats = factories.seat_ids(performance, 2)
    money.give_points(fan, 1_000_000)
    hold = None if where == "claimed" else place(fan, performance, seats, now=now)
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(CLIENT),
            where,
            str(fan.pk),
            str(performance.pk),
            str(hold.id if hold else ""),
            *map(str, seats),
        ],
        env=child_environment(DJANGO_SETTINGS_MODULE="config.settings.test", LOG_LEVEL="ERROR"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        late = hold.expires_at if hold else clock.now() + SECOND
        rival = place(factories.make_user(), performance, seats, now=late)
        os.kill(child.pid, signal.SIGCONT)
        out, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    await_children_gone()
    assert out.strip() == answer
    assert set(SeatInventory.objects.filter(pk__in=seats).values_list("reservation_id")) == {
        (rival.id,)
    }
    assert seats_held_twice(late) == []
    assert inventory_disagreements(late) == []


def test_errors_that_mean_away_are_never_defects():
    for error in ("READONLY You can't write", "MISCONF Errors", "LOADING", "CLUSTERDOWN"):

        def fail(_server, error=error):
            raise clients.redis_errors.ResponseError(error)

        with pytest.raises(DependencyUnavailable):
            clients.guarded("lock", fail)
        breaker("lock").reset()
