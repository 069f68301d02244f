"""What a group does with fetched messages: apply together or alone, park, dead-letter.

An event that fails because a dependency is unavailable or busy is tried again for ever; one that
fails by itself a few times, and then it goes to the topic's dead-letter topic, unless too many in a
row do: then the consumer is broken. Between attempts its key is parked (Note [Parked keys]).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from confluent_kafka import Message
from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram

from events import cloudevents, dead_letters, kafka
from events.consumers import Clock, Consumer, ConsumersFrozen, apply_many, apply_once
from events.offsets import OffsetTracker
from events.parking import Key, ParkedKeys, key_of
from kernel.db.failures import is_passing
from kernel.redis.breaker import DependencyUnavailable
from kernel.telemetry import context, tracing

log = logging.getLogger(__name__)

# What is left after so long waits for the next turn: a group must show Kafka that it lives.
TURN_SECONDS = 10.0
# So many keys in a row that meet an unavailable dependency: it is not the keys.
OUTAGE_KEYS = 3

handled = Counter("frontrow_consumer_events_total", "Events seen, by result", ["group", "result"])
retries = Counter("frontrow_consumer_retries_total", "Attempts that failed", ["group"])
parked_messages = Gauge("frontrow_consumer_parked", "Messages that wait to be retried", ["group"])
delay = Histogram(
    "frontrow_consumer_delay_seconds",
    "From the event's time to its application",
    ["group"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)


class Result(StrEnum):
    """The result of handling a message."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    PASSED_OVER = "passed_over"
    DEAD = "dead"


class TooManyDeadLetters(Exception):
    """So many messages in a row failed that the consumer itself must be at fault."""


class Outage(Exception):
    """A dependency is unavailable for whatever key: the whole group must wait."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that failed; a `passing` one doesn't count."""

    error: Exception
    passing: bool


