"""One drill from its beginning to its verdict."""

import json
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drills.drill import FAULT_AT, Control, Drill, DrillRun
from drills.flows import whole_flows
from drills.guards import copy_without
from drills.site import DrillSite
from drills.verdict import (
    DrillVerdict,
    acknowledged,
    errors_of,
    lost,
    missed,
    outages,
    verdict_of,
    violations,
)
from proof.history import recorded
from proof.history.checker import contradictions
from proof.history.recorded import History
from proof.measures import load_average, machine
from proof.rush.client import HISTORY, SUMMARY
from proof.rush.faults import RushFault, ScriptedFault, ScriptMoment
from proof.rush.live import LiveView
from proof.rush.profiles import RushProfile
from proof.rush.rehearsal import ROOT
from proof.rush.running import PreparedSale, RushOrder, play, prepare, settled_audit
from proof.rush.seen import MAY_REPEAT, complete_history
from proof.rush.targets import void_reasons

FLOWS_PER_SECOND = 30.0
_AFTER_SECONDS = 20.0  # of load behind the healing
_SETTLE_SECONDS = 30.0
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 5.0  # of the load behind the healing
_SEED = 1
HEALTHY = "healthy after healing"


class DrillFailed(Exception):
    """The fault or its healing could not be carried out."""


@dataclass(frozen=True, slots=True)
class DrillOrder:
    """What to run: a drill, how many whole flows begin in a second, with its guard or without."""

    drill: Drill
    rate: float = FLOWS_PER_SECOND
    without_guard: bool = False


@dataclass
class _Breaking:
    """Carries a drill's fault out beside the load, in a thread of its own."""

    drill: Drill
    run: DrillRun
    done: list[RushFault] = field(default_factory=list)
    failure: BaseException | None = None

    def begin(self, begun: float) -> None:
        self._thread = threading.Thread(target=self._carry_out, args=(begun,))
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return bool(self.done) or self.failure is not None

    def end(self) -> None:
        """Wait until it is healed; raises `DrillFailed` where something went wrong meanwhile."""
        self._thread.join()
        if self.failure is not None:
            raise DrillFailed(f"the fault: {self.failure!r}") from self.failure

    def _carry_out(self, begun: float) -> None:
        try:
            time.sleep(max(0.0, begun + FAULT_AT - time.monotonic()))
            broke = time.monotonic()
            heal = self.drill.fault(self.run)
            took, planned = time.monotonic() - broke, self.drill.takes
            if took > planned + _GRACE_SECONDS:
                self.run.late.append(
                    f"the fault took {took:.0f} s of {planned:g}: no load was left"
                )
            time.sleep(self.drill.lasts)
            heal()
            healed = time.monotonic()
            seconds = round(healed - broke, 1)
            self.done += [
                RushFault(broke - begun, "lose", role, seconds) for role in self.drill.roles
            ]
            self.run.figures[HEALTHY] = self._seconds_until_healthy(healed)
        except BaseException as error:  # noqa: BLE001  (`end` raises it where it is seen)
            self.failure = error

    def _seconds_until_healthy(self, healed: float) -> float:
        while not self.run.site.is_healthy():
            if time.monotonic() > healed + self.drill.settles:
                late = f"not every part was well {self.drill.settles:g} s after the healing"
                self.run.broken.append(late)
                break
            time.sleep(_LOOK_SECONDS)
        return round(time.monotonic() - healed, 1)


class DrillStage:
    """The stack of one drill after the other; `drop` may be called at any time."""

    def __init__(self) -> None:
        self._kept: DrillSite | None = None
        # The checker looks at all events of a site: after such a loss some may be there twice.
        self._has_repeated = False

    def run(self, order: DrillOrder, view: LiveView) -> dict[str, Any]:
        """Load a stack, break it, judge it; return the report.

        The stack is kept for the next drill where it held; a control has one for itself. Raises
        `RehearsalFailed`, `DrillFailed`, `GuardNotFound` and `ProfileInvalid`.
        """
        control = order.drill.control if order.without_guard else None
        if control:
            return _run_control(order, control, view)
        site, self._kept = self._kept, None
        repeats = not MAY_REPEAT.isdisjoint(order.drill.roles)
        if site is not None and self._has_repeated and not repeats:
            site.drop()
            site = None
        self._has_repeated = repeats
        if site is not None and type(site) is not order.drill.site:
            site.drop()
            site = None
        if site is None:
            site = _started(order.drill.site(), order, view)
        try:
            report = _run_on(site, order, view)
            if report["exit_code"] == DrillVerdict.HELD:
                self._kept = site
            return report
        finally:
            if self._kept is None:
                site.drop()

    def drop(self) -> None:
        """Stop what was kept."""
        if self._kept is not None:
            self._kept.drop()
            self._kept = None


