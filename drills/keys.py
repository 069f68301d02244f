"""keys: the signing key of every use is rotated while fans hold tokens of the one before."""

from drills.drill import Control, Drill, DrillLimit, DrillRun, GuardEdit, Healing
from kernel.signing.keyring import MAC_USES, USES
from proof.history.order import is_down
from proof.history.recorded import History

REFUSED = "requests that failed or were refused for their token"
_REFUSALS = {401, 403}


def _fault(run: DrillRun) -> Healing:
    uses = (*USES, *MAC_USES)
    run.site.manage("several", *(f"keys rotate {use}" for use in uses))
    return lambda: None


def _look(run: DrillRun, history: History) -> None:
    refused = [one for one in history.operations if one.status in _REFUSALS or is_down(one)]
    run.figures[REFUSED] = len(refused)
    if refused:
        run.broken.append(f"{len(refused)} requests were refused while keys were rotated")


DRILL = Drill(
    name="keys",
    says="The signing keys of all uses are rotated.",
    roles=("api",),
    fault=_fault,
    takes=10.0,
    lasts=15.0,  # 5 s until the new keys sign, and time for who joined before to buy
    limits=(DrillLimit(REFUSED, 0, ""),),
    look=_look,
    control=Control(
        breaks="Where the previous key is dropped at once, who has a token of it is refused.",
        edits=(
            GuardEdit(
                "kernel/signing/keyring_file.py",
                '[new, document["uses"][use][0]]',
                "[new]",
            ),
        ),
    ),
)
