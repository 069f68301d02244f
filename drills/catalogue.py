"""All drills, in the order in which `all` runs them."""

from drills import (
    archive_away,
    cancelled_commit,
    kafka_one,
    kafka_two,
    keys,
    listeners,
    lock_node,
    migration,
    partition,
    password,
    primary_node,
    primary_process,
    queue_node,
    restore,
    rolling,
    standbys,
    switchover,
    without_fastpath,
    zone,
)
from drills.drill import Drill

DRILLS: dict[str, Drill] = {
    one.DRILL.name: one.DRILL
    for one in (
        lock_node,
        queue_node,
        keys,
        password,
        migration,
        listeners,
        without_fastpath,
        rolling,
        switchover,
        primary_process,
        standbys,
        primary_node,
        partition,
        cancelled_commit,
        kafka_one,
        kafka_two,
        zone,
        archive_away,
        restore,
    )
}

# What `make drills` runs: under a quarter of an hour.
QUICK = (
    "lock-node",
    "queue-node",
    "keys",
    "migration",
    "switchover",
    "primary-process",
)
