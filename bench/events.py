"""How many effects a consumer has a second, and the relay against a bare producer.

Both against one Kafka, with the same payloads: the data of `reservation.confirmed` of two seats.
"""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer as Client
from confluent_kafka import Producer
from django.db import connection

from events import kafka, relay, topics
from events.cloudevents import Event, dump
from events.models import InboxEntry, OutboxEvent
from events.operations import NewEvent, record
from events.runtime import GroupRunner
from kernel import clock
from kernel.db.dedicated import dedicated_connection
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from sale_statistics.consumers import statistics

TOPIC = topics.RESERVATIONS
EFFECTS_BAR = 2_000  # effects a second
RELAY_BAR = 0.3  # of the bare producer
PERFORMANCES = 20


def measure(events: int, rounds: int) -> dict[str, Any]:
    """Return the figures of `rounds` rounds of so many events each."""
    kafka.ensure_topics()
    performances = [uuid7() for _ in range(PERFORMANCES)]
    relay_ratios, effects, by_cpu, reads = [], [], [], []
    for _ in range(rounds):
        news = [_sale(performances[n % PERFORMANCES]) for n in range(events)]
        bare = _seconds(lambda news=news: _produce(news))
        _record(news)
        relayed = _seconds(_relay)
        relay_ratios.append(bare / relayed)
        a_second, a_cpu_second = _consume(events * 2)
        effects.append(a_second)
        by_cpu.append(a_cpu_second)
        reads.append(_read(events * 2))
        _clean()
    return {
        "events": events,
        "relay_of_bare_producer": _spread(relay_ratios),
        "relay_bar": RELAY_BAR,
        "relay_met": sorted(relay_ratios)[len(relay_ratios) // 2] >= RELAY_BAR,
        "effects_per_second": _spread(effects),
        "effects_per_cpu_second": _spread(by_cpu),
        "effects_bar": EFFECTS_BAR,
        "effects_met": sorted(effects)[len(effects) // 2] >= EFFECTS_BAR,
        "effects_of_bare_reads": _spread(
            [one / other for one, other in zip(effects, reads, strict=True)]
        ),
    }


def _sale(performance_id: UUID) -> NewEvent:
    reservation_id, money = uuid7(), {"amount": 100_000, "currency": "KRW"}
    seats = [
        {"seat_id": str(uuid7()), "section": "A", "row": "1", "number": str(n), "price": money}
        for n in range(2)
    ]
    return NewEvent(
        topic=TOPIC,
        type="reservation.confirmed",
        source="/frontrow/reservations",
        aggregate_id=reservation_id,
        data={
            "reservation_id": str(reservation_id),
            "performance_id": str(performance_id),
            "user_id": str(uuid7()),
            "seats": seats,
            "amount": {"amount": 200_000, "currency": "KRW"},
            "expires_at": None,
            "reason": None,
        },
    )


def _produce(news: list[NewEvent]) -> None:
    """Send the same payloads as the relay does, by a producer with the relay's settings."""
    now = clock.now()
    producer = Producer(
        kafka.client_settings(
            **{"enable.idempotence": True, "acks": "all", "linger.ms": 2, "compression.type": "lz4"}
        )
    )
    for new in news:
        event = Event(uuid7(), new.source, new.type, str(new.aggregate_id), now, new.data)
        value = dump(event)
        while True:
            try:
                producer.produce(TOPIC, key=str(new.aggregate_id).encode(), value=value)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(60):
        raise RuntimeError("the bare producer was not confirmed")


def _record(news: list[NewEvent]) -> None:
    now = clock.now()
    for start in range(0, len(news), 1000):
        with transaction():
            record(events=news[start : start + 1000], now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_outboxevent")


def _relay() -> None:
    with dedicated_connection(application="bench-relay") as dedicated:
        while relay.publish_once(dedicated, kafka.publisher):
            pass
    if OutboxEvent.objects.unpublished().exists():
        raise RuntimeError("the relay left events")


def _consume(events: int) -> tuple[float, float]:
    """Run the group until it has applied so many events; return how many a second.

    The second figure is by the second of this process's CPU: other work on the machine changes it
    little.

    Counted from its first effect: joining the group takes a broker some seconds.
    """
    runner = GroupRunner(statistics, now=clock.now)
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        while not (first := InboxEntry.objects.count()):
            time.sleep(0.01)
        begun, spent = time.perf_counter(), time.process_time()
        while InboxEntry.objects.count() < events:
            time.sleep(0.1)
        done = events - first
        return done / (time.perf_counter() - begun), done / (time.process_time() - spent)
    finally:
        runner.stop()
        thread.join()


def _read(events: int) -> float:
    """Read the same messages and do nothing with them; return how many a second."""
    reader = Client(
        kafka.client_settings(**{"group.id": f"bench-{uuid7()}", "auto.offset.reset": "earliest"})
    )
    reader.subscribe([TOPIC])
    try:
        while not reader.consume(1, 1.0):
            pass
        begun, seen = time.perf_counter(), 1
        while seen < events:
            seen += sum(message.error() is None for message in reader.consume(500, 1.0))
        return seen / (time.perf_counter() - begun)
    finally:
        reader.close()


def _clean() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_outboxevent, events_inboxentry, statistics_hourlysales")


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _spread(figures: list[float]) -> dict[str, float]:
    ordered = sorted(figures)
    digits = 2 if ordered[-1] < 100 else 0
    return {
        "median": round(ordered[len(ordered) // 2], digits),
        "min": round(ordered[0], digits),
        "max": round(ordered[-1], digits),
    }
