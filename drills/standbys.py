"""standbys: one standby is stopped, then the other: there is no second copy to wait for."""

import time
from contextlib import closing

import psycopg

from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.site import DrillSite
from proof.history.order import is_down
from proof.history.recorded import OK, History

_ONE_SECONDS = 8.0
# A response that comes so soon after the last standby went may be of a commit that it had.
_ON_ITS_WAY_SECONDS = 0.5
_WRITES = {"hold", "pay", "release"}
FAILED = "failed with one standby"
ALONE = "acknowledged without a copy"
# What goes on without a copy; by operation.
_READS = ("join", "list", "map", "availability")


def _fault(run: DrillRun) -> Healing:
    first, second = run.site.standbys()
    run.site.do("stop", first)
    time.sleep(_ONE_SECONDS)
    run.note("second goes")
    run.site.do("kill", second)
    run.note("alone")

    def heal() -> None:
        run.note("healing")
        run.site.do("start", first, second)

    return heal


def _look(run: DrillRun, history: History) -> None:
    goes, alone = run.moments["second goes"], run.moments["alone"] + _ON_ITS_WAY_SECONDS
    failed = [one for one in history.operations if is_down(one) and one.ended < goes]
    run.figures[FAILED] = len(failed)
    uncopied = [
        one
        for one in history.operations
        if one.op in _WRITES and one.outcome == OK and alone < one.ended < run.moments["healing"]
    ]
    run.figures[ALONE] = len(uncopied)
    if uncopied:
        run.broken.append(f"{len(uncopied)} writes were acknowledged that no standby has")


def _not_strictly(site: DrillSite) -> None:
    """Let the leader go on alone once no standby is there."""
    strict = {"synchronous_mode_strict": False}
    site.patroni("PATCH", "/config", strict).raise_for_status()
    with closing(psycopg.connect(site.environment["DATABASE_URL"], autocommit=True)) as leader:
        leader.execute("SELECT 1")  # it still leads


DRILL = Drill(
    name="standbys",
    says="One standby is stopped, which nobody notices; then the other, and writes wait.",
    roles=("primary",),
    fault=_fault,
    takes=14.0,
    lasts=20.0,
    limits=(DrillLimit(FAILED, 0, ""), *(DrillLimit(one, 2.0) for one in _READS)),
    look=_look,
    control=Control(
        breaks="Without strict mode the leader acknowledges what nobody else has.",
        unguard=_not_strictly,
    ),
)
