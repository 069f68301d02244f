"""fastpath: both are killed, come back, and then freeze: the API answers for them."""

import time

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.verdict import outages
from proof.history.recorded import History
from stack.profiles import FASTPATHS

_GONE_SECONDS = 8.0
_NOTICED_SECONDS = 1.0
# Which fans ask of fastpath first.
_HOT = ("join", "availability", "hold", "pay")


def _fault(run: DrillRun) -> Healing:
    for part in FASTPATHS:
        run.site.do("kill", part)
    run.note("killed")
    time.sleep(_GONE_SECONDS)
    for part in FASTPATHS:
        run.site.do("start", part)
    run.note("frozen")
    for part in FASTPATHS:
        run.site.do("pause", part)

    def heal() -> None:
        for part in FASTPATHS:
            run.site.do("resume", part)

    return heal


def _look(run: DrillRun, history: History) -> None:
    killed, frozen = run.moments["killed"], run.moments["frozen"]
    for spell, begun, until in (
        ("killed", killed, killed + _GONE_SECONDS),
        ("frozen", frozen, frozen + DRILL.lasts),
    ):
        gaps = outages(history.operations, begun=begun, until=until)
        run.figures |= {f"{op} while {spell}": gaps[op] for op in _HOT}


DRILL = Drill(
    name="fastpath",
    says="Every process of fastpath is killed, started again 8 s later, and then frozen.",
    roles=("fastpath",),
    fault=_fault,
    takes=25.0,
    lasts=10.0,
    limits=tuple(
        DrillLimit(f"{op} while {spell}", _NOTICED_SECONDS)
        for spell in ("killed", "frozen")
        for op in _HOT
    ),
    look=_look,
    control=Control(
        breaks="Where the gateway doesn't fall back to the API, all joins and holds are refused.",
        edits=(
            GuardEdit(
                "stack/gateway/upstreams.py",
                'backups = _servers(self.api, "backup")',
                'backups = ""',
            ),
        ),
    ),
)
