"""What the drills of Kafka's brokers share: who leads, terms of topics, how the relay went on."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from itertools import pairwise

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from drills.drill import DrillRun
from drills.site import DrillSite
from drills.verdict import FAILED, failures
from proof.history.recorded import History
from stack.profiles import BROKERS

RELAY_GAP = "relay, longest gap"
DRAINED = "outbox empty after healing"
_CALL_SECONDS, _AGREE_SECONDS, _PAUSE_SECONDS, _LOOK_SECONDS = 15.0, 60.0, 1.0, 0.2
_INTERNAL = "__"


def admin(site: DrillSite) -> AdminClient:
    """Return a client of the brokers."""
    return AdminClient({"bootstrap.servers": site.environment["KAFKA_BOOTSTRAP_SERVERS"]})


def await_members(site: DrillSite, names: Iterable[str]) -> None:
    """Wait until these brokers and no others count as alive, a minute at most.

    One that starts takes its time, and one that died counts until its session has run out.
    """
    wanted, client = {BROKERS.index(name) + 1 for name in names}, admin(site)
    until = time.monotonic() + _AGREE_SECONDS
    while time.monotonic() < until:
        with suppress(KafkaException):
            if client.list_topics(timeout=_PAUSE_SECONDS).brokers.keys() == wanted:
                break
        time.sleep(_LOOK_SECONDS)


def topics(client: AdminClient) -> list[str]:
    """Return the topics of ours."""
    found = client.list_topics(timeout=_CALL_SECONDS).topics
    return [name for name in found if not name.startswith(_INTERNAL)]


def make_again(site: DrillSite, *, copies: list[int], terms: Mapping[str, str]) -> None:
    """Delete our topics, and make them with copies on these brokers alone and other terms."""
    client = admin(site)
    found = client.list_topics(timeout=_CALL_SECONDS).topics
    parts = {name: len(found[name].partitions) for name in topics(client)}
    for deleted in client.delete_topics(list(parts)).values():
        deleted.result()
    new = [
        NewTopic(name, count, replica_assignment=[copies] * count, config=dict(terms))
        for name, count in parts.items()
    ]
    until = time.monotonic() + _AGREE_SECONDS
    while new:
        made = client.create_topics(new)
        new = [one for one in new if made[one.topic].exception()]  # it is still being deleted
        if new and time.monotonic() > until:
            made[new[0].topic].result()
        time.sleep(_LOOK_SECONDS)


def busiest(client: AdminClient) -> str:
    """Return the broker that leads the most partitions."""
    found = client.list_topics(timeout=_CALL_SECONDS).topics
    leads = Counter(part.leader for topic in found.values() for part in topic.partitions.values())
    return BROKERS[max(range(1, len(BROKERS) + 1), key=lambda number: leads[number]) - 1]


def configure(
    client: AdminClient, kind: ResourceType, names: Iterable[str], values: Mapping[str, str | None]
) -> None:
    """Set terms of topics or brokers; None takes one back.

    Brokers that have just come back take a while to agree who leads; after a minute it raises
    `KafkaException`.
    """
    entries = [
        ConfigEntry(
            name,
            value,
            incremental_operation=AlterConfigOpType.DELETE
            if value is None
            else AlterConfigOpType.SET,
        )
        for name, value in values.items()
    ]
    wanted = [ConfigResource(kind, name, incremental_configs=entries) for name in names]
    until = time.monotonic() + _AGREE_SECONDS
    while True:
        asked = client.incremental_alter_configs(wanted, request_timeout=_CALL_SECONDS)
        try:
            for future in asked.values():
                future.result()
        except KafkaException:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def note_relay(run: DrillRun, history: History) -> None:
    """Keep how long nothing was published once brokers were lost, how soon all was, who failed."""
    lost, healed = run.moments["lost"], run.moments["healed"]
    rows = _outbox(run.site)
    published = sorted(at for _, at in rows if at is not None)
    since = [lost, *(at for at in published if at > lost)]
    run.figures[RELAY_GAP] = round(max((b - a for a, b in pairwise(since)), default=math.inf), 2)
    # Of the events that waited then; one that never went is found by the checker too.
    waited = [math.inf if at is None else at for made, at in rows if made < healed]
    run.figures[DRAINED] = round(max(0.0, max(waited, default=healed) - healed), 1)
    run.figures[FAILED] = failures(history.operations)


def _outbox(site: DrillSite) -> list[tuple[float, float | None]]:
    """Return when each event was made and when published, by the clock of the history."""
    behind = time.time() - time.monotonic()
    query = "SELECT created_at, published_at FROM events_outboxevent"
    with closing(psycopg.connect(site.environment["DATABASE_URL"], autocommit=True)) as asked:
        return [
            (made.timestamp() - behind, at and at.timestamp() - behind)
            for made, at in asked.execute(query)
        ]
