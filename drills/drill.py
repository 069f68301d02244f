"""What a drill is: a fault, what must hold through it, and the guard without which it doesn't."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drills.site import DrillSite
from proof.history.recorded import History

# A part of the stack comes back by what a fault returned.
Healing = Callable[[], None]
FAULT_AT = 5.0  # seconds after the load's beginning


@dataclass(frozen=True, slots=True)
class GuardEdit:
    """A guard in a file of the product: the one place where `guard` stands becomes `without`."""

    path: str
    guard: str
    without: str


@dataclass(frozen=True, slots=True)
class Control:
    """How a drill's guard is taken out, and in words what must break then.

    `edits` change a copy of the code, which the stack then runs; `unguard` changes the running one.
    """

    breaks: str
    edits: Sequence[GuardEdit] = ()
    unguard: Callable[[DrillSite], None] | None = None


@dataclass(frozen=True, slots=True)
class DrillLimit:
    """The most that a figure may be, in its unit."""

    figure: str
    most: float
    unit: str = "s"


@dataclass
class DrillRun:
    """What a fault and the looks after it say of one run.

    `figures` are measured; `broken` are promises that did not hold, a sentence each; `late` says
    why no figure counts. `performance` is the sale's id. `moments` are noted by the fault, in s of
    the clock of the history.
    `without_guard`: a deed that is its own guard leaves that out.
    """

    site: DrillSite
    performance: str
    without_guard: bool = False
    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    moments: dict[str, float] = field(default_factory=dict)

    def note(self, moment: str) -> None:
        """Note that a part of the fault happens now."""
        self.moments[moment] = time.monotonic()


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    `roles`: the parts of the plain stack whose stand-ins are lost. `fault` begins it at `FAULT_AT`,
    takes up to `takes` seconds for it, and returns its healing, which is called `lasts` seconds
    later; `settles` seconds after that every part has to be well. `look` judges what only this
    drill asks, once all has settled. A `site` of another kind
    is for this drill alone.
    """

    name: str
    says: str
    roles: Sequence[str]
    fault: Callable[[DrillRun], Healing]
    lasts: float
    limits: Sequence[DrillLimit]
    control: Control | None = None
    look: Callable[[DrillRun, History], None] | None = None
    takes: float = 5.0
    settles: float = 30.0
    site: type[DrillSite] = DrillSite