def _run_control(order: DrillOrder, control: Control, view: LiveView) -> dict[str, Any]:
    edits = control.edits
    with tempfile.TemporaryDirectory(prefix="frontrow-drill-") if edits else nullcontext() as copy:
        code = copy_without(edits, Path(copy)) if copy else ROOT
        site = _started(order.drill.site(code), order, view)
        try:
            if control.unguard:
                control.unguard(site)
            return _run_on(site, order, view)
        finally:
            site.drop()


def _started(site: DrillSite, order: DrillOrder, view: LiveView) -> DrillSite:
    view.say(f"{order.drill.name}: starting a stack with spare parts ...")
    try:
        site.start(view.say)
    except BaseException:
        site.drop()
        raise
    return site


def _run_on(site: DrillSite, order: DrillOrder, view: LiveView) -> dict[str, Any]:
    drill = order.drill
    view.say(f"{drill.name}: preparing a sale ...")
    played, prepared = prepare(_rush_order(order), site)
    run = DrillRun(site, prepared.sale["performance_id"], order.without_guard)
    breaking = _Breaking(drill, run)
    try:
        play(site, prepared.folder, breaking, view)
    finally:
        view.stop()
    breaking.end()
    view.say(f"{drill.name}: comparing what was acknowledged with what every store holds ...")
    audit = settled_audit(site, _SETTLE_SECONDS)
    client = json.loads((prepared.folder / SUMMARY).read_text())
    history = _history(site, prepared, breaking.done, client["begun"])
    if drill.look:
        drill.look(run, history)
    return _report(order, played.profile, run, history, audit, client)


def _rush_order(order: DrillOrder) -> RushOrder:
    """Return the load: fans who arrive evenly, choose, hold, pay by points or let go."""
    seconds = FAULT_AT + order.drill.takes + order.drill.lasts + _AFTER_SECONDS
    profile = whole_flows(
        order.drill.name,
        rate=order.rate,
        seconds=seconds,
        admitted_per_second=order.rate * 2,
        hold_seconds=30,  # a claim that outlived its hold ends while all settles
        connections=1024,  # while holds wait for half a minute all others go on
    )
    lasts = ScriptMoment(order.drill.takes + order.drill.lasts)
    faults = tuple(
        ScriptedFault(ScriptMoment(FAULT_AT), "lose", role, lasts) for role in order.drill.roles
    )
    return RushOrder(profile=profile, seed=_SEED, sale=None, faults=faults)


def _history(
    site: DrillSite, prepared: PreparedSale, faults: Sequence[RushFault], begun: float
) -> History:
    sale = prepared.sale
    left = json.loads(site.manage("rush", "left", "--performance", sale["performance_id"]))
    return complete_history(
        recorded.read(prepared.folder / HISTORY),
        sale=sale,
        seats=[seat for seat, _, _ in prepared.seats],
        balances=prepared.points,
        faults=faults,
        begun=begun,
        left=left,
    )


def _report(
    order: DrillOrder,
    profile: RushProfile,
    run: DrillRun,
    history: History,
    audit: dict[str, Any],
    client: dict[str, Any],
) -> dict[str, Any]:
    drill, operations = order.drill, history.operations
    begun, final = client["begun"], history.final
    until = begun + profile.arrival_seconds
    gaps = outages(operations, begun=begun + FAULT_AT, until=until)
    gone = [] if final is None else lost(operations, final)
    unseen = [
        f"audit: {one['check']}: {one['failure']}" for one in audit["checks"] if one["failure"]
    ]
    broken = [
        *run.broken, *gone, *violations(audit), *unseen, *client["findings"],
        *(f"{one.check}: {one.detail}" for one in contradictions(history)),
    ]  # fmt: skip
    figures = {**gaps, **run.figures}
    over, late = missed(figures, drill.limits), [*void_reasons(client["load"]), *run.late]
    verdict = verdict_of(broken=broken, missed=over, late=late)
    return {
        "drill": drill.name,
        "says": drill.says,
        "control": order.without_guard,
        "verdict": verdict.name,
        "exit_code": int(verdict),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {**machine(), "load": load_average()},
        "flows_per_second": order.rate,
        "requests": len(operations),
        "acknowledged": acknowledged(operations),
        "lost": len(gone),
        "oversold": sum("seats_have_one_owner" in one for one in broken),
        "figures": figures,
        "limits": {limit.figure: limit.most for limit in drill.limits},
        "errors": errors_of(operations),
        "audit": audit["outcome"],
        "broken": broken,
        "missed": over,
        "late": late,
        "client": client["load"],
    }
