"""queue-node: the master of the sale's waiting room dies, a second behind its replica."""

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.site import ValkeySite
from drills.valkey import OTHER_SLOTS, kill_master


def _fault(run: DrillRun) -> Healing:
    return kill_master(run, "queue", f"fr:q:{{{run.performance}}}:state")


DRILL = Drill(
    name="queue-node",
    says="The queue master of the sale's slot is killed, its replica a second behind.",
    site=ValkeySite,
    roles=("queue",),
    fault=_fault,
    lasts=10.0,
    limits=(DrillLimit("join", 5.0), DrillLimit(OTHER_SLOTS, 0.5)),
    control=Control(
        breaks="A promoted replica goes on as if it were the old server: numbers are given twice.",
        edits=(
            GuardEdit(
                "queueing/lua/queue_room.lua",
                "if not run or run ~= current_run() then return nil",
                "if not run then return nil",
            ),
        ),
    ),
)
