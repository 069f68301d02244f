"""partition: the leader is cut off from etcd, then its Patroni freezes: another leads beside it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg

from drills.cuttable_links import CuttableLinks
from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.primary_node import without_copies
from drills.site import DrillSite
from proof.rush.rehearsal import ROOT
from stack.profiles import MEMBERS
from stack.service import free_ports

LONELY = "acknowledged by the lonely leader once another led"
OTHER_LEADS = "until another leads"
UNNOTICED = "without a commit while cut off from etcd"
# Longer than the lease lasts (20 s): the members vouch for the leader, which they still see.
_CUT_SECONDS = 25.0
_GAP_SECONDS = 5.0  # of commits meanwhile, on busy cores
_ASK_SECONDS, _PATIENCE_SECONDS = 0.1, 60.0
# A commit that has to have a copy, and leaves no row.
_WRITE = "SELECT pg_logical_emit_message(true, 'drill', 'x')"


class LinkedSite(DrillSite):
    """A stack whose members reach etcd by links that can be cut."""

    def __init__(self, code: Path = ROOT) -> None:
        super().__init__(code)
        [self._etcd_port] = free_ports(1)
        self.links = CuttableLinks(MEMBERS, self._etcd_port)

    def start(self, progress: Callable[[str], None]) -> None:
        self.links.start()
        super().start(progress)

    def _own_environment(self) -> dict[str, str]:
        links = ",".join(f"{member}={port}" for member, port in self.links.ports.items())
        own = {"FRONTROW_ETCD_PORT": str(self._etcd_port), "FRONTROW_ETCD_LINKS": links}
        return super()._own_environment() | own

    def drop(self) -> None:
        super().drop()
        self.links.close()


@dataclass
class _Probe:
    """Asks every member for a commit all the time; keeps when each acknowledged one."""

    site: DrillSite
    taken: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in MEMBERS})
    ended: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        for member in MEMBERS:
            threading.Thread(target=self._ask, args=(member,), daemon=True).start()

    def _ask(self, member: str) -> None:
        while not self.ended.is_set():
            with (
                suppress(psycopg.Error),
                psycopg.connect(self.site.superuser_of(member), autocommit=True) as asked,
            ):
                while not self.ended.is_set():
                    asked.execute(_WRITE)
                    self.taken[member].append(time.monotonic())
                    time.sleep(_ASK_SECONDS)
            time.sleep(_ASK_SECONDS)


def _fault(run: DrillRun) -> Healing:
    """Cut the leader off from etcd; then freeze its Patroni until another has taken commits."""
    site, probe = run.site, _Probe(run.site)
    assert isinstance(site, LinkedSite)
    leader = site.leader()
    others = [name for name in MEMBERS if name != leader]
    patroni = site.patroni_process(leader)
    probe.begin()
    begun = time.monotonic()
    site.links.cut(leader)
    time.sleep(_CUT_SECONDS)
    frozen = time.monotonic()
    run.figures[UNNOTICED] = _longest_gap(probe.taken[leader], begun, frozen)
    patroni.suspend()

    def heal() -> None:
        site.links.mend(leader)
        patroni.resume()
        probe.ended.set()
        _judge(run, leader, probe.taken)

    while not any(probe.taken[name] for name in others):
        if time.monotonic() > frozen + _PATIENCE_SECONDS:
            site.links.mend(leader)
            patroni.resume()
            probe.ended.set()
            raise TimeoutError("no other member took a commit within a minute")
        time.sleep(_ASK_SECONDS)
    run.figures[OTHER_LEADS] = round(time.monotonic() - frozen, 1)
    return heal


def _longest_gap(taken: Sequence[float], begun: float, until: float) -> float:
    """Return the longest time in s between `begun` and `until` without a commit."""
    inside = [at for at in taken if begun < at < until]
    return round(max(b - a for a, b in pairwise([begun, *inside, until])), 1)


def _judge(run: DrillRun, leader: str, taken: Mapping[str, Sequence[float]]) -> None:
    other = min(at for name, moments in taken.items() if name != leader for at in moments)
    lonely = [at for at in taken[leader] if at > other]
    run.figures[LONELY] = len(lonely)
    if lonely:
        run.broken.append(f"two members took commits at a time: {len(lonely)} by the lonely one")


DRILL = Drill(
    name="partition",
    says="The leader is cut off from etcd for longer than its lease lasts, then its Patroni freezes"
    " too, so that another member leads while the old leader still runs and has connections.",
    roles=("primary",),
    fault=_fault,
    takes=60.0,
    lasts=10.0,
    settles=60.0,  # the old leader is rewound: its log ends otherwise than that of the new one
    limits=(DrillLimit(UNNOTICED, _GAP_SECONDS), DrillLimit(LONELY, 0, "")),
    site=LinkedSite,
    control=Control(
        breaks="Without synchronous mode the lonely leader acknowledges what nobody else has.",
        unguard=without_copies,
    ),
)
