"""The alerts' drill from its beginning to its verdict: quiet first, then fault after fault."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drills.alerts.fault import AlertFault, pending_seconds
from drills.alerts.load import SteadyLoad, steady_load
from drills.alerts.receiver import AlertReceiver, listening
from drills.alerts.site import ObservedSite, comes_true
from drills.verdict import verdict_of, violations
from proof.measures import load_average, machine
from proof.rush.live import LiveView
from proof.rush.rehearsal import RehearsalFailed
from proof.rush.running import settled_audit

QUIET = "quiet"
QUIET_SECONDS = 600.0
# That fans and sale were made at once is an effort, too: until the rules have seen its end.
WARM_UP_SECONDS = 90.0
FLOWS_PER_SECOND = 2.0
_WAIT_ON_SECONDS = 60.0  # beyond its limit, for an alert that is late
# Errors of the faults before count for hours.
BUDGETS = frozenset({"ErrorBudgetBurnsFast", "ErrorBudgetBurns"})
_NEEDS_SECONDS = 900.0
_SETTLE_SECONDS = 60.0
_MEND_SECONDS = 40.0  # of a fault, on the average


@dataclass(frozen=True, slots=True)
class AlertOrder:
    """What to try: `quiet` or not, these faults, and how many flows begin in a second."""

    quiet: bool
    faults: Sequence[AlertFault]
    rate: float = FLOWS_PER_SECOND

    @property
    def seconds(self) -> float:
        """How long the load has to last, in s."""
        faults = sum(one.limit + _MEND_SECONDS for one in self.faults)
        return WARM_UP_SECONDS + (QUIET_SECONDS if self.quiet else 0.0) + faults


@dataclass
class TriedFault:
    """A fault as it was tried; moments in monotonic s, None for what never came."""

    fault: AlertFault
    began: float
    came: float | None = None
    mended: float = 0.0
    ended: float | None = None
    others: dict[str, int] = field(default_factory=dict)
    healthy: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the figures, in s."""
        fault, expected = self.fault, self.fault.brings | BUDGETS
        return {
            "fault": fault.name,
            "says": fault.says,
            "alert": fault.alert,
            "for": pending_seconds(fault.alert),
            "takes": fault.takes,
            "received_after": None if self.came is None else round(self.came - self.began, 1),
            "limit": fault.limit,
            "ended_after": None if self.ended is None else round(self.ended - self.mended, 1),
            "end_limit": fault.end_limit,
            "others": {name: count for name, count in self.others.items() if name in expected},
            "unexpected": {
                name: count for name, count in self.others.items() if name not in expected
            },
        }


