"""fastpath: both freeze, go on, and are then killed: the API answers for them.

The freeze comes first. To start what was killed takes each process two seconds of a processor, and
the busy API leaves it little of one: that is measured as `HEALTHY`, and would be no time to
judge a freeze by.
"""

import time

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from drills.verdict import outages
from proof.history.recorded import History
from stack.profiles import FASTPATHS

_FROZEN_SECONDS, _GONE_SECONDS = 10.0, 10.0
_BETWEEN_SECONDS = 4.0  # who was frozen is taken in again, and responds to what waited
_NOTICED_SECONDS = 1.0
_MOST_OF = 0.8  # of a spell: nobody stood in
# Which fans ask of fastpath first.
_HOT = ("join", "availability", "hold", "pay")


def _fault(run: DrillRun) -> Healing:
    site = run.site
    run.note("frozen")
    site.do("pause", *FASTPATHS)
    time.sleep(_FROZEN_SECONDS)
    site.do("resume", *FASTPATHS)
    time.sleep(_BETWEEN_SECONDS)
    run.note("killed")
    site.do("kill", *FASTPATHS)
    return lambda: site.do("start", *FASTPATHS)


def _look(run: DrillRun, history: History) -> None:
    for spell, seconds in (("frozen", _FROZEN_SECONDS), ("killed", _GONE_SECONDS)):
        begun = run.moments[spell]
        gaps = outages(history.operations, begun=begun, until=begun + seconds)
        run.figures |= {f"{op} while {spell}": gaps[op] for op in _HOT}
        run.broken += [
            f"no {op} was acknowledged for {gaps[op]} of the {seconds} s of fastpath {spell}"
            for op in _HOT
            if gaps[op] >= _MOST_OF * seconds
        ]


DRILL = Drill(
    name="fastpath",
    says="Every process of fastpath is frozen, goes on, and is killed 4 s later.",
    roles=("fastpath",),
    fault=_fault,
    takes=_FROZEN_SECONDS + _BETWEEN_SECONDS + 2.0,
    lasts=_GONE_SECONDS,
    limits=tuple(
        DrillLimit(f"{op} while {spell}", _NOTICED_SECONDS)
        for spell in ("frozen", "killed")
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
