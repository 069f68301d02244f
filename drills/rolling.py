"""rolling: every process of ours is stopped and started again, one after the other.

The gateway, of which there is one, is reloaded: new workers take over from the old.
"""

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.verdict import FAILED, failures
from proof.history.recorded import History
from stack.profiles import APIS, FASTPATHS

_PARTS = (*APIS, *FASTPATHS, "stream", "workers", "beat", "consumers")


def _fault(run: DrillRun) -> Healing:
    run.site.restart(*_PARTS)
    run.site.do("reload", "gateway")
    return lambda: None


def _look(run: DrillRun, history: History) -> None:
    failed = run.figures[FAILED] = failures(history.operations)
    if failed:
        run.broken.append(f"{failed} requests failed while processes were restarted")


DRILL = Drill(
    name="rolling",
    says="Each API and fastpath, then the streams, workers, beat and consumers are stopped and"
    " started again, one after the other, and the gateway is reloaded.",
    roles=("api",),
    fault=_fault,
    takes=120.0,
    lasts=0.0,
    limits=(DrillLimit(FAILED, 0, ""),),
    look=_look,
    control=Control(
        breaks="Stopped without a drain a process is sent requests that it does not answer.",
        edits=(GuardEdit("stack/entrance.py", "return self.gateway is not None", "return False"),),
    ),
)