class Handling:
    """The messages of one group in this process, from their fetch to the end of their work."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        now: Clock,
        publisher: kafka.Publisher,
        stopping: threading.Event,
    ) -> None:
        self.offsets = OffsetTracker()
        self.parked = ParkedKeys()
        self._consumer = consumer
        self._now = now
        self._publisher = publisher
        self._stopping = stopping
        self._dead_in_a_row = 0
        self._unavailable: set[Key] = set()  # keys that met an outage since the last success

    def take(self, messages: deque[Message]) -> None:
        """Handle messages in order, removing each from the left once it is applied, dead or parked.

        Returns early after `TURN_SECONDS`, and when the group is to stop. Raises `Outage`,
        `ConsumersFrozen`, `TooManyDeadLetters` and `dead_letters.LetterRefused`, with the rest
        still in `messages`.
        """
        end = time.monotonic() + TURN_SECONDS
        while messages and not self._must_end(end):
            if not self._take_together(messages):
                self._take_each_alone(messages, 1)

    def retry_due(self) -> None:
        """Try the parked keys whose pause is over, as far as each gets; raises as `take` does."""
        end = time.monotonic() + TURN_SECONDS
        for key, parked in self.parked.due(time.monotonic()):
            while parked.messages and not self._must_end(end):
                message = parked.messages[0]
                failure = self._attempt(message, attempts=parked.attempts)
                if failure is not None:
                    attempts = parked.attempts + (not failure.passing)
                    self.parked.postpone(key, attempts=attempts, now=time.monotonic())
                    break
                self.parked.advance(key)
                self.offsets.finish(message)
            self._insist_on_progress()
        parked_messages.labels(self._consumer.group).set(len(self.parked))

    def drop(self, partitions: list[tuple[str, int]]) -> None:
        """Forget partitions that are no longer ours; their next owner gets the messages again."""
        self.parked.drop(partitions)
        self.offsets.drop(partitions)
        self._unavailable.clear()

    def _take_together(self, messages: deque[Message]) -> bool:
        """Apply the messages up to the first that must go alone; say whether any were done."""
        if self._consumer.handle_many is None:
            return False
        together = self._applicable(messages)
        wanted = [event for event in together if self._consumer.wants(event)]
        if not together:
            return False
        spans = self._spans_of(wanted)
        named = [span.traceparent for span in spans.values()]
        try:
            with tracing.batch_span(f"{self._consumer.group} batch", named, batch=len(wanted)):
                wanted = [_within(event, spans.get(event.id)) for event in wanted]
                applied = apply_many(self._consumer, wanted, now=self._now()) if wanted else set()
        except ConsumersFrozen:
            raise
        except Exception as error:  # noqa: BLE001  (each goes alone and meets its own error)
            log.info("batch goes alone", extra={"error": repr(error)})
            self._take_each_alone(messages, len(together))
            return True
        for span in spans.values():
            span.end()
        now = self._now()
        for event in together:
            message = messages.popleft()
            self.offsets.begin(message)
            self.offsets.finish(message)
            result = Result.PASSED_OVER
            if self._consumer.wants(event):
                result = Result.APPLIED if event.id in applied else Result.DUPLICATE
                applied.discard(event.id)  # a repetition within the batch
            with context.correlated(context.received(event.request_id, event.traceparent)):
                self._count(event, result, now)
        return True

    def _spans_of(self, events: Sequence[cloudevents.Event]) -> dict[UUID, tracing.OpenSpan]:
        """Begin a span for each event whose trace is recorded."""
        if not tracing.is_on():
            return {}
        spans = {event.id: self._span_of(event) for event in events}
        return {id_: span for id_, span in spans.items() if span is not None}

    def _span_of(self, event: cloudevents.Event) -> tracing.OpenSpan | None:
        name, group = f"consume {event.type}", self._consumer.group
        return tracing.opened(
            event.traceparent, name, tracing.CONSUMER, group=group, event=event.type
        )

    def _take_each_alone(self, messages: deque[Message], count: int) -> None:
        end = time.monotonic() + TURN_SECONDS
        for _ in range(count):
            if self._must_end(end):
                break
            self._take_alone(messages[0])
            messages.popleft()
            self._insist_on_progress()

    def _applicable(self, messages: deque[Message]) -> list[cloudevents.Event]:
        """Return the events of the leading messages that can be applied together."""
        events = []
        for message in messages:
            try:
                event = cloudevents.load(message.value())
            except cloudevents.NotAnEvent:
                break
            if key_of(message) in self.parked:
                break
            events.append(event)
        return events

    def _take_alone(self, message: Message) -> None:
        key = key_of(message)
        if key in self.parked:
            self.offsets.begin(message)
            self.parked.append(message)
            return
        failure = self._attempt(message, attempts=0)
        self.offsets.begin(message)
        if failure is None:
            self.offsets.finish(message)
            return
        attempts = 0 if failure.passing else 1
        self.parked.park(message, attempts=attempts, now=time.monotonic())
        fields = {"group": self._consumer.group, "error": repr(failure.error)}
        log.warning("event waits", extra=fields)

    def _attempt(self, message: Message, *, attempts: int) -> _Failed | None:
        """Try a message once more after `attempts`; None when nothing is left to do for it."""
        try:
            event = cloudevents.load(message.value())
        except cloudevents.NotAnEvent as error:
            return self._dead_letter(message, error, attempts=1)
        with context.correlated(context.received(event.request_id, event.traceparent)):
            if not self._consumer.wants(event):
                self._count(event, Result.PASSED_OVER, self._now())
                return None
            span = self._span_of(event)
            try:
                with span or nullcontext():
                    applied = apply_once(self._consumer, _within(event, span), now=self._now())
            except ConsumersFrozen:
                raise
            except Exception as error:  # noqa: BLE001  (whatever it is, it is this event's failure)
                return self._failed(message, event, error, attempts=attempts + 1)
            self._count(event, Result.APPLIED if applied else Result.DUPLICATE, self._now())
        return None

    def _failed(
        self, message: Message, event: cloudevents.Event, error: Exception, *, attempts: int
    ) -> _Failed | None:
        retries.labels(self._consumer.group).inc()
        if _is_passing(error):
            self._unavailable.add(key_of(message))
            return _Failed(error, passing=True)
        fields = {"event_id": str(event.id), "attempt": attempts}
        log.error("event failed", extra=fields, exc_info=error)
        if attempts < settings.CONSUMER_ATTEMPTS:
            return _Failed(error, passing=False)
        return self._dead_letter(message, error, attempts=attempts)

    def _dead_letter(self, message: Message, error: Exception, *, attempts: int) -> _Failed | None:
        """Send the message to its dead-letter topic, or give up on the consumer."""
        group = self._consumer.group
        if self._dead_in_a_row >= settings.CONSUMER_DEAD_LETTERS_IN_A_ROW:
            raise TooManyDeadLetters(
                f"{group}: {self._dead_in_a_row + 1} messages in a row failed"
            ) from error
        try:
            dead_letters.send(self._publisher, message, group=group, error=error, attempts=attempts)
        except kafka.KafkaUnavailable as unavailable:
            self._unavailable.add(key_of(message))
            return _Failed(unavailable, passing=True)
        # Only now: a letter that waits for Kafka is tried many times.
        self._dead_in_a_row += 1
        handled.labels(group, Result.DEAD).inc()
        log.error("event dead-lettered", extra={"group": group, "error": repr(error)})
        return None

    def _count(self, event: cloudevents.Event, result: Result, now: datetime) -> None:
        group = self._consumer.group
        handled.labels(group, result).inc()
        if result is Result.PASSED_OVER:
            return
        fields = {"group": group, "event_id": str(event.id), "type": event.type}
        log.info("event handled", extra={**fields, "result": result.value})
        if result is Result.APPLIED:
            delay.labels(group).observe(max(0.0, (now - event.time).total_seconds()))
        self._dead_in_a_row = 0
        self._unavailable.clear()

    def _must_end(self, end: float) -> bool:
        return self._stopping.is_set() or time.monotonic() > end

    def _insist_on_progress(self) -> None:
        if len(self._unavailable) >= OUTAGE_KEYS:
            raise Outage


def _within(event: cloudevents.Event, span: tracing.OpenSpan | None) -> cloudevents.Event:
    """Return the event as what its handler leaves for later is to continue it."""
    return replace(event, traceparent=span.traceparent) if span else event


def _is_passing(error: Exception) -> bool:
    unavailable = (DependencyUnavailable, kafka.KafkaUnavailable)
    return is_passing(error) or isinstance(error, unavailable)
