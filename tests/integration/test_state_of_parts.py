"""Promises of the state metrics: what each says, against real servers."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db.backends.postgresql.base import DatabaseWrapper
from prometheus_client import REGISTRY
from psycopg_pool import ConnectionPool

from concerts.models import Concert
from kernel import clock
from kernel.db import pool_metrics
from kernel.db.partitions import months_covered
from kernel.ids import uuid7
from kernel.redis.clients import client
from kernel.telemetry import failovers, metrics, tasks
from kernel.telemetry.dependencies import broker_client
from payments import open_money
from payments.models import Payment, Refund
from queueing import metrics as queue_metrics
from queueing.models import QueueConfig
from tests.support import factories
from tests.support.money import hold
from tests.support.waiting import await_that


def values(families) -> dict[str, dict[str, float]]:
    """Return the values by metric, and by the one label that each of these has."""
    return {
        family.name: {"".join(one.labels.values()): one.value for one in family.samples}
        for family in families
    }


@pytest.fixture
def broker():
    server = broker_client()
    server.flushdb()
    yield server
    server.flushdb()


def sent(seconds_ago: float, now) -> str:
    return json.dumps({"headers": {"sent_at": now.timestamp() - seconds_ago}})


def test_a_task_that_a_worker_took_and_hangs_in_ages_though_its_queue_is_empty(broker):
    now = clock.now()
    broker.lpush("mail", sent(5, now))
    broker.lpush("mail", sent(1, now))
    broker.hset("unacked", "a", json.dumps([json.loads(sent(90, now)), "", "promotion"]))
    broker.zadd("unacked_index", {"a": now.timestamp(), "gone": now.timestamp()})
    ages = values(metrics.celery_tasks(now=now))["frontrow_celery_oldest_task_seconds"]
    assert ages["mail"] == pytest.approx(5)
    assert ages["promotion"] == pytest.approx(90)
    assert ages["relay"] == 0


def test_what_says_no_time_is_no_old_task(broker):
    broker.lpush("mail", "{}", "no json")
    ages = values(metrics.celery_tasks(now=clock.now()))["frontrow_celery_oldest_task_seconds"]
    assert set(ages.values()) == {0}


def test_beat_is_seen_by_the_time_of_its_last_task_and_unseen_before(broker):
    now = clock.now()
    assert values(metrics.beat(now=now)) == {}
    ticks = tasks.Ticks()
    ticks.write_down()
    [said] = values(metrics.beat(now=now))["frontrow_beat_tick_timestamp_seconds"].values()
    assert said == pytest.approx(clock.now().timestamp(), abs=5)
    broker.delete(tasks.BEAT_KEY)
    ticks.write_down()  # within the same second: no second round trip
    assert not broker.exists(tasks.BEAT_KEY)


def test_each_partitioned_table_says_how_far_it_reaches(settings):
    now = clock.now()
    found = values(metrics.partitions(now=now))["frontrow_partitions_months_ahead"]
    assert set(found) == set(settings.PARTITIONED_TABLES)
    assert min(found.values()) > 3
    late = now + timedelta(days=31 * 30)
    assert months_covered(settings.PARTITIONED_TABLES[0], now=late) == 0
    assert set(
        values(metrics.partitions(now=late))["frontrow_partitions_months_ahead"].values()
    ) == {0}


def test_a_server_that_starts_afresh_is_counted_once(parts):
    seen = failovers.Failovers({"lock": lambda: failovers._role("lock")})
    assert seen.look() == {"lock": 0}
    assert seen.look() == {"lock": 0}
    parts.part("lock").kill()
    assert seen.look() == {"lock": 0}  # away, and nobody in its place
    parts.part("lock").start()
    client("lock").ping()
    assert seen.look() == {"lock": 1}
    assert seen.look() == {"lock": 1}


def test_another_history_or_another_master_is_a_failover():
    identities = [{"history": "7.1"}, {"history": "7.2"}, {"history": "7.2"}]
    masters = [{"0-5": "a", "6-9": "b"}, {"0-5": "a"}, {"0-5": "a", "6-9": "c"}]
    seen = failovers.Failovers(
        {"postgres": lambda: identities.pop(0), "queue": lambda: masters.pop(0)}
    )
    assert [dict(seen.look()) for _ in range(3)] == [
        {"postgres": 0, "queue": 0},
        {"postgres": 1, "queue": 0},
        {"postgres": 1, "queue": 1},
    ]


def test_every_part_says_who_it_is_and_what_was_seen():
    said = values(failovers.failovers(now=clock.now()))["frontrow_failovers"]
    assert set(said) == {"postgres", "cache", "lock", "queue", "broker"}
    assert all(failovers.seen._known[part] for part in said)


def test_sales_to_come_say_when_and_for_how_many():
    now = clock.now()
    rooms = [factories.make_performance(seats=1) for _ in range(4)]
    ahead = (timedelta(hours=2), timedelta(days=20), timedelta(hours=-1), timedelta(hours=3))
    for room, distance in zip(rooms, ahead, strict=True):
        QueueConfig.objects.update_or_create(
            performance=room, defaults={"queue_opens_at": now + distance, "expected_fans": None}
        )
    QueueConfig.objects.filter(performance=rooms[0]).update(expected_fans=40_000)
    rooms[3].concert.__class__.objects.filter(pk=rooms[3].concert_id).update(published_at=None)
    said = values(queue_metrics.upcoming_sales(now=now))
    first = str(rooms[0].pk)
    assert said["frontrow_sale_opens_seconds"] == {first: pytest.approx(7200)}
    assert said["frontrow_expected_fans"] == {first: 40_000}


def test_sales_about_to_open_and_just_open_want_pods():
    now = clock.now()
    rooms = [factories.make_performance(seats=1) for _ in range(4)]
    ahead = (timedelta(minutes=29), timedelta(minutes=-14), timedelta(minutes=31), timedelta())
    for room, distance in zip(rooms, ahead, strict=True):
        QueueConfig.objects.update_or_create(
            performance=room, defaults={"queue_opens_at": now + distance, "expected_fans": 100_000}
        )
    Concert.objects.filter(pk=rooms[3].concert_id).update(published_at=None)  # nobody sees it
    families = {one.name: one for one in queue_metrics.wanted_pods(now=now)}
    assert {name: [one.value for one in family.samples] for name, family in families.items()} == {
        "frontrow_wanted_api_pods": [61],
        "frontrow_wanted_fastpath_pods": [10],
    }


@pytest.fixture
def payment(db_ready):
    fan = factories.make_user()
    held = hold(fan, factories.make_performance(seats=4), seats=1)
    return Payment.objects.create(
        reservation_id=held.id,
        user=fan,
        method=Payment.Method.CARD,
        status=Payment.Status.UNKNOWN,
        amount=100_000,
        points_amount=0,
        request_key=uuid7().hex * 2,
        gateway="double",
        order_id=f"pay-{uuid7().hex}",
        created_at=clock.now(),
        requested_at=clock.now(),
        resolve_after=clock.now(),
    )


def ages(now):
    [unknown, late] = open_money.unsettled(now=now)
    return round(unknown.samples[0].value), round(late.samples[0].value)


def test_money_of_unknown_outcome_ages_until_it_is_known(payment):
    later = payment.requested_at + timedelta(minutes=11)
    assert ages(later) == (660, 0)
    payment.status, payment.resolve_after = Payment.Status.FAILED, None
    payment.save()
    assert ages(later) == (0, 0)


def test_late_money_ages_until_it_went_back(payment):
    payment.status, payment.resolve_after = Payment.Status.LATE_CAPTURED, None
    payment.save()
    made = Refund.objects.create(
        id=uuid7(),
        payment=payment,
        status=Refund.Status.CREATED,
        reason=Refund.Reason.LATE_CAPTURE,
        amount=1000,
        points_amount=0,
        currency=payment.currency,
        request_key="9" * 64,
        created_at=clock.now(),
        resolve_after=clock.now(),
    )
    later = made.created_at + timedelta(minutes=6)
    assert ages(later) == (0, 360)
    made.status, made.resolve_after, made.done_at = Refund.Status.DONE, None, later
    made.save()
    assert ages(later) == (0, 0)


def sample(name):
    return REGISTRY.get_sample_value(name, {"database": "default"}) or 0.0


def test_the_pool_says_how_many_connections_are_used_and_who_waits():
    pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=1, timeout=20, open=True)
    watch = pool_metrics.PoolWatch()
    pools = dict(DatabaseWrapper._connection_pools)
    DatabaseWrapper._connection_pools["default"] = pool
    try:
        with ThreadPoolExecutor(1) as threads, pool.connection():
            waiting = threads.submit(lambda: pool.putconn(pool.getconn()))

            def is_seen() -> bool:
                watch.read()
                return sample("frontrow_db_pool_waiting") == 1

            await_that(is_seen, "somebody waits")
            assert sample("frontrow_db_pool_size") == sample("frontrow_db_pool_max") == 1
            assert sample("frontrow_db_pool_idle") == 0
            before = sample("frontrow_db_pool_wait_seconds_total")
        waiting.result(timeout=20)
        watch.read()
        assert sample("frontrow_db_pool_waiting") == 0
        assert sample("frontrow_db_pool_wait_seconds_total") > before
    finally:
        DatabaseWrapper._connection_pools.clear()
        DatabaseWrapper._connection_pools.update(pools)
        pool.close()
