"""Run a consumer group in this process for the length of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from events import kafka, runtime
from events.consumers import Consumer
from kernel import clock


class Running:
    """A group at work in a thread; `error` is what ended it, if something did."""

    def __init__(self, consumer: Consumer) -> None:
        self.runner = runtime.GroupRunner(consumer, now=clock.now, publisher=kafka.Publisher())
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.runner.run()
        except Exception as error:  # noqa: BLE001  (the test looks at it)
            self.error = error

    def stop(self) -> None:
        self.runner.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


@contextmanager
def running(consumer: Consumer) -> Iterator[Running]:
    """Run the group while the block runs."""
    kafka.ensure_topics()
    group = Running(consumer)
    group.thread.start()
    try:
        yield group
    finally:
        group.stop()


def send(servers: str, topic: str, value: bytes, key: bytes = b"key") -> None:
    """Put bytes into a topic past the outbox."""
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(topic, key=key, value=value)
    assert producer.flush(10) == 0


class Handler:
    """Remember what was handled; `fails` decides what an event does instead."""

    def __init__(self, fails: Callable[[object], Exception | None] = lambda event: None) -> None:
        self.handled: list = []
        self.attempts: list = []
        self.fails = fails

    def __call__(self, event, *, now) -> None:
        self.attempts.append(event)
        error = self.fails(event)
        if error is not None:
            raise error
        self.handled.append(event)
