"""Two relays at once, and relays that die: order per key, nothing lost, counted once.

Each guarantee has a control: the guard is removed and the same check must fail.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from django.db import connections

from events import cloudevents, relay
from events import kafka as kafka_module
from events.consumers import apply_once
from events.models import InboxEntry, OutboxEvent
from kernel import clock
from kernel.db.dedicated import dedicated_connection
from kernel.ids import uuid7
from sale_statistics.consumers import statistics
from sale_statistics.models import HourlySales
from tests.support.children import await_children_gone, child_environment
from tests.support.interleaving import meet_after
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, relay_all, sale_confirmed, write
from tests.support.waiting import await_that

pytestmark = [pytest.mark.kafka, pytest.mark.concurrency]

ROOT = Path(__file__).resolve().parent.parent.parent
AGGREGATES = 8
EVENTS = 60


@pytest.fixture
def reader(kafka):
    kafka_module.ensure_topics()
    reader = KafkaReader(kafka, TOPIC)
    yield reader
    reader.close()


def write_while(relays: list[threading.Thread]) -> dict[str, list[str]]:
    """Start the relays, write events of a few aggregates from two threads, return their order."""
    aggregates = [uuid7() for _ in range(AGGREGATES)]
    order: dict[str, list[str]] = {str(a): [] for a in aggregates}

    def writer(mine):
        for n in range(EVENTS):
            for aggregate in mine:
                [event_id] = write(new_event(aggregate, n=n))
                order[str(aggregate)].append(str(event_id))
        connections.close_all()

    writers = [threading.Thread(target=writer, args=(aggregates[part::2],)) for part in range(2)]
    for thread in [*relays, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    return order


def drain(stop: threading.Event, publish_once) -> threading.Thread:
    """Return a relay of its own connection and producer, at work until `stop`."""

    def run():
        publisher = kafka_module.Publisher()
        with dedicated_connection(application="test-relay") as own:
            while not stop.is_set():
                if not publish_once(own, publisher):
                    stop.wait(0.002)

    return threading.Thread(target=run)


def relayed_by_two(reader, publish_once) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the order written and the order found in the topic, by key."""
    stop = threading.Event()
    relays = [drain(stop, publish_once) for _ in range(2)]
    try:
        order = write_while(relays)
        await_that(lambda: not OutboxEvent.objects.unpublished().exists(), "all", seconds=60)
    finally:
        stop.set()
        for thread in relays:
            thread.join()
    records = [r for r in reader.to_the_end() if r.key in order]
    return order, {key: [r.id for r in records if r.key == key] for key in order}


def test_two_relays_publish_each_event_once_in_order_of_its_key(reader):
    order, found = relayed_by_two(reader, relay.publish_once)
    assert found == order


@pytest.mark.control
def test_control_without_shard_locks_two_relays_publish_twice(reader, monkeypatch):
    monkeypatch.setattr(relay, "_TAKE", "SELECT key FROM unnest(%s::bigint[]) AS key")
    monkeypatch.setattr(relay, "_RELEASE", "SELECT key FROM unnest(%s::bigint[]) AS key")
    read = relay._read
    monkeypatch.setattr(relay, "_read", lambda own, shards: list(read(own, shards)))
    meet_after(monkeypatch, relay, "_read", threads=2)  # both have read before either marks
    order, found = relayed_by_two(reader, relay.publish_once)
    doubled = sum(len(found[key]) - len(order[key]) for key in order)
    assert doubled > 0


