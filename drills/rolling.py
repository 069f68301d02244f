"""rolling: every process of ours is stopped and started again, one after the other."""

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.verdict import FAILED, failures
from proof.history.recorded import History
from stack.profiles import APIS, FASTPATHS

# Not the gateway, of which there is one here; behind a load balancer there are several.
_PARTS = (*APIS, *FASTPATHS, "stream", "workers", "beat", "consumers")


def _fault(run: DrillRun) -> Healing:
    for part in _PARTS:
        run.site.do("stop", part)
        run.site.do("start", part)
    return lambda: None


def _look(run: DrillRun, history: History) -> None:
    failed = run.figures[FAILED] = failures(history.operations)
    if failed:
        run.broken.append(f"{failed} requests failed while processes were restarted")


DRILL = Drill(
    name="rolling",
    says="Each API and fastpath, then the streams, workers, beat and consumers are stopped and"
    " started again, one after the other.",
    roles=("api",),
    fault=_fault,
    takes=110.0,
    lasts=0.0,
    limits=(DrillLimit(FAILED, 0, ""),),
    look=_look,
    control=Control(
        breaks="Stopped without a drain a process is sent requests that it does not answer.",
        edits=(GuardEdit("stack/entrance.py", "return self.gateway is not None", "return False"),),
    ),
)
