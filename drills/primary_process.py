"""primary-process: the leader's PostgreSQL is killed, and its Patroni lives."""

import os
import signal

from drills.drill import Drill, DrillLimit, DrillRun, Healing


def _fault(run: DrillRun) -> Healing:
    os.kill(run.site.postmaster(run.site.leader()), signal.SIGKILL)
    return lambda: None  # its Patroni starts it again, as a standby


DRILL = Drill(
    name="primary-process",
    says="The leader's PostgreSQL is killed; its Patroni lives, and starts it again as a standby.",
    roles=("primary",),
    fault=_fault,
    lasts=10.0,
    limits=(DrillLimit("hold", 8.0), DrillLimit("pay", 8.0)),
)