@pytest.mark.control
def test_control_skip_locked_batches_reorder_events_of_one_key(reader):
    """Batches claimed row by row: what is held by a slow relay is overtaken by a quick one."""
    both = threading.Barrier(2)
    first = threading.Event()
    aggregate = uuid7()
    ids = [str(i) for n in range(20) for i in write(new_event(aggregate, n=n))]

    def batch(slow: bool) -> None:
        if not slow:
            first.wait(20)
        with dedicated_connection(application="test-relay") as own, own.transaction():
            rows = own.execute(
                "SELECT id FROM events_outboxevent WHERE published_at IS NULL"
                " ORDER BY position LIMIT 10 FOR UPDATE SKIP LOCKED"
            ).fetchall()
            first.set()
            if slow:
                both.wait(20)
            messages = [
                kafka_module.OutgoingMessage(
                    TOPIC,
                    str(aggregate).encode(),
                    json.dumps({"id": str(i), "type": "none", "data": {}}).encode(),
                )
                for (i,) in rows
            ]
            kafka_module.Publisher().send(messages)
            if not slow:
                both.wait(20)

    threads = [threading.Thread(target=batch, args=(slow,)) for slow in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [r.id for r in reader.to_the_end() if r.key == str(aggregate)]
    assert sorted(found) == sorted(ids)
    assert found != ids


RELAY_PROCESS = """
import django; django.setup()
from events import relay
print("up", flush=True)
while True:
    relay.run()
"""


def relay_process(kafka: str) -> subprocess.Popen:
    """Start a relay as a process of its own on the test's database."""
    process = subprocess.Popen(
        [sys.executable, "-c", RELAY_PROCESS],
        cwd=ROOT,
        env=child_environment(kafka),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    return process


def first_appearances(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def test_killed_relays_lose_nothing_and_keep_the_order(kafka, reader):
    """kill -9 one of two relay processes, again and again, while events are written."""
    processes = [relay_process(kafka) for _ in range(2)]
    done = threading.Event()
    killed = []

    def killer():
        while not done.wait(0.3):
            turn = len(killed) % 2
            end(processes[turn])
            killed.append(processes[turn].pid)
            processes[turn] = relay_process(kafka)

    thread = threading.Thread(target=killer)
    order: dict[str, list[str]] = {}
    try:
        thread.start()
        while len(killed) < 4:
            order |= write_while([])
        done.set()
        thread.join()
        await_that(lambda: not OutboxEvent.objects.unpublished().exists(), "all", seconds=60)
    finally:
        done.set()
        thread.join()
        for process in processes:
            end(process)
        await_children_gone()
    records = reader.to_the_end()
    found = {key: first_appearances([r.id for r in records if r.key == key]) for key in order}
    assert found == order


def end(process: subprocess.Popen) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


class Died(Exception):
    """The relay is gone."""


def crash_after_producing(monkeypatch) -> None:
    """Run a pass that ends between the broker's confirmation and the mark."""

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(relay, "_mark", die)
        with pytest.raises(Died):
            relay_all()


def sold_twice_delivered(kafka, monkeypatch) -> tuple[list, str]:
    """Publish a sale, crash before marking, publish again; return its deliveries."""
    performance_id = uuid7()
    [event_id] = write(sale_confirmed(performance_id, seats=2, price=1000))
    crash_after_producing(monkeypatch)
    relay_all()
    reader = KafkaReader(kafka, "frontrow.reservations.v1")
    try:
        records = [r for r in reader.to_the_end() if r.id == str(event_id)]
    finally:
        reader.close()
    return records, str(performance_id)


def deliver(records) -> None:
    for record in records:
        event = cloudevents.load(json.dumps(record.event).encode())
        apply_once(statistics, event, now=clock.now())


def test_an_event_published_twice_by_a_crash_is_counted_once(kafka, monkeypatch):
    records, performance_id = sold_twice_delivered(kafka, monkeypatch)
    assert Counter(r.id for r in records).most_common(1)[0][1] == 2
    deliver(records)
    sales = HourlySales.objects.get(performance_id=performance_id)
    assert (sales.reservations, sales.seats, sales.amount) == (1, 2, 2000)


@pytest.mark.control
def test_control_without_the_inbox_it_is_counted_twice(kafka, monkeypatch):
    records, performance_id = sold_twice_delivered(kafka, monkeypatch)
    for record in records:
        deliver([record])
        InboxEntry.objects.all().delete()
    sales = HourlySales.objects.get(performance_id=performance_id)
    assert (sales.reservations, sales.seats, sales.amount) == (2, 4, 4000)
