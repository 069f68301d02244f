"""partition: the leader's Patroni freezes: its lease ends, another leads, and it still runs."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from drills.drill import Control, Drill, DrillRun, Healing
from drills.primary_node import without_copies
from drills.site import DrillSite
from stack.profiles import MEMBERS

LONELY = "acknowledged by the lonely leader once another led"
OTHER_LEADS = "until another leads"
_ASK_SECONDS, _PATIENCE_SECONDS = 0.1, 60.0
# A commit that has to have a copy, and leaves no row.
_WRITE = "SELECT pg_logical_emit_message(true, 'drill', 'x')"


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
    """Freeze the leader's Patroni until some time after another member has taken commits."""
    site, probe = run.site, _Probe(run.site)
    leader = site.leader()
    probe.begin()
    frozen = site.patroni_process(leader)
    begun = time.monotonic()
    frozen.suspend()
    others = [name for name in MEMBERS if name != leader]
    while not any(probe.taken[name] for name in others):
        if time.monotonic() > begun + _PATIENCE_SECONDS:
            frozen.resume()
            raise TimeoutError("no other member took a commit within a minute")
        time.sleep(_ASK_SECONDS)
    run.figures[OTHER_LEADS] = round(time.monotonic() - begun, 1)
    run.note("another leads")

    def heal() -> None:
        frozen.resume()
        probe.ended.set()
        _judge(run, leader, probe.taken)

    return heal


def _judge(run: DrillRun, leader: str, taken: Mapping[str, Sequence[float]]) -> None:
    other = min(at for name, moments in taken.items() if name != leader for at in moments)
    lonely = [at for at in taken[leader] if at > other]
    run.figures[LONELY] = len(lonely)
    if lonely:
        run.broken.append(f"two members took commits at a time: {len(lonely)} by the lonely one")


DRILL = Drill(
    name="partition",
    says="The leader's Patroni freezes, so that its lease ends and another member leads while the"
    " old leader still runs and has connections.",
    roles=("primary",),
    fault=_fault,
    takes=35.0,
    lasts=10.0,
    limits=(),
    control=Control(
        breaks="Without synchronous mode the lonely leader acknowledges what nobody else has.",
        unguard=without_copies,
    ),
)
