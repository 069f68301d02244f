"""switchover: a standby is asked to lead, as before work on the leader's machine."""

from drills.drill import Drill, DrillLimit, DrillRun, Healing
from proof.history.order import is_down
from proof.history.recorded import History

UNSERVED = "unserved other than by 503"


def _fault(run: DrillRun) -> Healing:
    run.site.patroni("POST", "/switchover", {"leader": run.site.leader()}).raise_for_status()
    return lambda: None


def _look(run: DrillRun, history: History) -> None:
    others = [one for one in history.operations if is_down(one) and one.status != 503]
    run.figures[UNSERVED] = len(others)


DRILL = Drill(
    name="switchover",
    says="Patroni is asked to let a standby lead.",
    roles=("primary",),
    fault=_fault,
    lasts=10.0,
    limits=(DrillLimit("hold", 5.0), DrillLimit("pay", 5.0), DrillLimit(UNSERVED, 0, "")),
    look=_look,
)
