"""zone: everything of one zone dies at once, as with its power."""

from drills.drill import Drill, DrillLimit, DrillRun, Healing
from stack.profiles import APIS, BROKERS, FASTPATHS

_OUT_SECONDS = 30.0


def _fault(run: DrillRun) -> Healing:
    """Kill the leader, the masters of the sale's slots, a broker, an API and a fastpath."""
    site = run.site
    lock, _ = site.owner("lock", f"fr:l:{{{run.performance}}}:warm")
    queue, _ = site.owner("queue", f"fr:q:{{{run.performance}}}:state")
    zone = (site.leader(), lock, queue, BROKERS[0], APIS[0], FASTPATHS[0])
    site.do("kill", *zone)
    return lambda: site.do("start", *zone)


DRILL = Drill(
    name="zone",
    says="PostgreSQL's leader, the lock and queue masters of the sale, a broker, an API and a"
    " fastpath are killed at once.",
    roles=("primary", "lock", "queue", "kafka", "api", "fastpath"),
    fault=_fault,
    lasts=35.0,
    limits=tuple(DrillLimit(one, _OUT_SECONDS) for one in ("join", "hold", "pay")),
)