class AlertDrill:
    """One run over a stack of its own; `run` drops the stack whatever happens."""

    def __init__(self, order: AlertOrder, view: LiveView) -> None:
        self._order = order
        self._view = view
        self._receiver = AlertReceiver()
        self._tried: list[TriedFault] = []
        self._broken: list[str] = []
        self._quiet: dict[str, Any] | None = None

    def run(self) -> dict[str, Any]:
        """Return the report. Raises `RehearsalFailed` and `StackError`."""
        with listening(self._receiver) as url:
            site = ObservedSite(url)
            load = SteadyLoad(site, steady_load(self._order.rate, self._order.seconds))
            try:
                self._view.say("Starting a stack that is observed ...")
                site.start(self._view.say)
                self._view.say("Preparing a sale and its fans ...")
                load.begin()
                return self._under(load, site)
            finally:
                load.end()
                site.drop()

    def _under(self, load: SteadyLoad, site: ObservedSite) -> dict[str, Any]:
        began = time.monotonic()
        if self._order.quiet:
            self._keep_quiet()
        for fault in self._order.faults:
            self._try(fault, site)
        late = [] if load.goes_on else ["the load ended before the last fault was mended"]
        self._hear_the_ends()
        load.end()
        audit = settled_audit(site, _SETTLE_SECONDS)
        self._broken += violations(audit)
        return self._report(load, audit["outcome"], late, time.monotonic() - began)

    def _keep_quiet(self) -> None:
        """Look for ten minutes at a site that is well: nobody may be called."""
        self._view.say(f"The load runs for {WARM_UP_SECONDS:.0f} s ...")
        time.sleep(WARM_UP_SECONDS)
        began = time.monotonic()
        self._view.say(f"Nothing is broken for {QUIET_SECONDS:.0f} s ...")
        time.sleep(QUIET_SECONDS)
        fired = self._receiver.fired(began)
        self._quiet = {
            "seconds": QUIET_SECONDS,
            "alerts": dict(Counter(one.name for one in fired)),
            "while it started": dict(Counter(one.name for one in self._receiver.fired(0, began))),
        }
        self._broken += [
            f"{one.name} came after {one.at - began:.0f} quiet seconds: {dict(one.labels)}"
            for one in fired
        ]

    def _try(self, fault: AlertFault, site: ObservedSite) -> None:
        if fault.needs and not comes_true(lambda: site.has_data(fault.needs), _NEEDS_SECONDS):
            self._broken.append(f"{fault.name}: Prometheus has no data for {fault.needs}")
            return
        # An alert that still fires would say nothing.
        if not comes_true(lambda: not self._receiver.active(fault.alert), _NEEDS_SECONDS):
            self._broken.append(f"{fault.name}: {fault.alert} fires already, and does not end")
            return
        self._view.say(f"{fault.name}: {fault.says}")
        tried = TriedFault(fault, time.monotonic())
        self._tried.append(tried)
        try:
            mend = fault.breaks(site)
            comes_true(lambda: self._came(tried), fault.limit + _WAIT_ON_SECONDS)
            mend()
        except Exception as error:
            # Nothing was drilled, which is not what a broken promise is.
            raise RehearsalFailed(f"{fault.name}: {error!r}") from error
        tried.mended = time.monotonic()
        tried.healthy = site.becomes_healthy()
        until = time.monotonic()
        fired = self._receiver.fired(tried.began, until)
        tried.others = dict(Counter(one.name for one in fired if one.name != fault.alert))
        came = "not" if tried.came is None else f"after {tried.came - tried.began:.1f} s"
        self._view.say(f"{fault.name}: {fault.alert} came {came} (at most {fault.limit:g} s)")

    def _came(self, tried: TriedFault) -> bool:
        fired = self._receiver.fired(tried.began)
        tried.came = next((one.at for one in fired if one.name == tried.fault.alert), None)
        return tried.came is not None

    def _hear_the_ends(self) -> None:
        for tried in self._tried:
            if tried.came is None:
                continue
            self._view.say(f"{tried.fault.name}: waiting for the end of {tried.fault.alert} ...")
            left = tried.mended + tried.fault.end_limit + _WAIT_ON_SECONDS - time.monotonic()
            comes_true(lambda tried=tried: self._ended(tried), max(0.0, left))  # type: ignore[misc]

    def _ended(self, tried: TriedFault) -> bool:
        tried.ended = self._receiver.resolved_at(tried.fault.alert, tried.began)
        return tried.ended is not None

    def _report(
        self, load: SteadyLoad, audit: str, late: list[str], seconds: float
    ) -> dict[str, Any]:
        missed: list[str] = []
        for tried in self._tried:
            one, name = tried.as_json(), f"{tried.fault.name}: {tried.fault.alert}"
            if not tried.healthy:
                self._broken.append(f"{tried.fault.name}: not every part was well after it")
            if one["received_after"] is None:
                self._broken.append(f"{name} did not come")
            elif one["received_after"] > one["limit"]:
                missed.append(f"{name} came after {one['received_after']} s, not {one['limit']:g}")
            if one["received_after"] is not None and one["ended_after"] is None:
                self._broken.append(f"{name} did not end")
            elif one["ended_after"] is not None and one["ended_after"] > one["end_limit"]:
                missed.append(
                    f"{name} ended {one['ended_after']} s after, not {one['end_limit']:g}"
                )
        verdict = verdict_of(broken=self._broken, missed=missed, late=late)
        return {
            "drill": "alerts",
            "verdict": verdict.name,
            "exit_code": int(verdict),
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": {**machine(), "load": load_average()},
            "flows_per_second": self._order.rate,
            "seconds": round(seconds),
            "sold": load.last.get("sold"),
            "quiet": self._quiet,
            "faults": [tried.as_json() for tried in self._tried],
            "audit": audit,
            "broken": self._broken,
            "missed": missed,
            "late": late,
        }
