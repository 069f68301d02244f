"""The faults, in the order in which they are tried, and the alert that each has to bring.

What keeps an alert for minutes after its mending comes first, so that its end is heard while the
others are tried. Consumers that stay frozen, a copy that is old and an audit that doesn't run take
half an hour and more by their own rules: those are in the tests of the rules.
"""

from drills.alerts import by_hand, losses
from drills.alerts.fault import AlertFault

_TEN_MINUTES, _FIVE_MINUTES = 600.0, 300.0
# Where commits wait or fail, all that needs them is late.
_NO_WRITES = frozenset({
    *("BreakerOpen", "OutboxOld", "TasksWait", "AdmissionStalled", "ServerErrors", "SlowP95"),
    *("SlowP99", "HoldsFail", "SlowStatements", "PoolWaits", "LockWaits", "LongQuery"),
    *("IdleInTransaction", "StandbyNotStreaming", "ReplicaLag", "TrafficFellInSale"),
    *("BeatStandsStill", "NoWritableLeader"),
})  # fmt: skip
_FAILED_OVER = frozenset({"ValkeyFailedOver", "ReplicaLinkDown", "SlotsNotCovered"})
_NO_WORKERS = frozenset({
    *("AdmissionStalled", "PromotionSlow", "OutboxOld", "OutboxVeryOld", "BeatStandsStill"),
    *("TargetDown", "LettersOverdue", "TrafficFellInSale"),
})  # fmt: skip

FAULTS = (
    AlertFault(
        "dead-letter", "DeadLetters",
        "A message that is no event is put into the topic of reservations.",
        by_hand.send_no_event, clears=_TEN_MINUTES,
    ),
    AlertFault(
        "workers", "TasksWait",
        "Every worker is killed, with the tasks that it had taken.",
        # The broker gives those to another after ten minutes.
        losses.kill("workers"), takes=30.0, clears=_TEN_MINUTES, brings=_NO_WORKERS,
    ),
    AlertFault(
        "deadlock", "Deadlocks",
        "Two sessions wait for each other; PostgreSQL ends one.",
        by_hand.deadlock, clears=_FIVE_MINUTES,
    ),
    AlertFault(
        "key-surge", "KeysExpireInSurge",
        "120,000 keys of the cache end within two seconds.",
        # Of the recorded rate, which is looked at every 15 s.
        by_hand.expire_many_keys, takes=17.0, clears=_FIVE_MINUTES,
        needs='avg_over_time(valkey:expired_keys:rate5m{role="cache"}[1d] offset 10m)',
    ),
    AlertFault(
        "leader", "PostgresFailedOver",
        "The leader's PostgreSQL is killed.",
        losses.kill_leader, takes=8.0, clears=_FIVE_MINUTES, brings=_NO_WRITES,
    ),
    AlertFault(
        "lock-node", "ValkeyFailedOver",
        "A master of the lock cluster is killed.",
        losses.kill_lock_master, takes=5.0, clears=_FIVE_MINUTES,
        brings=_FAILED_OVER | {"BreakerOpen", "ServerErrors"},
    ),
    AlertFault(
        "standby", "StandbyNotStreaming",
        "One of two standbys is stopped.",
        losses.stop_a_standby, brings=frozenset({"ReplicaLag"}),
    ),
    AlertFault(
        "standbys", "NoSyncStandby",
        "Both standbys are stopped: commits wait.",
        losses.stop_both_standbys, brings=_NO_WRITES,
    ),
    AlertFault(
        "lock-slots", "SlotsNotCovered",
        "A master of the lock cluster and its replica are killed.",
        losses.kill_lock_shard, takes=5.0,
        brings=_FAILED_OVER | {"BreakerOpen", "ServerErrors", "SlowStatements"},
    ),
    AlertFault(
        "long-query", "LongQuery",
        "A statement runs and doesn't end.",
        by_hand.run_long, takes=30.0,
    ),
    AlertFault(
        "idle-transaction", "IdleInTransaction",
        "A transaction is begun, and nothing follows.",
        by_hand.idle_in_transaction, takes=30.0,
    ),
    AlertFault(
        "lock-waits", "LockWaits",
        "Eight sessions wait for the lock of a ninth.",
        by_hand.wait_for_a_lock, brings=frozenset({"LongQuery"}),
    ),
    AlertFault(
        "broker", "UnderReplicated",
        "One of three brokers of Kafka is killed.",
        # The controller counts a broker as gone 9 s after its last word.
        losses.kill("kafka-3"), takes=10.0,
        brings=frozenset({"OutboxOld", "OfflinePartitions", "KafkaControllerCount"}),
    ),
    AlertFault(
        "beat", "BeatStandsStill",
        "Beat is killed.",
        losses.kill("beat"), takes=60.0, brings=_NO_WORKERS | {"TasksWait"},
    ),
    AlertFault(
        "consumers", "ConsumerGroupStopped",
        "The process of the consumers is killed.",
        losses.kill("consumers"), brings=frozenset({"ConsumerLagGrows", "TargetDown"}),
    ),
    AlertFault(
        "cache", "BreakerOpen",
        "The cache's server is killed.",
        losses.kill("cache"), brings=frozenset({"ValkeyFailedOver", "ServerErrors"}),
    ),
    AlertFault(
        "api", "GatewayRefuses",
        "Every process of the API is killed; fastpath goes on.",
        # The way through the gateway is looked at every 15 s.
        losses.kill("api-1", "api-2"), takes=15.0,
        brings=frozenset({"StreamsLate", "TrafficFellInSale", "BreakerOpen"}),
    ),
    AlertFault(
        "stream", "TargetDown",
        "The process of the live streams is killed.",
        losses.kill("stream"), brings=frozenset({"BreakerOpen"}),
    ),
)  # fmt: skip
BY_NAME = {one.name: one for one in FAULTS}
