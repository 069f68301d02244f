"""Read topics from their beginning, as any integrator could."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition


@dataclass(frozen=True)
class Record:
    """One message: where it lay and the CloudEvent in it."""

    topic: str
    partition: int
    offset: int
    key: str
    content_type: str
    event: dict[str, Any]

    @property
    def id(self) -> str:
        return self.event["id"]

    @property
    def type(self) -> str:
        return self.event["type"]

    @property
    def data(self) -> dict[str, Any]:
        return self.event["data"]


class KafkaReader:
    """All records of `topics`, in the order of each partition; `records` grows with each read."""

    def __init__(self, bootstrap_servers: str, *topics: str) -> None:
        self.topics = topics
        self.records: list[Record] = []
        self._next: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"reader-{uuid4()}",
                "enable.auto.commit": False,
                "allow.auto.create.topics": False,
                "fetch.wait.max.ms": 50,  # asking for offsets waits behind a fetch under way
                "log_level": 0,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def until(
        self, condition: Callable[[list[Record]], object], what: str, *, seconds: float = 20
    ) -> list[Record]:
        """Read until `condition` holds for the records; fails with `what` after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition(self.records):
            assert time.monotonic() < deadline, (
                f"not within {seconds:g} s: {what}; {len(self.records)} records read"
            )
            self._read(0.2)
        return self.records

    def to_the_end(self, *, seconds: float = 20) -> list[Record]:
        """Read up to what the topics hold now."""
        deadline = time.monotonic() + seconds
        ends = self._ends(seconds)
        while any(self._next.get(place, 0) < end for place, end in ends.items()):
            assert time.monotonic() < deadline, f"the topics' end was not reached in {seconds:g} s"
            self._read(0.2)
        return self.records

    def _watermarks(self, place: TopicPartition, seconds: float) -> tuple[int, int]:
        """Return a partition's ends; right after the broker's start it may have no leader yet."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._consumer.get_watermark_offsets(place, timeout=seconds)
            except KafkaException as error:
                no_leader = error.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION
                if not no_leader or time.monotonic() > deadline:
                    raise
                self._read(0.2)

    def _ends(self, seconds: float) -> dict[tuple[str, int], int]:
        self._read(0)
        found = {}
        for place in self._consumer.assignment():
            low, high = self._watermarks(place, seconds)
            if high > low:
                found[place.topic, place.partition] = high
        return found

    def _read(self, seconds: float) -> None:
        if not self._consumer.assignment():
            self._assign()
        for message in self._consumer.consume(500, timeout=seconds):
            if message.error():
                continue  # the broker is unavailable for now; the caller's deadline decides
            headers = dict(message.headers() or [])
            self._next[message.topic(), message.partition()] = message.offset() + 1
            self.records.append(
                Record(
                    topic=message.topic(),
                    partition=message.partition(),
                    offset=message.offset(),
                    key=(message.key() or b"").decode(),
                    content_type=headers.get("content-type", b"").decode(),
                    event=json.loads(message.value()),
                )
            )

    def _assign(self) -> None:
        try:
            known = self._consumer.list_topics(timeout=5).topics
        except KafkaException:
            return
        if not all(topic in known and known[topic].partitions for topic in self.topics):
            return  # made at the relay's first start
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in self.topics
                for partition in known[topic].partitions
            ]
        )
