"""All drills, in the order in which `all` runs them."""

from drills import (
    lock_node,
    primary_node,
    primary_process,
    queue_node,
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
        rolling,
        without_fastpath,
        switchover,
        primary_process,
        standbys,
        primary_node,
        zone,
    )
}
